"""All runs in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from clustertrace.model import EMPTY
from clustertrace.store.answers import Overview
from clustertrace.store.connection import Connection

if TYPE_CHECKING:
    from clustertrace.filters import Filter

__all__ = ["NEWEST", "REPLAYS", "overview", "replays"]

_USAGE_SUMS: Final = (
    " sum(llm_calls), sum(unpriced_calls), sum(input_tokens), sum(output_tokens),"
    " sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_usd)"
)
_FROM_REPLAYS: Final = "FROM traces WHERE variant_id IS NULL AND start_ns IS NOT NULL"
REPLAYS: Final = f"SELECT trace_id {_FROM_REPLAYS}"
"""The traces that repeat a recorded one: they are of no pattern."""

_EDGE_START: Final = (
    "SELECT start_ns FROM traces WHERE start_ns IS NOT NULL AND variant_id IS NOT NULL"
    " ORDER BY start_ns {} LIMIT 1"
)
"""The first start, or the last, of a run that counts."""
NEWEST: Final = _EDGE_START.format("DESC")
_SELECT_TOTALS: Final = (
    "SELECT sum(traces), sum(failed), sum(failed_by_outcome), sum(running), sum(incomplete),"
    " count(CASE WHEN traces > running + incomplete THEN 1 END),"
    f" (SELECT count(*) FROM sessions), ({_EDGE_START.format('ASC')}), ({NEWEST}),"
    f" sum(spans),{_USAGE_SUMS} FROM variant_totals"
)
_SELECT_TOTALS_OF_RUNS: Final = (
    "SELECT count(*), sum(failed), sum(failed = 1 AND outcome IS NOT NULL),"
    " sum(failed IS NULL AND status = 'running'), sum(failed IS NULL AND status <> 'running'),"
    " count(DISTINCT CASE WHEN failed IS NOT NULL THEN variant_id END),"
    " count(DISTINCT session_id), min(start_ns), max(start_ns),"
    f" sum(span_count),{_USAGE_SUMS} FROM traces WHERE variant_id IS NOT NULL AND "
)
"""The same of single runs."""


def overview(conn: Connection, where: Filter | None = None) -> Overview:
    """All runs in a few numbers, from the roll-ups; or those that match, counted one by one."""
    if where is None:
        row, repeated = conn.row(_SELECT_TOTALS), replays(conn)
    else:
        from clustertrace.store import filtering

        condition, params = filtering.condition(conn, where)
        row = conn.row(_SELECT_TOTALS_OF_RUNS + condition, params)
        repeated = replays(conn, condition, params)
    assert row is not None
    traces, failed, by_outcome, running, incomplete, variants, sessions, first, last, *sums = row
    spans, *usage = (value or 0 for value in sums)
    return Overview(
        traces=traces or 0,
        failed=failed or 0,
        failed_by_outcome=by_outcome or 0,
        failed_by_status=(failed or 0) - (by_outcome or 0),
        running=running or 0,
        incomplete=incomplete or 0,
        spans=spans,
        variants=variants,
        sessions=sessions,
        llm_calls=usage[0],
        unpriced_calls=usage[1],
        input_tokens=usage[2],
        output_tokens=usage[3],
        cache_read_tokens=usage[4],
        cache_write_tokens=usage[5],
        cost_usd=float(usage[6]),
        first_ns=first,
        last_ns=last,
        replays=repeated,
    )


def replays(conn: Connection, condition: str = "TRUE", params: Mapping[str, Any] = EMPTY) -> int:
    """How many traces repeat a recorded one; no roll-up has them."""
    sql = f"SELECT count(*) {_FROM_REPLAYS} AND {condition}"
    return int(conn.value(sql, params) or 0)
