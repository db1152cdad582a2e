"""`stats` and `clusters`: the whole database in a few numbers, and by pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from clustertrace.cli.app import Db, Json, Where, command, limit_option
from clustertrace.cli.output import name_in_line, note, plain, print_json, ruled_table, stdout
from clustertrace.opening import has_database, nothing_yet, reading
from clustertrace.telling.words import (
    count,
    counted,
    duration,
    moment,
    share,
    spent,
    step_text,
)

if TYPE_CHECKING:
    from rich.table import Table

    from clustertrace.store.answers import Cluster, ClusterPage, Overview

__all__ = ["clusters", "stats"]

_DEFAULT_LIMIT: Final = 20
_PATTERNS_A_QUERY: Final = 500
_WIDE_FROM: Final = 100
"""Columns of a terminal that has room for intervals and durations."""
_NAMED_FROM: Final = 80
"""Columns of a terminal that has room for ids of patterns."""
_PATTERN: Final = "Pattern"
"""The title of their column."""


@command(
    "stats",
    "clustertrace stats",
    "clustertrace stats --where 'since:7d tag.agent:research'",
    "clustertrace stats --json | jq .failed",
)
def stats(where: Where = None, db: Db = None, as_json: Json = False) -> None:
    """Summarise the database in a few numbers.

    Traces, failures with their interval, patterns, sessions, tokens and cost.
    """
    overview = _read_overview(db, where)
    if as_json:
        print_json(asdict(overview))
    elif overview.traces:
        stdout().print(_overview_table(overview))
    if not overview.traces:
        _note_why_empty(db, "traces", _no_match(overview, where), as_json=as_json)


def _no_match(overview: Overview, where: str | None) -> str | None:
    """Why there are no numbers, where that is not an empty database."""
    if overview.replays:
        return f"No trace but {counted(overview.replays, 'replay')}, which no number counts."
    return None if where is None else "No trace matches."


def _note_why_empty(db: str | None, what: str, no_match: str | None, *, as_json: bool) -> None:
    """Why an answer is empty. A program, too, should hear that there is no database."""
    if not has_database(db):
        note(nothing_yet(db, what))
    elif not as_json:
        note(no_match or nothing_yet(db, what))


def _read_overview(db: str | None, where: str | None) -> Overview:
    from clustertrace.store import queries
    from clustertrace.store.answers import Overview

    matching = None
    if where is not None:
        from clustertrace.filters import parse

        matching = parse(where)
    if not has_database(db):
        return Overview()
    with reading(db) as store, store.read() as conn:
        return queries.overview(conn, matching)


def _overview_table(overview: Overview) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for line in _overview_lines(overview):
        if any(line):
            table.add_row(*line)
    return table


def _overview_lines(overview: Overview) -> list[tuple[str, str, str]]:
    """What each number is called, the number, and what to know about it."""
    all_finished = overview.finished == overview.traces
    unfinished = f"{count(overview.running)} running, {count(overview.incomplete)} incomplete"
    lines = [
        (
            "Traces",
            count(overview.traces),
            "" if all_finished else unfinished,
        ),
        ("", "", _replays_words(overview)),
        ("Failed", count(overview.failed), _failure_rate_words(overview)),
        ("", "", _failure_source_words(overview)),
        ("Patterns", count(overview.variants), ""),
        ("Sessions", count(overview.sessions), ""),
        ("Spans", count(overview.spans), ""),
        ("Model calls", count(overview.llm_calls), ""),
        ("Tokens read", count(overview.input_tokens), _cached_words(overview)),
        ("Tokens written", count(overview.output_tokens), ""),
        (
            "Cost",
            spent(overview.cost_usd, overview.unpriced_calls),
            _unpriced_words(overview.unpriced_calls),
        ),
    ]
    if overview.first_ns is not None and overview.last_ns is not None:
        lines.append(("First", moment(overview.first_ns), ""))
        lines.append(("Last", moment(overview.last_ns), ""))
    return lines


def _replays_words(overview: Overview) -> str:
    return f"and {counted(overview.replays, 'replay')}, not counted" if overview.replays else ""


def _failure_rate_words(overview: Overview) -> str:
    from clustertrace.patterns.statistics import wilson

    if not overview.finished:
        return ""
    interval = wilson(overview.failed, overview.finished)
    rate = share(overview.failed / overview.finished)
    likely = f"{share(interval.low)} to {share(interval.high)}"
    return f"{rate} of {count(overview.finished)} finished (95 % interval: {likely})"


def _failure_source_words(overview: Overview) -> str:
    if not overview.failed:
        return ""
    by_outcome, by_status = count(overview.failed_by_outcome), count(overview.failed_by_status)
    return f"{by_outcome} by outcome, {by_status} by an error of the root span"


def _cached_words(overview: Overview) -> str:
    if not overview.cache_read_tokens and not overview.cache_write_tokens:
        return ""
    read, written = count(overview.cache_read_tokens), count(overview.cache_write_tokens)
    return f"{read} from a cache, {written} into one"


def _unpriced_words(calls: int) -> str:
    return f"{counted(calls, 'call')} without a known cost" if calls else ""


@command(
    "clusters",
    "clustertrace clusters",
    "clustertrace clusters --where 'since:7d tag.agent:research'",
    "clustertrace clusters --json | jq '.clusters[0].steps'",
)
def clusters(
    limit: Annotated[int | None, limit_option("Patterns", _DEFAULT_LIMIT)] = None,
    where: Where = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List execution patterns, most failures first.

    A pattern stands for all traces that took the same steps. `fetch!` is a step that failed,
    `search ×2–3` one that ran two or three times in a row. Patterns whose failures you expect
    (`annotate --expected`) come after all others that failed.
    """
    from clustertrace.telling.headline import WORST

    shown = limit if limit or as_json else _DEFAULT_LIMIT
    # The sentence is about the worst of all, however few are to be shown.
    page = _cluster_page(db, shown if as_json or shown is None else max(shown, WORST), where)
    if as_json:
        print_json(
            {
                "clusters": [_cluster_document(cluster) for cluster in page.clusters],
                "total": page.total,
                "traces": page.traces,
                "failed": page.failed,
                "failed_as_expected": page.expected,
            }
        )
    elif page.clusters:
        _print_clusters(page, shown, filtered=where is not None)
    if not page.clusters:
        no_match = None if where is None else "No finished run matches."
        _note_why_empty(db, "patterns", no_match, as_json=as_json)


