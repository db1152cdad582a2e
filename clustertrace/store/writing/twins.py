"""Turns that were seen both in a transcript and by telemetry become one trace.

Telemetry's trace stays. The transcript's spans of the same turn move from `spans` to
`unjoined_spans`; whenever the trace is joined, they fill it (clustertrace.joining.transcripts).
Whichever came first, the result is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.model import Span, TraceFacts
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SPAN_COLUMNS, span_of_row
from clustertrace.store.writing import span_rows, unjoined
from clustertrace.wire import MAX_NS

__all__ = ["absorb", "forget_twins", "twins_of", "with_twins", "woken_by"]

_AROUND_NS: Final = 3600 * 10**9
"""A turn's telemetry begins at most so long before or after its transcript."""

_OF_TRANSCRIPT: Final = "instr(attributes, '.transcript\"') > 0"
"""The scope of transcripts' spans ends so, and nothing cheaper tells of tools."""

_CLAUDE_CODE_TRANSCRIPT: Final = "com.anthropic.claude_code.transcript"
_CODEX_TRANSCRIPT: Final = "codex.transcript"
"""The scopes of transcripts' spans."""


def woken_by(
    conn: Connection,
    facts: Sequence[TraceFacts],
    starts: Sequence[int],
    turns: Sequence[bytes],
) -> set[bytes]:
    """The turns from transcripts that telemetry which comes now may be of.

    `starts` are those of its spans, nanoseconds; `turns` what its records name.
    """
    woken: set[bytes] = set()
    sessions = sorted({fact.session_id for fact in facts if fact.session_id is not None})
    for ids in chunks(turns):
        sql = f"SELECT trace_id FROM transcript_turns WHERE trace_id IN ({placeholders(ids)})"
        woken.update(row[0] for row in conn.rows(sql, ids))
    if starts:
        sql = (
            "SELECT t.trace_id FROM traces t WHERE t.session_id = ? AND t.start_ns BETWEEN ? AND ?"
            " AND t.trace_id IN (SELECT trace_id FROM transcript_turns)"
        )
        around = (min(starts) - _AROUND_NS, _end_around(max(starts)))
        for session in sessions:
            woken.update(row[0] for row in conn.rows(sql, (session, *around)))
    return woken


def absorb(conn: Connection, trace_ids: Sequence[bytes]) -> list[bytes]:
    """Take what transcripts tell out of those of these traces that telemetry reported too.

    Returns the traces that are to be settled in their place, or again.
    """
    hosts: list[bytes] = []
    marks = placeholders(trace_ids)
    sql = f"SELECT DISTINCT trace_id FROM transcript_turns WHERE trace_id IN ({marks})"
    for (trace_id,) in conn.rows(sql, trace_ids):
        host = _telemetry_trace(conn, trace_id)
        if host is not None and _move_to_unjoined(conn, trace_id, host):
            hosts.append(host)
    return [host for host in dict.fromkeys(hosts) if host not in trace_ids]


def with_twins(conn: Connection, trace_ids: Sequence[bytes]) -> list[bytes]:
    """Those of these traces that transcripts tell something of."""
    sql = f"SELECT DISTINCT trace_id FROM turn_hosts WHERE trace_id IN ({placeholders(trace_ids)})"
    return [row[0] for row in conn.rows(sql, trace_ids)]


def twins_of(conn: Connection, trace_id: bytes) -> list[Span]:
    """The spans that transcripts tell of the turns of a trace."""
    turns = [row[0] for row in conn.rows(
        "SELECT turn FROM turn_hosts WHERE trace_id = ? ORDER BY turn", (trace_id,)
    )]  # fmt: skip
    return [span for turn in turns for span in unjoined.originals_without_row(conn, turn)]


