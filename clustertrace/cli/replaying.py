"""`replay` and `repro`: run a recorded run again, and write a test that does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, plain, print_json, stdout, write_out
from clustertrace.errors import UsageError
from clustertrace.opening import reading

if TYPE_CHECKING:
    from clustertrace.model import Trace
    from clustertrace.replay.arguments import Change
    from clustertrace.replay.running import Rerun
    from clustertrace.store.store import Store

__all__ = ["replay", "repro"]

_STDOUT: Final = Path("-")

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change an argument, such as 'messages[0].content=Hello' (JSON or text).",
        show_default=False,
    ),
]

Entry = Annotated[
    str,
    typer.Option(
        metavar="MODULE:FUNCTION", help="What to call, such as my_agent:run.", show_default=False
    ),
]


@command(
    "replay",
    "clustertrace replay 3f2a --entry my_agent:run",
    "clustertrace replay 3f2a --entry my_agent:run --stub all --until search#2",
    "clustertrace replay 3f2a --entry my_agent:run --stub tools --set 'question=Why?'",
)
def replay(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="Its id, or the start of it.")],
    entry: Entry,
    stub: Annotated[
        str | None,
        typer.Option(
            metavar="CALLS",
            help="Answer from the recording: llm, tools, all, or step names separated by commas.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            help="Make real calls from this stubbed step on: a number, a name or name#2.",
            show_default=False,
        ),
    ] = None,
    change: Set = None,
    prompt_file: Annotated[
        Path | None,
        typer.Option(help="Use the text of this file as the prompt.", show_default=False),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Ask this model instead.", show_default=False)
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Run a recorded run again and compare.

    Calls the entry with the recorded arguments, in this folder and environment; without --stub
    its tools and models are really called. The new run is a trace of its own, tagged replay_of
    and left out of every count. An argument that can't be rebuilt is an error that names it. Exit
    code 1: the run asked for a call that the recording does not contain.
    """
    from clustertrace.record.redirecting import recording_into
    from clustertrace.replay import running
    from clustertrace.store import queries

    with reading(db) as store:
        with store.read() as conn:
            recording = queries.trace(conn, trace)
        changes = _read_changes(recording, change or [], prompt_file)
        function = running.entry_of(entry)
        with recording_into(store.place.text):
            result = running.rerun(
                function, recording, stub=stub, until=until, changes=changes, model=model
            )
        store.refresh()
        new = _read_new_run(store, result)
        _report(store, recording, new, result, as_json=as_json)
    if model is not None and new is not None:
        _warn_if_model_unused(new, model)
    if result.left is not None:
        raise typer.Exit(1)


def _read_changes(
    recording: Trace, assignments: list[str], prompt_file: Path | None
) -> list[Change]:
    from clustertrace.errors import NotFound
    from clustertrace.patterns.signature import in_order, root_of
    from clustertrace.replay.arguments import parse_change, prompt_change

    changes = [parse_change(assignment) for assignment in assignments]
    if prompt_file is not None:
        try:
            prompt = prompt_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"{prompt_file} can't be read ({error}).") from None
        changes.append(prompt_change(root_of(in_order(recording.spans)), prompt.rstrip("\n")))
    return changes


def _warn_if_model_unused(new: Trace, model: str) -> None:
    """Say so where the run is no answer to the question what another model would do."""
    from clustertrace.replay.differing import asked_model

    if not asked_model(new, model):
        note(
            f"--model changed nothing: no call asked {model}. It reaches an argument called "
            "model, and calls of wrapped clients; set another argument with --set."
        )


def _read_new_run(store: Store, result: Rerun) -> Trace | None:
    from clustertrace.errors import NotFound
    from clustertrace.store import queries

    if result.trace_id is None:
        return None
    with store.read() as conn:
        try:
            return queries.trace(conn, result.trace_id)
        except NotFound:
            return None


def _report(
    store: Store, recording: Trace, new: Trace | None, result: Rerun, *, as_json: bool
) -> None:
    from clustertrace.cli.comparing import row_document, show_sides
    from clustertrace.patterns.alignment import align
    from clustertrace.replay.differing import facts_of, sentences
    from clustertrace.store import queries

    if new is None:
        if as_json:
            print_json({"replay_of": recording.trace_id, "trace_id": None, "error": result.error})
        note("The run recorded nothing; is the entry switched off by `sample` or `skip`?")
        return
    with store.read() as conn:
        left, right = queries.sides(conn, recording.trace_id, new.trace_id)
    rows = align(left.places, right.places)
    before, after = facts_of(recording), facts_of(new)
    if as_json:
        document: dict[str, Any] = {
            "replay_of": recording.trace_id,
            "trace_id": new.trace_id,
            "played": result.played,
            "differing_steps": list(result.differing),
            "left_at": result.left,
            "error": result.error,
            "same_steps": all(row.what == "same" for row in rows),
            "same_output": before.output == after.output,
            "before": before._asdict(),
            "after": after._asdict(),
            "rows": [row_document(row) for row in rows],
        }
        print_json(document)
        return
    show_sides(left, right, rows)
    for sentence in sentences(before, after, result):
        stdout().print(plain(sentence))