def _cluster_page(db: str | None, limit: int | None, where: str | None) -> ClusterPage:
    """The first `limit` patterns, or all of them, of the runs that match."""
    from clustertrace.filters import parse
    from clustertrace.store import queries
    from clustertrace.store.answers import ClusterPage

    if not has_database(db):
        return ClusterPage((), 0, 0, 0)
    clusters: list[Cluster] = []
    matching = None if where is None else parse(where)
    with reading(db) as store, store.read() as conn:
        while True:
            remaining = _PATTERNS_A_QUERY if limit is None else limit - len(clusters)
            size = min(remaining, _PATTERNS_A_QUERY)
            page = queries.clusters(conn, matching, limit=size, offset=len(clusters))
            clusters += page.clusters
            if len(page.clusters) < size or len(clusters) == limit:
                return replace(page, clusters=tuple(clusters))


def _cluster_document(cluster: Cluster) -> dict[str, Any]:
    return {
        "id": cluster.id,
        "family": cluster.family,
        "name": cluster.name,
        "count": cluster.count,
        "failed": cluster.failed,
        "failed_by_outcome": cluster.failed_by_outcome,
        "failure_rate": cluster.failure_rate,
        "failure_rate_interval": list(cluster.interval),
        "share_of_failures": cluster.share_of_failures,
        "failures_expected": cluster.annotation.expected,
        "steps": [step_text(step) for step in cluster.steps],
        "sample_trace_id": cluster.sample_trace_id,
        "cost_usd": cluster.cost_usd,
        "unpriced_calls": cluster.unpriced_calls,
        "p50_ns": cluster.p50_ns,
        "p95_ns": cluster.p95_ns,
        "first_ns": cluster.first_ns,
        "last_ns": cluster.last_ns,
    }


def _print_clusters(page: ClusterPage, shown: int | None, *, filtered: bool) -> None:
    from clustertrace.telling.headline import headline

    console = stdout()
    console.print(headline(page, filtered=filtered))
    console.print()
    clusters = page.clusters[:shown]
    columns = _cluster_columns(console.width, filtered=filtered)
    console.print(_cluster_table(clusters, columns))
    if rest := page.total - len(clusters):
        console.print(f"and {counted(rest, 'more pattern')}; --limit shows more.")
    console.print("See what happened in one: clustertrace inspect SAMPLE")
    if page.failed and any(column.title == _PATTERN for column in columns):
        console.print("See what goes along with failing: clustertrace why PATTERN")


class _Column(NamedTuple):
    """A column of the table of patterns."""

    title: str
    cell: Callable[[Cluster], Any]
    options: Mapping[str, Any]
    from_width: int = 0
    """Columns of a terminal that has room for it."""


_NUMBER: Final[Mapping[str, Any]] = {"justify": "right", "no_wrap": True}
_ID: Final[Mapping[str, Any]] = {"no_wrap": True}


def _cluster_columns(width: int, *, filtered: bool) -> list[_Column]:
    """The columns that a terminal of so many columns has room for.

    Durations of all runs are estimated from a histogram, those of a filter's runs are exact.
    """
    p50 = "p50" if filtered else "≈ p50"
    columns = (
        _Column("Failed", lambda one: f"{count(one.failed)} / {count(one.count)}", _NUMBER),
        _Column("Rate", lambda one: f"{one.failure_rate:.0%}", _NUMBER),
        _Column("95 %", _interval_cell, _NUMBER, _WIDE_FROM),
        _Column("Steps", _steps_cell, {"ratio": 1, "overflow": "fold"}),
        _Column(p50, lambda one: duration(one.p50_ns), _NUMBER, _WIDE_FROM),
        _Column("Sample", lambda one: one.sample_trace_id[:8], _ID),
        _Column(_PATTERN, lambda one: one.id[:8], _ID, _NAMED_FROM),
    )
    return [column for column in columns if width >= column.from_width]


def _cluster_table(clusters: Sequence[Cluster], columns: Sequence[_Column]) -> Table:
    table = ruled_table()
    for column in columns:
        table.add_column(column.title, **column.options)
    for cluster in clusters:
        cells = [column.cell(cluster) for column in columns]
        table.add_row(*cells, style=None if cluster.failed else "dim")
    return table


def _interval_cell(cluster: Cluster) -> str:
    low, high = cluster.interval
    return f"{low * 100:.0f}–{high * 100:.0f}"


def _steps_cell(cluster: Cluster) -> Any:
    from rich.text import Text

    cell = Text(name_in_line(cluster.name) + ": ", style="dim")
    for number, step in enumerate(cluster.steps):
        cell.append(" → " if number else "", style="dim")
        short = replace(step, names=tuple(map(name_in_line, step.names)))
        cell.append(plain(step_text(short)), style="not dim red" if any(step.failed) else "not dim")
    if not cluster.steps:
        cell.append("no steps")
    return cell
