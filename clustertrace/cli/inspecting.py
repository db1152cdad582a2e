"""`inspect`: one trace, or one span of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from clustertrace.cli.app import Db, Json, Where, command
from clustertrace.cli.output import name_in_line, note, plain, print_json, stdout
from clustertrace.errors import NotFound, UsageError
from clustertrace.model import REPLAY_OF
from clustertrace.opening import has_database, nothing_yet, reading
from clustertrace.telling.results import ending
from clustertrace.telling.words import (
    called_models,
    counted,
    duration,
    error_words,
    moment,
    secrets_cut,
    spent,
    tokens_words,
)
from clustertrace.understanding.gaps import gaps

if TYPE_CHECKING:
    from rich.console import Console

    from clustertrace.model import Span, Trace
    from clustertrace.patterns.suspects import Suspect
    from clustertrace.store.answers import TraceRow

__all__ = ["inspect"]

_ERRORS_SHOWN: Final = 5
_ERROR_LENGTH: Final = 300


@command(
    "inspect",
    "clustertrace inspect --latest",
    "clustertrace inspect --failed --where 'tag.agent:research'",
    "clustertrace inspect 3f2a --expand 9c01",
    "clustertrace inspect --failed --json | jq '.spans[].name'",
)
def inspect(
    trace_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A trace's id, or a unique start of it."),
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="The newest trace (default).")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="The newest failed trace.")] = False,
    expand: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            show_default=False,
            help="Show what went into and came out of a span: its id, a start of it, or its name.",
        ),
    ] = None,
    where: Where = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show one trace as a tree over time.

    Shows what it did and when, what failed, and what it cost. Exit code 1: there is no (failed)
    trace to show.
    """
    if trace_id is not None and (latest or failed or where is not None):
        raise UsageError("Name one trace, or ask for --latest, --failed or --where, not both.")
    trace, row, suspects = _find_trace(trace_id, where, db, failed=failed)
    if expand is not None:
        _show_span(_find_span(trace, expand), as_json=as_json)
    elif as_json:
        from clustertrace.exchange.native import trace_to_dict
        from clustertrace.patterns.documents import suspect_document

        suspect_documents = [suspect_document(one) for one in suspects]
        print_json(trace_to_dict(trace) | {"suspects": suspect_documents})
    else:
        _show_trace(trace, row)
        _show_suspects(suspects)


def _find_trace(
    trace_id: str | None, where: str | None, db: str | None, *, failed: bool
) -> tuple[Trace, TraceRow, tuple[Suspect, ...]]:
    from clustertrace.filters import parse
    from clustertrace.store import queries

    matching = None if where is None else parse(where)
    if trace_id is None and not has_database(db):
        _exit_empty(nothing_yet(db, "traces"))
    with reading(db) as store, store.read() as conn:
        if trace_id is None:
            try:
                trace_id = queries.latest(conn, matching, failed=failed)
            except NotFound as empty:
                _exit_empty(str(empty))
        trace = queries.trace(conn, trace_id)
        return trace, queries.trace_row(conn, trace_id), queries.suspects_of(conn, trace)


def _exit_empty(reason: str) -> NoReturn:
    """Nothing matches: that is an answer, not a mistake."""
    note(reason)
    raise typer.Exit(1)


def _find_span(trace: Trace, wanted: str) -> Span:
    """The span with this id, or name, or the only one whose id begins so."""
    by_id = [span for span in trace.spans if span.span_id.startswith(wanted.lower())]
    by_name = [span for span in trace.spans if span.name == wanted]
    matching = by_name or by_id
    short_id = trace.trace_id[:8]
    if not wanted or not matching:
        raise NotFound(
            f"Trace {short_id} has no span {wanted!r}; "
            f"`clustertrace inspect {short_id}` shows them."
        )
    if len(matching) > 1:
        ids = ", ".join(span.span_id[:8] for span in matching[:5])
        raise NotFound(f"{len(matching)} spans match {wanted!r}; name one by its id ({ids}).")
    return matching[0]


def _show_trace(trace: Trace, row: TraceRow) -> None:
    from clustertrace.cli.gantt import ROWS_SHOWN, gantt
    from clustertrace.patterns.signature import in_order, root_of
    from clustertrace.understanding.folding import visible

    console = stdout()
    _show_head(trace, row, console)
    console.print()
    ordered = in_order(trace.spans)
    shown = visible(ordered, root_of(ordered))
    folded = len(trace.spans) - len(shown)
    trace = trace._replace(spans=tuple(shown))
    console.print(gantt(trace, console))
    if folded:
        inner = counted(folded, "internal span")
        console.print(f"{inner} of the instrumentation not shown; --json has all.", style="dim")
    if len(trace.spans) > ROWS_SHOWN:
        rest = len(trace.spans) - ROWS_SHOWN
        console.print(f"… and {counted(rest, 'more span')}; --json has them all.")
    _show_errors(trace, console)


