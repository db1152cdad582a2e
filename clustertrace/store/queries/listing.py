"""Questions about single traces: lists, one whole trace, and what they carry."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from clustertrace.errors import Ambiguous, NotFound, UsageError
from clustertrace.filters import Filter
from clustertrace.model import EMPTY, NS_PER_DAY, Metric, Span, Trace, failed
from clustertrace.store import filtering
from clustertrace.store.answers import TracePage, TraceRow
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.totals import replays
from clustertrace.store.rows import SPAN_COLUMNS, json_value, span_of_row

__all__ = [
    "COUNTED",
    "TraceOrder",
    "beside_in_session",
    "days",
    "export",
    "has_traces",
    "known_traces",
    "latest",
    "lines",
    "newest",
    "of_session",
    "spans_state",
    "trace",
    "trace_id",
    "trace_row",
    "traces",
    "whole",
]

TraceOrder = Literal["start_ns", "duration_ns", "cost_usd", "input_tokens", "span_count", "name"]

_NO_LIMIT: Final = 2**63 - 1
_ORDERS: Final = get_args(TraceOrder)
"""Each has an index, so that a page costs the same however many traces there are."""
COUNTED: Final = 10_000
"""Traces that match a filter are counted so far and no further."""
_SORT_COLUMNS: Final = {"name": ["name COLLATE NOCASE", "start_ns"]}
_COUNT_LIMITS: Final = (250, 1_000, COUNTED)
_COUNTING_SECONDS: Final = 0.1
"""Where counting the next of these would take longer, going by the last, no more are counted."""
_Row = tuple[Any, ...]
_HEX: Final = frozenset("0123456789abcdef")
_SHORTEST_PREFIX: Final = 4
_TRACES_A_QUERY: Final = 200

_ROW_COLUMNS: Final = (
    "trace_id, name, status, outcome, start_ns, duration_ns, session_id, variant_id,"
    " span_count, error_count, llm_calls, unpriced_calls, input_tokens, output_tokens, cost_usd,"
    " first_prompt, error, given_outcome IS NOT NULL, starred IS NOT NULL, note,"
    " outcome_reason"
)
_HEAD_COLUMNS: Final = (
    "trace_id, name, status, outcome, outcome_reason, start_ns, end_ns, session_id, extra,"
    " given_outcome IS NOT NULL, starred IS NOT NULL, note"
)


def traces(
    conn: Connection,
    where: Filter | None = None,
    *,
    order: TraceOrder = "start_ns",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> TracePage:
    """A page of traces that match, newest first unless another order is asked for.

    Of a filter's traces `COUNTED` are counted at most, fewer where that takes long. Raises
    UsageError for an unknown order.
    """
    if order not in _ORDERS:
        raise UsageError(f"Traces can be ordered by {', '.join(_ORDERS)}, not by {order}.")
    condition, params = _condition(conn, where, by_start=order == "start_ns")
    direction = "DESC" if descending else "ASC"
    sorted_by = ", ".join(
        f"{column} {direction}" for column in (*_SORT_COLUMNS.get(order, [order]), "trace_id")
    )
    rows = conn.rows(
        f"SELECT {_ROW_COLUMNS} FROM traces WHERE {condition}"
        f" ORDER BY {sorted_by} LIMIT :limit OFFSET :offset",
        {**params, "limit": limit, "offset": offset},
    )
    shown = tuple(_trace_rows(conn, rows))
    total = offset + len(rows)
    if where is None:
        total = _counted_traces(conn) + replays(conn)
    elif len(rows) in (0, limit):
        return TracePage(shown, *_count_matching(conn, condition, params, total + 1))
    return TracePage(shown, total)


def has_traces(conn: Connection) -> bool:
    """Whether there is a trace to be listed."""
    return conn.value("SELECT 1 FROM traces WHERE start_ns IS NOT NULL LIMIT 1") is not None


def _counted_traces(conn: Connection) -> int:
    """How many traces the roll-ups count, which is all of them but replays."""
    return int(conn.value("SELECT sum(traces) FROM variant_totals") or 0)


def _count_matching(
    conn: Connection, condition: str, params: Mapping[str, Any], minimum: int
) -> tuple[int, bool]:
    """How many traces match, and whether there are more than that; `minimum` are looked for."""
    limit_counted = total = 0
    seconds = 0.0
    there_are: int | None = None
    for limit in _COUNT_LIMITS:
        if limit < min(minimum, _COUNT_LIMITS[-1]):
            continue
        if limit_counted:
            # It reads no more than there is: of some thousand traces all can be counted.
            if there_are is None:
                there_are = _counted_traces(conn)
            read_at_most = min(limit, there_are or limit)
            if seconds * read_at_most / limit_counted > _COUNTING_SECONDS:
                break
        started = time.monotonic()
        limited = f"SELECT 1 FROM traces WHERE {condition} LIMIT {limit + 1}"
        total = conn.value(f"SELECT count(*) FROM ({limited})", params)
        seconds, limit_counted = time.monotonic() - started, limit
        if total <= limit:
            break
    return min(total, limit_counted), total > limit_counted


def newest(conn: Connection, where: Filter | None, limit: int) -> list[TraceRow]:
    """The lines of the newest traces that match, newest first, at most `limit`."""
    condition, params = _condition(conn, where)
    rows = conn.rows(
        f"SELECT {_ROW_COLUMNS} FROM traces WHERE {condition}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :limit",
        params | {"limit": limit},
    )
    return [line for chunk in chunks(rows, _TRACES_A_QUERY) for line in _trace_rows(conn, chunk)]


def days(conn: Connection, where: Filter | None = None) -> dict[int, int]:
    """How many traces that match began on a day, counted from 1970-01-01 UTC; oldest first."""
    condition, params = _condition(conn, where)
    day = f"start_ns / {NS_PER_DAY}"
    sql = f"SELECT {day}, count(*) FROM traces WHERE {condition} GROUP BY 1 ORDER BY 1"
    return dict(conn.rows(sql, params))


def lines(
    conn: Connection, where: Filter | None = None, *, day: int | None = None
) -> Iterator[list[TraceRow]]:
    """The lines of traces that match, oldest first (ties by id), some hundred at a time.

    With `day`, counted from 1970-01-01 UTC, those that began on it.
    """
    condition, params = _condition(conn, where)
    if day is not None:
        condition = f"start_ns >= :day AND start_ns < :day + {NS_PER_DAY} AND {condition}"
        params = params | {"day": day * NS_PER_DAY}
    sql = f"SELECT trace_id FROM traces WHERE {condition} ORDER BY start_ns, trace_id"
    for chunk in conn.parts(sql, params, size=_TRACES_A_QUERY):
        marks = placeholders(chunk)
        rows = conn.rows(
            f"SELECT {_ROW_COLUMNS} FROM traces WHERE trace_id IN ({marks})"
            " ORDER BY start_ns, trace_id",
            [row[0] for row in chunk],
        )
        yield _trace_rows(conn, rows)


def of_session(conn: Connection, session_id: str, *, limit: int, offset: int = 0) -> list[TraceRow]:
    """The lines of a session's runs, oldest first; a turn that was replayed is no further one."""
    rows = conn.rows(
        f"SELECT {_ROW_COLUMNS} FROM traces WHERE session_id = ? AND variant_id IS NOT NULL"
        " ORDER BY start_ns, trace_id LIMIT ? OFFSET ?",
        (session_id, min(limit, _TRACES_A_QUERY), offset),
    )
    return _trace_rows(conn, rows)


