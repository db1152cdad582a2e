"""Settling: a trace with news is summarised again and moved between the roll-up rows.

A trace is due a moment after news of it (clustertrace.store.writing.writer), whether or not its
root has ended, and again after further news. So a late span simply leads to another settling, and
what a trace added to the roll-ups is taken out before the new is put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from clustertrace.model import NS_PER_DAY, REPLAY_OF, Span, TraceFacts
from clustertrace.patterns.signature import Variant
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.keyed import keyed
from clustertrace.store.rows import USERS_WORDS, json_value
from clustertrace.store.settling import variants
from clustertrace.store.settling.amendments import amend
from clustertrace.store.settling.joins import join
from clustertrace.store.settling.rollups import Contribution, Rollups
from clustertrace.store.settling.setting_aside import each_that_can
from clustertrace.store.settling.spending import Settled, settle_spending
from clustertrace.store.slim_spans import slim_spans
from clustertrace.store.writing import news
from clustertrace.store.writing.shared_calls import calls_elsewhere
from clustertrace.store.writing.twins import absorb
from clustertrace.summary import Summary, prompt_of, summarise
from clustertrace.understanding.spending import Measures

__all__ = ["DERIVED", "settle_due", "settle_traces"]

_FACT_COLUMNS: Final = (
    "told_name",
    "told_status",
    "CASE WHEN given_outcome IS NULL THEN told_outcome ELSE nullif(given_outcome, 'unknown') END",
    "CASE WHEN given_outcome IS NULL THEN told_reason ELSE given_reason END",
    "session_id",
    "told_start_ns",
    "told_end_ns",
)
"""What was said of a trace, in the order of `TraceFacts`.

