"""Questions about all traces at once: totals and patterns, answered from the roll-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Literal

from clustertrace.errors import NotFound, UsageError
from clustertrace.store.answers import Cluster, ClusterPage, Day, Overview, Step
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_value
from clustertrace.summary import bucket_middle_ns

__all__ = ["ClusterOrder", "cluster", "clusters", "overview"]

ClusterOrder = Literal["failed", "count", "failure_rate", "cost_usd", "last_ns"]

_FINISHED: Final = "sum(traces - running - incomplete)"

_PATTERNS: Final = (
    f"SELECT variant_id, {_FINISHED} AS finished, sum(failed) AS failed, sum(cost_usd) AS cost,"
    " sum(unpriced_calls), max(day) AS last_day FROM variant_days GROUP BY variant_id"
    " HAVING finished > 0"
)
"""Patterns are of traces that have ended: a running one may still go anywhere."""

_ORDERS: Final[dict[ClusterOrder, str]] = {
    "failed": "failed DESC, failed * 1.0 / max(finished, 1) DESC, finished DESC",
    "count": "finished DESC, failed DESC",
    "failure_rate": "failed * 1.0 / max(finished, 1) DESC, failed DESC, finished DESC",
    "cost_usd": "cost DESC, finished DESC",
    "last_ns": "last_day DESC, finished DESC",
}


def overview(conn: Connection) -> Overview:
    """The whole database in a few numbers."""
    row = conn.row(
        "SELECT sum(traces), sum(failed), sum(failed_by_outcome), sum(running), sum(incomplete),"
        " sum(spans), sum(llm_calls), sum(unpriced_calls),"
        " sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),"
        " sum(cost_usd) FROM variant_days"
    )
    assert row is not None
    (traces, failed, by_outcome, running, incomplete, spans, *usage) = (value or 0 for value in row)
    return Overview(
        traces=traces,
        failed=failed,
        failed_by_outcome=by_outcome,
        failed_by_status=failed - by_outcome,
        running=running,
        incomplete=incomplete,
        spans=spans,
        variants=conn.value(f"SELECT count(*) FROM ({_PATTERNS})"),
        sessions=conn.value("SELECT count(*) FROM sessions"),
        llm_calls=usage[0],
        unpriced_calls=usage[1],
        input_tokens=usage[2],
        output_tokens=usage[3],
        cache_read_tokens=usage[4],
        cache_write_tokens=usage[5],
        cost_usd=float(usage[6]),
        first_ns=conn.value("SELECT min(start_ns) FROM traces"),
        last_ns=conn.value("SELECT max(start_ns) FROM traces"),
    )


def clusters(
    conn: Connection, *, order: ClusterOrder = "failed", limit: int = 100, offset: int = 0
) -> ClusterPage:
    """Patterns, by default most failures first (ties: higher rate, more traces, id).

    Raises UsageError for an unknown order.
    """
    if order not in _ORDERS:
        raise UsageError(f"Patterns can be ordered by {', '.join(_ORDERS)}, not by {order}.")
    rows = conn.rows(
        f"{_PATTERNS} ORDER BY {_ORDERS[order]}, variant_id LIMIT ? OFFSET ?", (limit, offset)
    )
    row = conn.row(f"SELECT count(*), sum(finished), sum(failed) FROM ({_PATTERNS})")
    total, finished, failed = (value or 0 for value in row or (0, 0, 0))
    return ClusterPage(_clusters(conn, rows, failed), total, finished, failed)


def cluster(conn: Connection, variant: str) -> Cluster:
    """One pattern by its id or a unique beginning of it. Raises NotFound."""
    ids = conn.rows(
        "SELECT variant_id FROM variants WHERE variant_id >= ? AND variant_id < ? LIMIT 2",
        (variant, variant + "g"),
    )
    if not variant or not ids:
        raise NotFound(f"There is no pattern {variant}; `clustertrace clusters` lists them.")
    if len(ids) > 1:
        raise NotFound(f"Several patterns begin with {variant}; give more of its id.")
    rows = conn.rows(f"SELECT * FROM ({_PATTERNS}) WHERE variant_id = ?", ids[0])
    if not rows:
        raise NotFound(f"No trace of pattern {ids[0][0]} has ended yet; try again when one has.")
    failed = conn.value("SELECT sum(failed) FROM variant_days") or 0
    return _clusters(conn, rows, failed)[0]


def _clusters(
    conn: Connection, rows: Sequence[tuple[Any, ...]], failed: int
) -> tuple[Cluster, ...]:
    ids = [row[0] for row in rows]
    names = _names(conn, ids)
    durations = _durations(conn, ids)
    days = _days(conn, ids)
    made = []
    for variant, count, lost, cost, unpriced, _ in rows:
        name, steps = names[variant]
        first, last = conn.row(
            "SELECT min(start_ns), max(start_ns) FROM traces WHERE variant_id = ?", (variant,)
        ) or (0, 0)
        made.append(
            Cluster(
                id=variant,
                name=name,
                steps=steps,
                count=count,
                failed=lost,
                share_of_failures=lost / failed if failed else 0.0,
                cost_usd=float(cost),
                unpriced_calls=unpriced,
                p50_ns=_percentile(durations[variant], 0.50),
                p95_ns=_percentile(durations[variant], 0.95),
                first_ns=first,
                last_ns=last,
                sample_trace_id=_sample(conn, variant, bool(lost)),
                days=days[variant],
            )
        )
    return tuple(made)


def _marks(ids: Sequence[str]) -> str:
    return ", ".join("?" * len(ids))


def _names(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[str, tuple[Step, ...]]]:
    sql = f"SELECT variant_id, name, steps FROM variants WHERE variant_id IN ({_marks(ids)})"
    return {
        variant: (name, tuple(_step(*step) for step in json_value(steps)))
        for variant, name, steps in conn.rows(sql, ids)
    }


def _step(names: list[str], failed: list[bool], kinds: list[str], count: str) -> Step:
    return Step(tuple(names), tuple(failed), tuple(kinds), count)


def _durations(conn: Connection, ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """For each pattern its histogram: (bucket, traces), shortest first."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    sql = (
        "SELECT variant_id, bucket, sum(traces) FROM variant_durations "
        f"WHERE variant_id IN ({_marks(ids)}) GROUP BY variant_id, bucket ORDER BY bucket"
    )
    for variant, bucket, traces in conn.rows(sql, ids):
        found[variant].append((bucket, traces))
    return found


def _percentile(histogram: Sequence[tuple[int, int]], share: float) -> int | None:
    wanted = share * sum(traces for _, traces in histogram)
    seen = 0
    for bucket, traces in histogram:
        seen += traces
        if seen >= wanted:
            return bucket_middle_ns(bucket)
    return None


def _days(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[Day, ...]]:
    found: dict[str, list[Day]] = defaultdict(list)
    sql = (
        "SELECT variant_id, day, traces - running - incomplete, failed FROM variant_days "
        f"WHERE variant_id IN ({_marks(ids)}) ORDER BY day"
    )
    for variant, day, count, failed in conn.rows(sql, ids):
        found[variant].append(Day(day, count, failed))
    return defaultdict(tuple, {variant: tuple(days) for variant, days in found.items()})


def _sample(conn: Connection, variant: str, failed: bool) -> str:
    sql = "SELECT trace_id FROM traces WHERE variant_id = ? "
    sql += "AND failed = 1 ORDER BY start_ns DESC" if failed else "ORDER BY failed, start_ns DESC"
    found = conn.value(f"{sql} LIMIT 1", (variant,))
    return "" if found is None else found.hex()