def beside_in_session(conn: Connection, full_id: str) -> tuple[str | None, str | None]:
    """The runs of the same session that began just before this one and just after it."""
    neighbours: list[str | None] = []
    for operator, order in (("<", "DESC"), (">", "ASC")):
        key = conn.value(
            "SELECT o.trace_id FROM traces t JOIN traces o ON o.session_id = t.session_id"
            f" AND (o.start_ns, o.trace_id) {operator} (t.start_ns, t.trace_id)"
            " WHERE t.trace_id = ? AND o.variant_id IS NOT NULL"
            f" ORDER BY o.start_ns {order}, o.trace_id {order} LIMIT 1",
            (bytes.fromhex(full_id),),
        )
        neighbours.append(None if key is None else key.hex())
    return neighbours[0], neighbours[1]


def trace_row(conn: Connection, prefix: str) -> TraceRow:
    """The list line of one trace, by its id or a unique beginning of it. Raises NotFound."""
    key = bytes.fromhex(trace_id(conn, prefix))
    row = conn.row(f"SELECT {_ROW_COLUMNS} FROM traces WHERE trace_id = ?", (key,))
    assert row is not None
    return _trace_row(row, _tags_by_trace(conn, [key])[key])


def trace(conn: Connection, prefix: str, spans: Sequence[Span] | None = None) -> Trace:
    """A whole trace, by its id or a unique beginning of it (4 digits or more). Raises NotFound.

    `spans` are those that it is known to have (`spans_state`), which are not read again.
    """
    key = bytes.fromhex(trace_id(conn, prefix))
    return next(whole(conn, [key], None if spans is None else {key: spans}))


