"""The spans of traces without their payloads: enough to summarise, count and compare runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from clustertrace.model import Span
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SLIM_COLUMNS, slim_span

__all__ = ["slim_spans"]


def slim_spans(conn: Connection, trace_ids: Sequence[bytes]) -> defaultdict[bytes, list[Span]]:
    """The spans of each of these traces, in any order."""
    spans: defaultdict[bytes, list[Span]] = defaultdict(list)
    sql = f"SELECT {SLIM_COLUMNS} FROM spans WHERE trace_id IN ({placeholders(trace_ids)})"
    for row in conn.rows(sql, trace_ids):
        spans[row[0]].append(slim_span(row))
    return spans
