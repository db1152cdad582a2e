"""`assert` and `check`: what must hold for runs, and whether it does."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import plain, print_json, stdout, write_out
from clustertrace.errors import UsageError
from clustertrace.opening import reading

if TYPE_CHECKING:
    from clustertrace.gate.checks import Assertion, Result
    from clustertrace.gate.reports import NewPattern

__all__ = ["assert_", "check"]


@command(
    "assert",
    "clustertrace assert 9c41d2 --success-rate-above 0.9 --over-last 50",
    "clustertrace assert all --latency-p95-below 20s --cost-below 0.05 --over-last 7d",
    "clustertrace assert list",
    "clustertrace assert remove 1f0c22ab",
)
def assert_(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN|all|list|remove", help="A pattern's id, or `all` for every run."
        ),
    ],
    which: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="With `remove`: the assertion's id.", show_default=False),
    ] = None,
    success_rate_above: Annotated[
        float | None, typer.Option(min=0, max=1, help="From 0 to 1.", show_default=False)
    ] = None,
    latency_p95_below: Annotated[
        str | None, typer.Option(metavar="TIME", help="Such as 800ms or 20s.", show_default=False)
    ] = None,
    cost_below: Annotated[
        float | None, typer.Option(min=0, help="US dollars per run.", show_default=False)
    ] = None,
    no_new_traces: Annotated[
        bool, typer.Option("--no-new-traces", help="No new run may take this pattern.")
    ] = False,
    over_last: Annotated[
        str | None,
        typer.Option(
            metavar="RUNS|TIME", help="Only look at the last 50 runs, or 7d.", show_default=False
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """State what must hold for a pattern; `check` tests it.

    Each option makes a separate assertion; giving the same option again replaces it. `list` shows
    all of them, `remove ID` deletes one.
    """
    from clustertrace.gate.claims import claims
    from clustertrace.store.user_entries import assertions

    if which is not None and pattern != "remove":
        raise UsageError(f"{which!r} is too much; only `remove` takes a second word.")
    if pattern == "remove" and which is None:
        raise UsageError("Say which assertion to remove; `clustertrace assert list` has their ids.")
    with reading(db) as store:
        if pattern == "list":
            with store.read() as conn:
                stored = assertions.all_assertions(conn)
        elif pattern == "remove":
            with store.writing() as conn:
                assertions.remove(conn, which or "")
                stored = assertions.all_assertions(conn)
        else:
            new_claims = claims(
                success_rate_above=success_rate_above,
                latency_p95_below=latency_p95_below,
                cost_below=cost_below,
                no_new_traces=no_new_traces,
                over_last=over_last,
            )
            with store.writing() as conn:
                stored = assertions.add(conn, pattern, new_claims, time.time_ns())
    _show_assertions(stored, as_json=as_json)


def _show_assertions(stored: list[Assertion], *, as_json: bool) -> None:
    from clustertrace.gate.checks import claim

    if as_json:
        print_json({"assertions": [_assertion_document(assertion) for assertion in stored]})
    elif stored:
        for assertion in stored:
            stdout().print(plain(f"{assertion.id}  {assertion.pattern}: {claim(assertion)}"))
    else:
        stdout().print("There are no assertions.")


def _assertion_document(assertion: Assertion) -> dict[str, Any]:
    from dataclasses import asdict

    from clustertrace.gate.checks import claim

    return asdict(assertion) | {"claim": claim(assertion)}


class Format(StrEnum):
    """How `check` answers."""

    text = "text"
    json = "json"
    junit = "junit"
    github = "github"


@command(
    "check",
    "clustertrace check",
    "clustertrace check --format junit -o check.xml",
    "clustertrace check --format github --fail-on-new",
)
def check(
    form: Annotated[Format, typer.Option("--format", help="text, json, junit or github.")] = (
        Format.text
    ),
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write to this file. Default: standard output.",
            show_default=False,
        ),
    ] = None,
    fail_on_new: Annotated[
        bool, typer.Option("--fail-on-new", help="Also fail if there are new failing patterns.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Test every assertion.

    Exit code 1: one does not hold, or there are none.
    A success rate is judged by the lower bound of its 95 % interval, so a few lucky runs are not
    enough. A pattern that is gone, or has no finished run, does not pass. Failing patterns that
    are new since the last check are listed.
    """
    from clustertrace.gate import checks, reports
    from clustertrace.store.user_entries import assertions

    now = time.time_ns()
    with reading(db) as store:
        with store.read() as conn:
            stored = assertions.all_assertions(conn)
            results = [
                checks.check(assertion, assertions.seen(conn, assertion, now))
                for assertion in stored
            ]
        with store.writing() as conn:
            new = assertions.take_new_failing(conn)
    form = Format.json if as_json else form
    if form is Format.json:
        text = _json_report(results, new)
    elif form is Format.junit:
        text = reports.junit(results)
    elif form is Format.github:
        text = reports.markdown(results, new)
    else:
        text = _text_report(results, new)
    _write_report(text, output, form)
    # A gate without anything to hold would pass whatever happens.
    if not results or any(not result.passed for result in results) or (fail_on_new and new):
        raise typer.Exit(1)


def _json_report(results: list[Result], new: list[NewPattern]) -> str:
    import orjson

    document = {
        "passed": all(result.passed for result in results),
        "results": [
            _assertion_document(result.assertion)
            | {
                "passed": result.passed,
                "runs": result.runs,
                "measured": result.measured,
                "low": result.low,
                "found": result.words,
            }
            for result in results
        ],
        "new_failing_patterns": [
            {"id": pattern, "name": name, "failed": failed, "runs": runs}
            for pattern, name, _, failed, runs in new
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def _text_report(results: list[Result], new: list[NewPattern]) -> str:
    from clustertrace.gate.checks import claim
    from clustertrace.gate.reports import new_words

    lines = [
        f"{'ok  ' if result.passed else 'FAIL'}  {result.assertion.pattern}: "
        f"{claim(result.assertion)}\n      {result.words}"
        for result in results
    ]
    if not results:
        lines = ["There are no assertions; `clustertrace assert` adds one."]
    return plain("\n".join([*lines, *map(new_words, new)]) + "\n")


def _write_report(text: str, output: Path | None, form: Format) -> None:
    """To the file that is named; a summary to GitHub's own, where a job runs there."""
    from clustertrace.errors import StoreError

    summary = os.environ.get("GITHUB_STEP_SUMMARY") if form is Format.github else None
    target = output or (Path(summary) if summary else None)
    if target is None:
        write_out(text.encode("utf-8", "replace"))
        return
    try:
        with target.open(
            "a" if output is None else "w", encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
    except OSError as error:
        raise StoreError(
            f"{target} can't be written ({error.strerror or error}); name another with -o."
        ) from None