@command(
    "repro",
    "clustertrace repro 3f2a --entry my_agent:run -o tests/test_search_loop.py",
    "clustertrace repro 9c41d2 --entry my_agent:run --expect-failure -o test_known.py",
)
def repro(
    of: Annotated[
        str,
        typer.Argument(
            metavar="TRACE|PATTERN",
            help="The failed run, or a pattern, whose newest failed run is taken.",
        ),
    ],
    entry: Entry,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write here. Default: standard output.",
            show_default=False,
            allow_dash=True,
        ),
    ] = _STDOUT,
    stub: Annotated[
        str, typer.Option(metavar="CALLS", help="What the recording answers, as in `replay`.")
    ] = "all",
    change: Set = None,
    expect_failure: Annotated[
        bool,
        typer.Option(
            "--expect-failure", help="Pass as long as it fails, instead of once it is fixed."
        ),
    ] = False,
    mode: Annotated[
        Literal["positive", "negative"],
        typer.Option(help="negative is another name for --expect-failure."),
    ] = "positive",
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write a test from a failing run.

    Writes a pytest file that contains the recorded answers, calls the entry, and fails as long as
    the run fails in the same way. It is tried once before it is written. Exit code 1: the run did
    not fail, or does not fail here as it was recorded, so there is nothing to test.
    """
    from clustertrace.replay.arguments import parse_change, with_changes
    from clustertrace.replay.checking import replayed
    from clustertrace.replay.repro import repro_module, slim_recording
    from clustertrace.replay.running import entry_of

    with reading(db) as store:
        recording = _failing_run(store, of)
    text = None
    if not recording.failed:
        outcome = "The run did not fail, so there is nothing to test."
        news = (
            f"Nothing written. {outcome} If what it gave was wrong, say so first: "
            f"clustertrace outcome {recording.trace_id[:8]} fail"
        )
    else:
        recording = with_changes(recording, [parse_change(one) for one in change or []])
        again = replayed(entry_of(entry), slim_recording(recording), stub=stub, until=None)
        outcome = again.summary
        news = f"Nothing written: the run does not fail here as recorded. {outcome}"
        if again.fails_as_recorded:
            inverse = expect_failure or mode == "negative"
            text = repro_module(recording, entry, stub=stub, expect_failure=inverse)
            _write_test(output, text, as_json=as_json)
            news = outcome if output == _STDOUT else f"Wrote {output}. {outcome}"
    if as_json:
        print_json(_repro_document(recording, text, output, outcome))
    elif output == _STDOUT:
        note(plain(news))
    else:
        stdout().print(plain(news))
    if text is None:
        raise typer.Exit(1)


def _repro_document(
    recording: Trace, text: str | None, output: Path, outcome: str
) -> dict[str, Any]:
    """What `repro --json` prints; `text` is the test, if the run fails as it was recorded."""
    to_file = output != _STDOUT
    return {
        "trace_id": recording.trace_id,
        "fails_as_recorded": text is not None,
        "file": str(output) if to_file and text is not None else None,
        "test": None if to_file else text,
        "summary": outcome,
    }


def _write_test(output: Path, text: str, *, as_json: bool) -> None:
    """Write the test; JSON on standard output holds it itself."""
    if output == _STDOUT:
        if not as_json:
            write_out(text.encode())
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{output} can't be written ({error.strerror}).") from None


def _failing_run(store: Store, prefix: str) -> Trace:
    """A trace, or the newest failing one of a pattern. Raises NotFound."""
    from clustertrace.errors import NotFound
    from clustertrace.store import queries

    with store.read() as conn:
        found = queries.named(conn, prefix)
        if found.pattern is None:
            return queries.trace(conn, found.id)
        rows = queries.failed_runs(conn, found.id, 1)
        if not rows:
            raise NotFound(f"No run of pattern {found.id} failed; name a trace instead.")
        return queries.trace(conn, rows[0].trace_id)