def _show_head(trace: Trace, row: TraceRow, console: Console) -> None:
    from rich.text import Text

    verdict = _verdict_words(trace)
    style = "bold red" if trace.failed else "bold"
    console.print(
        Text(name_in_line(trace.name), style="bold"),
        Text(verdict, style=style),
    )
    facts = [
        f"trace {trace.trace_id}",
        moment(trace.start_ns),
        duration(row.duration_ns),
        counted(row.span_count, "span"),
    ]
    if row.variant:
        facts.append(f"pattern {row.variant}")
    console.print(" · ".join(facts), style="dim")
    if called_models(row):
        console.print(_usage_line(row))
    if trace.session_id:
        console.print(plain(f"session {trace.session_id}"))
    if of := trace.tags.get(REPLAY_OF):
        console.print(plain(f"A replay of {of}, so no figure counts it."))
    if trace.tags:
        console.print(
            plain("tags " + ", ".join(f"{key}={text}" for key, text in trace.tags.items()))
        )
    if trace.starred or trace.note:
        console.print(plain(" ".join(filter(None, ("★" * trace.starred, trace.note)))))
    if trace.metrics:
        shown = ", ".join(f"{metric.name} {metric.value:g}" for metric in trace.metrics)
        console.print(plain(f"metrics {shown}"))
    if cut := secrets_cut(trace.spans):
        console.print(cut)
    for gap in gaps(trace.spans):
        console.print(plain(gap), style="dim")


def _verdict_words(trace: Trace) -> str:
    """Whether it failed, and who says so."""
    ending_words = ending(trace.outcome, trace.status)
    if trace.outcome:
        reason = f": {trace.outcome_reason}" if trace.outcome_reason else ""
        source = "you say so" if trace.by_hand else "its outcome says so"
        return plain(f"{ending_words} ({source}{reason})")
    by_root = {
        "ok": f"{ending_words} (no outcome was set)",
        "error": f"failed (its root span {ending_words})",
    }
    return by_root.get(trace.status, ending_words)


def _usage_line(row: TraceRow) -> str:
    cost = spent(row.cost_usd, row.unpriced_calls)
    if row.unpriced_calls:
        cost += f", {counted(row.unpriced_calls, 'call')} without a known cost"
    calls = [counted(row.llm_calls, "model call")] if row.llm_calls else []
    return " · ".join([*calls, tokens_words(row) or "no token counts", cost])


def _show_errors(trace: Trace, console: Console) -> None:
    from rich.text import Text

    failed_spans = [span for span in trace.spans if span.status == "error"]
    if not failed_spans:
        return
    console.print()
    for span in failed_spans[:_ERRORS_SHOWN]:
        message = " ".join(error_words(span).split())
        text = Text(f"! {name_in_line(span.name)} ", style="red")
        text.append(f"{span.span_id[:8]} ", style="not red dim")
        text.append(plain(message)[:_ERROR_LENGTH] or "ended in an error", style="default")
        console.print(text)
    if len(failed_spans) > _ERRORS_SHOWN:
        console.print(f"… and {counted(len(failed_spans) - _ERRORS_SHOWN, 'more failed span')}.")
    hint = f"clustertrace inspect {trace.trace_id[:8]} --expand {failed_spans[0].span_id[:8]}"
    console.print(f"See one in full: {hint}", style="dim")


def _show_suspects(suspects: Sequence[Suspect]) -> None:
    from rich.text import Text

    if not suspects:
        return
    console = stdout()
    console.print("\nWhere it may have broken, most suspicious first:")
    for suspect in suspects:
        text = Text(f"{suspect.place}. {name_in_line(suspect.step)} ", style="bold")
        text.append(f"{suspect.span_id[:8]} ", style="not bold dim")
        text.append(plain("; ".join(reason.words for reason in suspect.reasons)), style="not bold")
        console.print(text)


def _show_span(span: Span, *, as_json: bool) -> None:
    import json

    from rich.text import Text

    from clustertrace.wire import span_to_dict

    record = span_to_dict(span)
    if as_json:
        print_json(record)
        return
    console = stdout()
    for key, value in record.items():
        if value is None or value == {}:
            continue
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        shown = Text(f"{key}: ", style="bold")
        shown.append("\n" * ("\n" in text) + plain(text), style="not bold")
        console.print(shown, soft_wrap=True)
