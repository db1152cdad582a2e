"""What the metrics page asks: the newest values of each metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clustertrace.store.connection import Connection

__all__ = ["NEWEST", "Measured", "metric_names", "metric_values"]

NEWEST: Final = 2_000
"""Values of a metric that are looked at."""
_METRICS: Final = 100


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
        (_METRICS,),
    )
    return [row[0] for row in rows]


def metric_values(conn: Connection, name: str, limit: int = NEWEST) -> list[Measured]:
    """The newest values of a metric, oldest of them first."""
    rows = conn.rows(
        "SELECT trace_id, time_ns, value, failed, variant_id FROM"
        " (SELECT trace_id, time_ns, value FROM trace_metrics WHERE name = ?"
        "  ORDER BY time_ns DESC LIMIT ?) LEFT JOIN traces USING (trace_id)"
        " ORDER BY time_ns, trace_id",
        (name, limit),
    )
    return [
        Measured(key.hex(), at, value, None if failed is None else bool(failed), pattern)
        for key, at, value, failed, pattern in rows
    ]