def forget_twins(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """These traces are removed, and with them what transcripts tell of their turns."""
    marks = placeholders(trace_ids)
    turns = conn.rows(f"SELECT turn FROM turn_hosts WHERE trace_id IN ({marks})", trace_ids)
    for table in ("unjoined_spans", "trace_tags"):
        conn.many(f"DELETE FROM {table} WHERE trace_id = ?", turns)
    conn.run(f"DELETE FROM turn_hosts WHERE trace_id IN ({marks})", trace_ids)


def _end_around(ns: int) -> int:
    return min(ns + _AROUND_NS, MAX_NS)


def _telemetry_trace(conn: Connection, turn: bytes) -> bytes | None:
    """The trace that telemetry made of a turn."""
    host = conn.value("SELECT trace_id FROM turn_hosts WHERE turn = ?", (turn,))
    if host is not None:
        return bytes(host)
    # Records of the same prompt name it.
    trace_id = conn.value(
        "SELECT trace_id FROM logs WHERE turn = ? AND trace_id <> turn LIMIT 1", (turn,)
    )
    if trace_id is not None:
        return bytes(trace_id)
    responses = _responses_of_claude_code(conn, turn)
    row = conn.row("SELECT (SELECT session_id FROM traces WHERE trace_id = :turn),"
                   " min(start_ns), max(start_ns) FROM spans WHERE trace_id = :turn",
                   {"turn": turn})  # fmt: skip
    session, first_ns, last_ns = row or (None, None, None)
    if responses and session is not None:
        around = (first_ns - _AROUND_NS, _end_around(last_ns))
        trace_id = conn.value(
            "SELECT s.trace_id FROM traces t JOIN spans s ON s.trace_id = t.trace_id"
            " WHERE t.session_id = ? AND t.trace_id <> ? AND s.start_ns BETWEEN ? AND ?"
            " AND s.kind = 'llm' AND s.scope <> ?"
            f" AND s.response_id IN ({placeholders(responses)}) LIMIT 1",
            (session, turn, *around, _CLAUDE_CODE_TRANSCRIPT, *responses),
        )
        return None if trace_id is None else bytes(trace_id)
    return turn if _is_told_by_codex(conn, turn) else None


def _responses_of_claude_code(conn: Connection, turn: bytes) -> list[str]:
    """The ids of responses, by which a transcript and telemetry of Claude Code know a call."""
    rows = conn.rows(
        "SELECT DISTINCT response_id FROM spans WHERE trace_id = ? AND kind = 'llm'"
        " AND scope = ? AND response_id IS NOT NULL LIMIT 100",
        (turn, _CLAUDE_CODE_TRANSCRIPT),
    )
    return [row[0] for row in rows]


def _is_told_by_codex(conn: Connection, turn: bytes) -> bool:
    """Whether Codex's telemetry is in the trace itself: its rollouts name that trace."""
    found = conn.value(
        "SELECT 1 FROM spans WHERE trace_id = ? AND kind = 'llm' AND scope LIKE 'codex%'"
        " AND scope <> ? LIMIT 1",
        (turn, _CODEX_TRANSCRIPT),
    )
    return found is not None


def _move_to_unjoined(conn: Connection, turn: bytes, host: bytes) -> bool:
    """Take the spans that a transcript tells of a turn out of it; whether there were any."""
    sql = f"SELECT {SPAN_COLUMNS} FROM spans WHERE trace_id = ? AND {_OF_TRANSCRIPT}"
    spans = {row[1]: span_of_row(row) for row in conn.rows(sql, (turn,))}
    if not spans:
        return False
    keys = [(turn, span_id) for span_id in spans]
    original_spans = unjoined.originals(conn, keys)
    unjoined.forget(conn, keys)
    unjoined.keep(conn, turn, {key[1]: original_spans.get(key) or spans[key[1]] for key in keys})
    span_rows.remove(conn, keys)
    conn.run("INSERT INTO turn_hosts VALUES (?, ?) ON CONFLICT DO NOTHING", (turn, host))
    if host != turn:
        conn.run(
            "INSERT INTO trace_tags SELECT ?, key, value, by_hand FROM trace_tags"
            " WHERE trace_id = ? ON CONFLICT DO NOTHING",
            (host, turn),
        )
        conn.run(
            "INSERT INTO traces (trace_id, session_id) SELECT ?, session_id FROM traces"
            " WHERE trace_id = ? AND session_id IS NOT NULL ON CONFLICT (trace_id) DO UPDATE"
            " SET session_id = coalesce(traces.session_id, excluded.session_id)",
            (host, turn),
        )
    return True