def spans_state(conn: Connection, trace_id: str) -> tuple[int, int]:
    """Numbers that change whenever a span of the trace comes, changes or goes."""
    sql = "SELECT count(*), coalesce(max(seq), 0) FROM spans WHERE trace_id = ?"
    count, newest = conn.rows(sql, (bytes.fromhex(trace_id),))[0]
    return count, newest


def trace_id(conn: Connection, prefix: str) -> str:
    """The full id of the one trace whose id begins so. Raises NotFound."""
    text = prefix.strip().lower()
    if len(text) < _SHORTEST_PREFIX or len(text) > 32 or not _HEX.issuperset(text):
        raise NotFound(
            f"{prefix[:40]!r} is not a trace id; "
            f"give its first {_SHORTEST_PREFIX} or more hex digits."
        )
    lowest = bytes.fromhex(text.ljust(32, "0"))
    highest = bytes.fromhex(text.ljust(32, "f"))
    rows = conn.rows(
        "SELECT trace_id FROM traces WHERE trace_id BETWEEN ? AND ? AND start_ns IS NOT NULL "
        "LIMIT 2",
        (lowest, highest),
    )
    if not rows:
        raise NotFound(f"There is no trace {prefix}; `clustertrace inspect --latest` shows one.")
    if len(rows) > 1:
        raise Ambiguous(f"Several traces begin with {prefix}; give more of its id.")
    return str(rows[0][0].hex())


def latest(conn: Connection, where: Filter | None = None, *, failed: bool = False) -> str:
    """The id of the newest trace that matches, or the newest failed one. Raises NotFound."""
    condition, params = _condition(conn, where)
    key = conn.value(
        f"SELECT trace_id FROM traces WHERE {condition}{' AND failed = 1' if failed else ''}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT 1",
        params,
    )
    if key is not None:
        return str(key.hex())
    if where is not None:
        raise NotFound(f"No {'failed ' if failed else ''}trace matches.")
    raise NotFound("No trace has failed." if failed else "There are no traces yet.")


def known_traces(conn: Connection, trace_ids: Sequence[str]) -> set[str]:
    """Those of the ids that the database has spans of."""
    known: set[str] = set()
    for keys in chunks(map(bytes.fromhex, trace_ids), _TRACES_A_QUERY):
        marks = placeholders(keys)
        sql = f"SELECT DISTINCT trace_id FROM spans WHERE trace_id IN ({marks})"
        known.update(row[0].hex() for row in conn.rows(sql, keys))
    return known


def export(
    conn: Connection, where: Filter | None = None, *, newest: int = _NO_LIMIT
) -> Iterator[Trace]:
    """Whole traces that match, oldest first (ties by id); with `newest`, so many at most."""
    condition, params = _condition(conn, where)
    rows = conn.rows(
        f"SELECT trace_id FROM traces WHERE {condition}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :newest",
        params | {"newest": newest},
    )
    for chunk in chunks(reversed(rows), _TRACES_A_QUERY):
        yield from whole(conn, [row[0] for row in chunk])


