"""Model calls of one trace that another trace may report as well.

Two instrumentations that do not know of each other make a trace each of one call. They are found
by an index of model calls (scope, time, input tokens), those that failed by one of their own, and
told apart by clustertrace.understanding.calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.store.connection import Connection
from clustertrace.store.rows import SLIM_COLUMNS, slim_span
from clustertrace.store.writing import news
from clustertrace.understanding.same_calls import TOGETHER_NS

__all__ = ["FAILED_AT_ONCE", "calls_elsewhere", "wake"]

_SCOPES: Final = (
    "WITH RECURSIVE known(scope) AS ("
    " SELECT min(scope) FROM spans WHERE scope IS NOT NULL UNION ALL"
    " SELECT (SELECT min(scope) FROM spans WHERE scope > known.scope)"
    " FROM known WHERE known.scope IS NOT NULL"
    ") SELECT scope FROM known WHERE scope IS NOT NULL"
)
"""Every scope that reports model calls: a look into the index each, however many calls."""

_OTHERS: Final = (
    "({scopes}) s CROSS JOIN spans o WHERE s.scope <> n.scope AND o.scope = s.scope"
    f" AND o.start_ns BETWEEN n.start_ns - {TOGETHER_NS} AND n.start_ns + {TOGETHER_NS}"
    " AND o.trace_id <> n.trace_id"
)
"""Calls `o` of other traces at the time of the call `n`; never are ranges of equal scope read."""

ANSWERED_AT_ONCE: Final = (
    f"{_OTHERS} AND o.input_tokens = n.input_tokens"
    f" AND o.start_ns / {2 * TOGETHER_NS} IN ((n.start_ns - {TOGETHER_NS}) / {2 * TOGETHER_NS},"
    f" (n.start_ns + {TOGETHER_NS}) / {2 * TOGETHER_NS})"
)
FAILED_AT_ONCE: Final = (
    f"{_OTHERS} AND n.status = 'error' AND n.input_tokens IS NULL"
    " AND o.status = 'error' AND +o.input_tokens IS NULL"
)
"""Of those, the ones that say the same. (The plus keeps SQLite to the index of failures.)"""

_MAY_BE: Final = (
    "EXISTS (SELECT 1 FROM {others} AND (n.parent_span_id IS NULL OR o.parent_span_id IS NULL"
    " OR n.response_id = o.response_id))"
)
"""Whether one of them can be the call `n`: one is a trace by itself, or both know the response.

Where a thousand agents ask the same at once, nearly none can, and none is compared with the others.
Where one can, the others are looked at too: it may be one of theirs.
"""


def calls_elsewhere(
    conn: Connection, traces: Mapping[bytes, Sequence[Span]]
) -> Mapping[bytes, list[Span]]:
    """For each of these traces, the model calls of other traces that may be among its own.

    The traces come with their spans, payloads not needed; those without model calls cost nothing.
    """
    asked = [trace_id for trace_id, spans in traces.items() if any(map(_reported, spans))]
    scopes = _scopes(conn) if asked else []
    if len(scopes) < 2:
        return {}
    marks = ", ".join("?" * len(asked))
    pairs = conn.rows(
        " UNION ".join(
            f"SELECT n.trace_id, o.trace_id FROM spans n CROSS JOIN {others}"
            f" AND n.trace_id IN (SELECT n.trace_id FROM spans n WHERE n.trace_id IN ({marks})"
            f" AND {_MAY_BE.format(others=others)})"
            for others in _others(scopes)
        ),
        (*scopes, *asked, *scopes) * 2,
    )
    if not pairs:
        return {}
    others = sorted({other for _, other in pairs})
    marks = ", ".join("?" * len(others))
    calls: dict[bytes, list[Span]] = defaultdict(list)
    for row in conn.rows(
        f"SELECT {SLIM_COLUMNS} FROM spans WHERE trace_id IN ({marks}) AND scope IS NOT NULL",
        others,
    ):
        calls[row[0]].append(slim_span(row))
    found: dict[bytes, list[Span]] = defaultdict(list)
    for trace_id, other in pairs:
        found[trace_id] += calls[other]
    return found


def wake(conn: Connection, after_seq: int, due_ns: int) -> None:
    """Make traces due that may report a call which was written after `after_seq`."""
    scopes = _scopes(conn)
    if len(scopes) < 2:
        return
    calls = " UNION ".join(
        f"SELECT o.trace_id FROM spans n CROSS JOIN {others} AND n.seq > ?"
        f" AND {_MAY_BE.format(others=others)}"
        for others in _others(scopes)
    )
    news.mark_found(conn, calls, (*scopes, after_seq, *scopes) * 2, due_ns)


def _reported(span: Span) -> bool:
    """Whether another trace may report a span as well."""
    failed = span.input_tokens is None and span.status == "error"
    return span.kind in MODEL_KINDS and bool(span.input_tokens or failed)


def _scopes(conn: Connection) -> list[str]:
    return [row[0] for row in conn.rows(_SCOPES)]


def _others(scopes: Sequence[str]) -> list[str]:
    named = " UNION ALL ".join(["SELECT ? AS scope"] * len(scopes))
    return [sql.format(scopes=named) for sql in (ANSWERED_AT_ONCE, FAILED_AT_ONCE)]