An outcome that was given by hand wins over one that the run reported."""

DERIVED: Final = (
    *("name", "status", "failed", "start_ns", "half_day", "end_ns", "duration_ns", "root_span_id"),
    *("span_count", "error_count", "llm_calls", "unpriced_calls", "input_tokens"),
    *("output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd"),
    *("missed_tokens", "lost_usd", "error", "first_prompt", "variant_id"),
    *("outcome", "outcome_reason", "dead_end", "prompt_span_id", "prompt_due"),
    *("rolled_session_id", "traits_due"),
)
"""The columns of `traces` that settling fills."""

_UPSERT_DERIVED: Final = (
    f"INSERT INTO traces (trace_id, {', '.join(DERIVED)})"
    f" VALUES (?{', ?' * len(DERIVED)}) ON CONFLICT (trace_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in DERIVED)
)

_COUNTING_COLUMNS: Final = frozenset(
    "failed half_day variant_id dead_end prompt_due rolled_session_id traits_due".split()
)
"""Columns by which whatever counts, groups or learns finds its runs: a replay has none of them."""

_LEARNING_TABLES: Final = ("prompts", "trace_traits")
"""Tables with a row for each run that something is learned from."""

_NO_DERIVED: Final = (None,) * len(DERIVED)
_NO_ROW: Final[tuple[Any, ...]] = (None,) * (1 + len(_FACT_COLUMNS) + len(Contribution._fields))
"""The start, what is told, and what is rolled up of a trace that has no row yet."""


def settle_due(conn: Connection, now_ns: int, limit: int) -> int:
    """Settle traces that are due by `now_ns`, longest waiting first, in the caller's transaction.

    Returns how many were settled, at most `limit`.
    """
    ids = conn.take(news.due(conn, now_ns, limit), wait=False)
    each_that_can(conn, ids, lambda some: settle_traces(conn, some), "totals", news.DONE)
    return len(ids)


def settle_traces(
    conn: Connection, trace_ids: Sequence[bytes], *, with_families: bool = True
) -> None:
    """Summarise these traces and bring the roll-ups up to date, in the caller's transaction.

    `with_families` puts new variants into families; without it
    `variants.assign_all_families` must follow.
    """
    if not trace_ids:
        return
    conn.take(trace_ids)
    trace_ids = [*trace_ids, *absorb(conn, trace_ids)]
    join(conn, trace_ids)
    spans = _amended_spans(conn, trace_ids)
    runs = _summarise_runs(conn, trace_ids, spans)
    settled = [
        Settled(run.trace_id, run.facts.session_id, run.counted, spans.get(run.trace_id, ()))
        for run in runs
    ]
    # From here on rows are changed that other runs add to as well.
    conn.take_turns("roll-ups")
    spent = settle_spending(conn, settled)
    summaries = [run.counted for run in runs if run.counted is not None]
    variants.remember(conn, [summary.variant for summary in summaries])
    _write_runs(conn, runs, spent)
    if with_families:
        variants.assign_families(conn, _ended_variants(summaries))


class _Run(NamedTuple):
    """A trace that is settled."""

    trace_id: bytes
    was_settled: bool
    """Whether it has been before."""
    rolled_before: Contribution | None
    """What the roll-ups hold of it; nothing of a replay."""
    facts: TraceFacts
    summary: Summary | None
    """None where it has no span."""
    counts: bool
    """Whether it is no replay."""

    @property
    def counted(self) -> Summary | None:
        """What it adds to numbers and patterns, if anything."""
        return self.summary if self.counts else None


def _amended_spans(conn: Connection, trace_ids: Sequence[bytes]) -> dict[bytes, list[Span]]:
    """The spans of these traces without payloads, changed by what others of their trace say."""
    spans = slim_spans(conn, trace_ids)
    for trace_id, trace_spans in spans.items():
        amend(conn, trace_id, trace_spans)
    return spans


def _summarise_runs(
    conn: Connection, trace_ids: Sequence[bytes], spans: Mapping[bytes, Sequence[Span]]
) -> list[_Run]:
    """The traces, each once, with what was said of them and what follows from their spans."""
    elsewhere = calls_elsewhere(conn, spans)
    replays = _replay_ids(conn, trace_ids)
    columns = ", ".join(("start_ns", *_FACT_COLUMNS, *Contribution._fields))
    marks = placeholders(trace_ids)
    sql = f"SELECT trace_id, {columns} FROM traces WHERE trace_id IN ({marks})"
    rows_by_id = {row[0]: row[1:] for row in conn.rows(sql, trace_ids)}
    runs = []
    for trace_id in sorted(set(trace_ids)):
        start_ns, *values = rows_by_id.get(trace_id, _NO_ROW)
        facts = TraceFacts(trace_id.hex(), *values[: len(_FACT_COLUMNS)])
        # Without spans: something was said of a trace before any came, or it was made of records
        # that have turned out to belong to another.
        trace_spans = spans.get(trace_id)
        summary = (
            summarise(trace_spans, facts, elsewhere.get(trace_id, ())) if trace_spans else None
        )
        runs.append(
            _Run(
                trace_id=trace_id,
                was_settled=start_ns is not None,
                rolled_before=Contribution.of_row(values[len(_FACT_COLUMNS) :]),
                facts=facts,
                summary=summary,
                counts=trace_id not in replays,
            )
        )
    return runs


def _replay_ids(conn: Connection, trace_ids: Sequence[bytes]) -> set[bytes]:
    """Those of the traces that repeat a recorded one."""
    marks = placeholders(trace_ids)
    sql = f"SELECT trace_id FROM trace_tags WHERE trace_id IN ({marks}) AND key = ?"
    return {row[0] for row in conn.rows(sql, (*trace_ids, REPLAY_OF))}


def _write_runs(conn: Connection, runs: Sequence[_Run], spent: Mapping[bytes, Measures]) -> None:
    """Write what was derived, and move the runs between the rows of the roll-ups."""
    rollups, first_prompts = Rollups(), _first_prompts(conn, runs)
    rows: list[tuple[Any, ...]] = []
    for run in runs:
        if run.rolled_before is not None:
            rollups.add(run.rolled_before, -1)
            if run.counted is None:
                for table in _LEARNING_TABLES:
                    conn.run(f"DELETE FROM {table} WHERE trace_id = ?", (run.trace_id,))
        if run.counted is not None:
            rollups.add(_contribution(run.counted, run.facts, spent[run.trace_id]), 1)
        if run.summary is not None:
            first_prompt = first_prompts.get(run.trace_id)
            values = _derived_values(run.summary, run.facts, spent[run.trace_id], first_prompt)
            if not run.counts:
                values = tuple(map(_value_of_replay, DERIVED, values))
            rows.append((run.trace_id, *values))
        elif run.was_settled:
            rows.append((run.trace_id, *_NO_DERIVED))
    conn.many(_UPSERT_DERIVED, rows)
    news.forget(conn, [run.trace_id for run in runs])
    rollups.apply(conn)


def _value_of_replay(column: str, value: Any) -> Any:
    return None if column in _COUNTING_COLUMNS else value


def _derived_values(
    summary: Summary, facts: TraceFacts, spent: Measures, first_prompt: str | None
) -> tuple[Any, ...]:
    """What follows from a trace, in the order of `DERIVED`."""
    return (
        summary.name,
        summary.status,
        summary.failed,
        summary.start_ns,
        2 * summary.start_ns // NS_PER_DAY,
        summary.end_ns,
        summary.duration_ns,
        bytes.fromhex(summary.root_span_id),
        summary.span_count,
        summary.error_count,
        summary.llm_calls,
        summary.unpriced_calls,
        summary.input_tokens,
        summary.output_tokens,
        summary.cache_read_tokens,
        summary.cache_write_tokens,
        summary.reasoning_tokens,
        summary.cost_usd,
        spent.missed_tokens,
        spent.lost_usd,
        summary.error,
        first_prompt,
        summary.variant.id,
        facts.outcome,
        facts.outcome_reason,
        summary.dead_end,
        bytes.fromhex(summary.prompt_span_id),
        # The prompt is kept with how the run ended; one that runs may still end in another way.
        None if summary.status == "running" else 1,
        facts.session_id,
        None if summary.failed is None else 1,
    )


def _first_prompts(conn: Connection, runs: Sequence[_Run]) -> Mapping[bytes, str]:
    """What users said first, by run: in the span that holds their prompt, else at the root."""
    summaries = {run.trace_id: run.summary for run in runs if run.summary is not None}
    prompts = _prompts_of_spans(
        conn, {key: summary.prompt_span_id for key, summary in summaries.items()}
    )
    roots = {
        key: summary.root_span_id
        for key, summary in summaries.items()
        if key not in prompts and summary.root_span_id != summary.prompt_span_id
    }
    return prompts | _prompts_of_spans(conn, roots)


def _prompts_of_spans(conn: Connection, span_ids: Mapping[bytes, str]) -> dict[bytes, str]:
    """What users said in these spans, one of a trace each, if anything."""
    if not span_ids:
        return {}
    keys = [(trace_id, bytes.fromhex(span_id)) for trace_id, span_id in span_ids.items()]
    rows = conn.rows(
        f"SELECT trace_id, {USERS_WORDS} FROM {keyed('spans', len(keys))}",
        [part for key in keys for part in key],
    )
    prompts = ((row[0], prompt_of(row[1], json_value(row[2]), json_value(row[3]))) for row in rows)
    return {trace_id: prompt for trace_id, prompt in prompts if prompt}


def _contribution(summary: Summary, facts: TraceFacts, spent: Measures) -> Contribution:
    return Contribution(
        variant_id=summary.variant.id,
        start_ns=summary.start_ns,
        status=summary.status,
        failed=summary.failed,
        outcome=facts.outcome,
        duration_ns=summary.duration_ns,
        span_count=summary.span_count,
        llm_calls=summary.llm_calls,
        unpriced_calls=summary.unpriced_calls,
        input_tokens=summary.input_tokens,
        output_tokens=summary.output_tokens,
        cache_read_tokens=summary.cache_read_tokens,
        cache_write_tokens=summary.cache_write_tokens,
        reasoning_tokens=summary.reasoning_tokens,
        cost_usd=summary.cost_usd,
        missed_tokens=spent.missed_tokens,
        lost_usd=spent.lost_usd,
        dead_end=summary.dead_end,
        rolled_session_id=facts.session_id,
    )


def _ended_variants(summaries: Sequence[Summary]) -> list[Variant]:
    """The variants of runs that have ended, in the order of the runs' start."""
    ended = [summary for summary in summaries if summary.failed is not None]
    ended.sort(key=lambda summary: (summary.start_ns, summary.variant.id))
    return [summary.variant for summary in ended]
