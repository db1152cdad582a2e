"""`annotate` and `outcome`: what the user says about runs and patterns afterwards."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note as tell
from clustertrace.cli.output import plain, print_json
from clustertrace.errors import UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import counted

if TYPE_CHECKING:
    from clustertrace.store.answers import TraceRow
    from clustertrace.store.store import Store
    from clustertrace.store.user_entries.annotations import Outcome, PatternEdit, TraceEdit

__all__ = ["annotate", "outcome"]

_OUTCOMES: Final[dict[str, Outcome]] = {
    "pass": "pass",
    "fail": "fail",
    "unknown": "unknown",
    "own": "own",
}


@command(
    "annotate",
    "clustertrace annotate 3f2a --star --note 'look at the second search'",
    "clustertrace annotate 3f2a --tag task=billing --tag old=",
    "clustertrace annotate 8429d5f01a2c --expected --priority low",
)
def annotate(
    of: Annotated[
        str,
        typer.Argument(metavar="TRACE|PATTERN", help="Its id, or a unique start of it."),
    ],
    star: Annotated[
        bool | None, typer.Option("--star/--no-star", help="Mark a trace.", show_default=False)
    ] = None,
    note: Annotated[
        str | None,
        typer.Option(
            "--note", metavar="TEXT", help="A note; an empty one removes it.", show_default=False
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag a trace; KEY= removes that tag."),
    ] = None,
    expected: Annotated[
        bool | None,
        typer.Option(
            "--expected/--unexpected",
            help="Whether a pattern's failures are expected.",
            show_default=False,
        ),
    ] = None,
    priority: Annotated[
        Literal["high", "normal", "low"] | None,
        typer.Option(help="How much a pattern matters.", show_default=False),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Star, note or tag a trace; judge a pattern.

    What you enter is stored next to what the run reported. Without options, shows what has been
    entered so far.
    """
    from clustertrace.store import queries
    from clustertrace.store.user_entries.annotations import (
        PatternEdit,
        TraceEdit,
        annotate_pattern,
        annotate_traces,
    )

    trace_edit = TraceEdit(starred=star, note=note, tags=_parse_tags(tags or []))
    pattern_edit = PatternEdit(expected, priority, note)
    with reading(db) as store:
        with store.read() as conn:
            found = queries.named(conn, of)
        if found.pattern is None:
            _require_no_others(pattern_edit, "--expected and --priority are for patterns", of)
            if trace_edit != TraceEdit():
                annotate_traces(store, [found.id], trace_edit)
            document = _trace_document(_read_row(store, found.id))
        else:
            _require_no_others(trace_edit, "--star and --tag are for traces", of)
            annotation = found.pattern
            if pattern_edit != PatternEdit():
                annotation = annotate_pattern(store, found.id, pattern_edit)
            document = {"pattern": found.id} | asdict(annotation)
    if as_json:
        print_json(document)
    else:
        _show(document)


@command(
    "outcome",
    "clustertrace outcome 3f2a 91bc fail --reason 'cites nothing'",
    "clustertrace outcome pass --where 'tag.task:billing since:1d not status:error'",
)
def outcome(
    said: Annotated[
        list[str],
        typer.Argument(
            metavar="[TRACE]... pass|fail|unknown|own",
            help="Trace ids, then how they turned out. unknown: nobody knows; own: what the run"
            " itself reported, which withdraws your verdict.",
        ),
    ],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why.", show_default=False)
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="FILTER", help="All traces that match.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many traces it would affect.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Record how runs turned out: pass, fail or unknown.

    Your verdict overrides the outcome that a run reported and its root span's error, even if more
    of its spans arrive later, until you withdraw it (own). Exit code 1: no trace matches.
    """
    from clustertrace.filters import parse_chosen
    from clustertrace.store import queries
    from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces

    *ids, last = said
    verdict = _OUTCOMES.get(last)
    if verdict is None:
        raise UsageError(f"End with pass, fail, unknown or own, not with {last!r}.")
    if bool(ids) == (where is not None):
        raise UsageError("Name the traces, or use --where FILTER for all that match.")
    matching = None if where is None else parse_chosen(where)
    with reading(db) as store:
        with store.read() as conn:
            if matching is None:
                traces = list(dict.fromkeys(queries.trace_id(conn, one) for one in ids))
            else:
                traces = queries.matching(conn, matching)
        if not dry_run:
            annotate_traces(store, traces, TraceEdit(outcome=verdict, reason=reason))
    if as_json:
        print_json(
            {"outcome": verdict, "reason": reason, "traces": len(traces), "dry_run": dry_run}
        )
    else:
        have, their = ("has", "its") if len(traces) == 1 else ("have", "their")
        verb = "would have" if dry_run else f"now {have}"
        words = f"no outcome but {their} own" if verdict == "own" else f"the outcome {verdict}"
        typer.echo(f"{counted(len(traces), 'trace')} {verb} {words}.")
    if not traces:
        raise typer.Exit(1)


def _parse_tags(assignments: list[str]) -> dict[str, str]:
    tags = {}
    for assignment in assignments:
        key, sign, value = assignment.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{assignment!r} is not a tag; write key=value.")
        tags[key.strip()] = value.strip()
    return tags


def _require_no_others(edit: TraceEdit | PatternEdit, sentence: str, of: str) -> None:
    """Refuse what can't be said of this sort. A note can be said of both."""
    if edit._replace(note=None) != type(edit)():
        raise UsageError(f"{sentence}, and {of} is none.")


def _read_row(store: Store, trace_id: str) -> TraceRow:
    from clustertrace.store import queries

    with store.read() as conn:
        return queries.trace_row(conn, trace_id)


def _trace_document(row: TraceRow) -> dict[str, Any]:
    return {
        "trace_id": row.trace_id,
        "outcome": row.outcome,
        "by_hand": row.by_hand,
        "starred": row.starred,
        "note": row.note,
        "tags": row.tags,
    }


def _show(document: dict[str, Any]) -> None:
    for key, value in document.items():
        if key == "tags":
            value = ", ".join(f"{name}={text}" for name, text in value.items())
        if value is None or value == "":
            value = "-"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        typer.echo(plain(f"{key.replace('_', ' ')}: {value}"))
    if document.get("by_hand"):
        tell("You set the outcome yourself.")
