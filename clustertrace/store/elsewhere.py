"""Model calls of one trace that another trace may report as well.

Two instrumentations that do not know of each other make a trace each of one call. They are found
by an index of model calls (input tokens, time), and told apart by clustertrace.calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from clustertrace.calls import OVERLAP_NS
from clustertrace.model import Span
from clustertrace.store.connection import Connection
from clustertrace.store.rows import SLIM_COLUMNS, slim_span

__all__ = ["calls_elsewhere", "wake"]

_AT_ONCE: Final = (
    "o.scope IS NOT NULL AND o.input_tokens = n.input_tokens"
    f" AND o.start_ns BETWEEN n.start_ns - {OVERLAP_NS} AND n.end_ns"
    " AND o.end_ns >= n.start_ns AND o.scope <> n.scope AND o.trace_id <> n.trace_id"
)
"""Calls `o` of other traces that may be the call `n`."""


def calls_elsewhere(
    conn: Connection, traces: Mapping[bytes, Sequence[Span]]
) -> Mapping[bytes, list[Span]]:
    """For each of these traces, the model calls of other traces that may be among its own.

    The traces come with their spans, payloads not needed; those without model calls cost nothing.
    """
    asked = [
        trace_id
        for trace_id, spans in traces.items()
        if any(span.input_tokens and span.kind in ("llm", "embedding") for span in spans)
    ]
    if not asked:
        return {}
    marks = ", ".join("?" * len(asked))
    pairs = conn.rows(
        "SELECT DISTINCT n.trace_id, o.trace_id FROM spans n CROSS JOIN spans o "
        f"WHERE n.trace_id IN ({marks}) AND n.scope IS NOT NULL AND {_AT_ONCE}",
        asked,
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
    conn.run(
        "UPDATE traces SET due_ns = ? WHERE due_ns IS NULL AND trace_id IN "
        "(SELECT o.trace_id FROM spans n CROSS JOIN spans o "
        f"WHERE n.seq > ? AND n.scope IS NOT NULL AND {_AT_ONCE})",
        (due_ns, after_seq),
    )
