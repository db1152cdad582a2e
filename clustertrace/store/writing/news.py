"""Traces with news, until they are settled: what is due, and when.

They have a small table of their own. A row of `traces` has a dozen indexes, all on the results of
settling; so settling writes it, once, and a request with spans does not wait for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from clustertrace.store.connection import Connection, placeholders

__all__ = [
    "DONE",
    "PER_SPAN_NS",
    "SETTLE_AFTER_NS",
    "count",
    "due",
    "forget",
    "has_due",
    "mark",
    "mark_found",
    "oldest",
]

SETTLE_AFTER_NS: Final = 200_000_000
"""A trace with news is settled so long after the first of them."""

PER_SPAN_NS: Final = 200_000
"""A trace waits so much longer for each span or record that it has: a long one costs no more a
span."""

_LONGEST_WAIT_NS: Final = 3600 * 10**9
"""Nothing waits for so long: where it seems to, the clock has been set back since."""

_INSERT_NEWS: Final = (
    "INSERT INTO news VALUES (:trace_id, :due_ns + coalesce((SELECT span_count FROM traces WHERE"
    f" trace_id = :trace_id), 0) * {PER_SPAN_NS}) ON CONFLICT (trace_id)"
    " DO UPDATE SET due_ns = news.due_ns"
)
"""Further news of a trace that waits already change nothing; but who settles it just now has not
seen them, and is waited for."""


DONE: Final = "DELETE FROM news WHERE trace_id = ?"


def mark(conn: Connection, due_ns: Iterable[tuple[bytes, int]]) -> None:
    """There is news of these traces, to be settled then, or later where they are long."""
    conn.many(_INSERT_NEWS, [{"trace_id": trace_id, "due_ns": due} for trace_id, due in due_ns])


def mark_found(conn: Connection, found: str, params: Sequence[Any], due_ns: int) -> None:
    """There is news of the traces that a query finds, which names one column `trace_id`."""
    conn.run(
        f"INSERT INTO news SELECT trace_id, ? FROM ({found}) AS found WHERE TRUE"
        " ON CONFLICT (trace_id) DO UPDATE SET due_ns = news.due_ns",
        (due_ns, *params),
    )


def has_due(conn: Connection, now_ns: int) -> bool:
    """Whether any trace is due by `now_ns`."""
    return any(
        conn.value(f"SELECT 1 FROM news WHERE {is_due} LIMIT 1", (bound,))
        for is_due, bound in _due_conditions(now_ns)
    )


def due(conn: Connection, now_ns: int, limit: int) -> list[bytes]:
    """Traces that are due by `now_ns`, longest waiting first, at most `limit`."""
    ids: list[bytes] = []
    for is_due, bound in _due_conditions(now_ns):
        sql = f"SELECT trace_id FROM news WHERE {is_due} ORDER BY due_ns LIMIT ? {conn.claimed}"
        ids += [row[0] for row in conn.rows(sql, (bound, limit - len(ids)))]
    return ids


def count(conn: Connection) -> int:
    """How many traces have news."""
    return int(conn.value("SELECT count(*) FROM news"))


def oldest(conn: Connection) -> int | None:
    """When the trace that waits longest is, or was, due."""
    found: int | None = conn.value("SELECT min(due_ns) FROM news")
    return found


def forget(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """These traces have been settled."""
    marks = placeholders(trace_ids)
    conn.run(f"DELETE FROM news WHERE trace_id IN ({marks})", trace_ids)


def _due_conditions(now_ns: int) -> tuple[tuple[str, int], tuple[str, int]]:
    """What is due, and what seems to be due in an hour or later: together they would be sorted."""
    return ("due_ns <= ?", now_ns), ("due_ns > ?", min(now_ns + _LONGEST_WAIT_NS, 2**63 - 1))
