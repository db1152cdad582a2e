"""What the metrics page asks: the newest values of each metric, and of whose runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clustertrace.filters import Filter
from clustertrace.store import filtering
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries import picking
from clustertrace.store.queries.totals import REPLAYS

__all__ = ["NEWEST", "Measured", "matching_metrics", "metric_names", "metric_values", "tags_of"]

NEWEST: Final = 2_000
"""Values of a metric that are looked at."""
_METRIC_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of a metric."""

    trace_id: str
    time_ns: int
    value: float
    failed: bool | None
    """Of its run; None: it has not ended."""
    pattern: str | None


def metric_names(conn: Connection) -> list[str]:
    """The names of all metrics, at most a hundred; a look into the index each."""
    rows = conn.rows(
        "WITH RECURSIVE known(name) AS (SELECT min(name) FROM trace_metrics UNION ALL"
        " SELECT (SELECT min(name) FROM trace_metrics WHERE name > known.name) FROM known"
        " WHERE known.name IS NOT NULL) SELECT name FROM known WHERE name IS NOT NULL LIMIT ?",
        (_METRIC_LIMIT,),
    )
    return [row[0] for row in rows]


def metric_values(conn: Connection, name: str) -> list[Measured]:
    """The newest values of a metric, oldest of them first; none of replays."""
    rows = conn.rows(
        "SELECT trace_id, time_ns, value, failed, variant_id FROM"
        " (SELECT trace_id, time_ns, value FROM trace_metrics WHERE name = ?"
        f" AND trace_id NOT IN ({REPLAYS})"
        "  ORDER BY time_ns DESC LIMIT ?) LEFT JOIN traces USING (trace_id)"
        " ORDER BY time_ns, trace_id",
        (name, NEWEST),
    )
    return [
        Measured(key.hex(), time_ns, value, None if failed is None else bool(failed), pattern)
        for key, time_ns, value, failed, pattern in rows
    ]


def matching_metrics(conn: Connection, where: Filter) -> dict[str, list[Measured]]:
    """The newest values of each metric, oldest of them first, of the newest runs that match.

    So many runs are looked at as other pages count: `picking.NEWEST`.
    """
    condition, params = filtering.condition(conn, where)
    rows = conn.rows(
        "SELECT trace_metrics.name, trace_id, time_ns, value, failed, variant_id FROM"
        " (SELECT trace_id, failed, variant_id FROM traces"
        f"  WHERE {condition} AND trace_id NOT IN ({REPLAYS}) ORDER BY start_ns DESC"
        "  LIMIT :newest)"
        " CROSS JOIN trace_metrics USING (trace_id) ORDER BY trace_metrics.name, time_ns, trace_id",
        params | {"newest": picking.NEWEST},
    )
    values_by_name: dict[str, list[Measured]] = {}
    for name, key, time_ns, value, failed, pattern in rows:
        was_failed = None if failed is None else bool(failed)
        values_by_name.setdefault(name, []).append(
            Measured(key.hex(), time_ns, value, was_failed, pattern)
        )
    return {name: values[-NEWEST:] for name, values in list(values_by_name.items())[:_METRIC_LIMIT]}


def tags_of(conn: Connection, trace_ids: Sequence[str], key: str) -> dict[str, str]:
    """The values that these traces have of one tag."""
    tags: dict[str, str] = {}
    for chunk in chunks(map(bytes.fromhex, trace_ids)):
        marks = placeholders(chunk)
        rows = conn.rows(
            f"SELECT trace_id, value FROM trace_tags WHERE key = ? AND trace_id IN ({marks})",
            (key, *chunk),
        )
        tags |= {trace_id.hex(): value for trace_id, value in rows}
    return tags