def _condition(
    conn: Connection, where: Filter | None, *, by_start: bool = True
) -> tuple[str, dict[str, Any]]:
    """The SQL of a filter, and its parameters by name."""
    if where is None:
        return "start_ns IS NOT NULL", {}
    sql, params = filtering.condition(conn, where, by_start=by_start)
    return f"start_ns IS NOT NULL AND {sql}", params


def _trace_rows(conn: Connection, rows: Sequence[_Row]) -> list[TraceRow]:
    tags = _tags_by_trace(conn, [row[0] for row in rows])
    return [_trace_row(row, tags[row[0]]) for row in rows]


def _trace_row(row: Sequence[Any], tags: Mapping[str, str]) -> TraceRow:
    key, name, status, outcome, *facts, by_hand, starred, note, reason = row
    # Of a replay the column says nothing, so that nobody counts it; how it went is known.
    has_failed = failed(outcome, status) is True
    by_user = (bool(by_hand), bool(starred), note, reason)
    # The facts, from `start_ns` to `error`, are in both in the same order.
    values = [key.hex(), name, status, outcome, has_failed, *facts, tags, *by_user]
    return TraceRow(*values)


def _tags_by_trace(conn: Connection, keys: Sequence[bytes]) -> dict[bytes, dict[str, str]]:
    found: dict[bytes, dict[str, str]] = defaultdict(dict)
    marks = placeholders(keys)
    sql = f"SELECT trace_id, key, value FROM trace_tags WHERE trace_id IN ({marks}) ORDER BY key"
    for key, name, value in conn.rows(sql, keys):
        found[key][name] = value
    return found


def _metrics_by_trace(conn: Connection, keys: Sequence[bytes]) -> dict[bytes, list[Metric]]:
    found: dict[bytes, list[Metric]] = defaultdict(list)
    marks = placeholders(keys)
    sql = (
        "SELECT trace_id, name, value, time_ns, span_id FROM trace_metrics "
        f"WHERE trace_id IN ({marks}) ORDER BY time_ns, name, span_id, value"
    )
    for key, name, value, time_ns, span_id in conn.rows(sql, keys):
        found[key].append(Metric(name, value, time_ns, span_id.hex() or None))
    return found


def whole(
    conn: Connection,
    keys: Sequence[bytes],
    known_spans: Mapping[bytes, Sequence[Span]] | None = None,
) -> Iterator[Trace]:
    """Whole traces in the order of their keys, as many queries for one as for many."""
    marks = placeholders(keys)
    spans = _spans_by_trace(conn, keys) if known_spans is None else known_spans
    tags, metrics = _tags_by_trace(conn, keys), _metrics_by_trace(conn, keys)
    rows = {
        row[0]: row
        for row in conn.rows(
            f"SELECT {_HEAD_COLUMNS} FROM traces WHERE trace_id IN ({marks})", keys
        )
    }
    for key in keys:
        row = rows[key]
        *columns, extra, judged_by_hand, starred, note = row[1:]
        collections = (tags[key], tuple(metrics[key]), tuple(spans.get(key, ())))
        by_user = (
            EMPTY if extra is None else json_value(extra),
            bool(judged_by_hand),
            bool(starred),
            note,
        )
        values = [key.hex(), *columns, *collections, *by_user]
        yield Trace(*values)


def _spans_by_trace(conn: Connection, keys: Sequence[bytes]) -> Mapping[bytes, Sequence[Span]]:
    marks = placeholders(keys)
    spans: dict[bytes, list[Span]] = defaultdict(list)
    sql = (
        f"SELECT {SPAN_COLUMNS} FROM spans WHERE trace_id IN ({marks}) "
        "ORDER BY start_ns, ordinal, span_id"
    )
    for row in conn.rows(sql, keys):
        spans[row[0]].append(span_of_row(row))
    return spans
