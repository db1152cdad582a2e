"""The full-text index in PostgreSQL: a table of words by trace and number, with a GIN index.

Updated right after the commit, as in SQLite, so that receiving never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from clustertrace.errors import StoreCorrupt
from clustertrace.store import state
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.postgres.passages import passages as passages_of
from clustertrace.store.postgres.words import text_vector
from clustertrace.store.search.index import FIELDS
from clustertrace.store.search.position import POSITION, behind, has_more, position

__all__ = [
    "advance",
    "agrees",
    "behind",
    "check",
    "clear",
    "containing",
    "forget",
    "forget_traces",
    "found",
    "has_more",
    "left",
    "passages",
    "position",
    "tidy",
]

_COLUMNS: Final = ", ".join(FIELDS)
_SPANS_A_QUERY: Final = 200


def advance(conn: Connection, limit: int) -> int:
    """Index up to `limit` further spans, in the caller's transaction; returns how many."""
    conn.take_turns("clustertrace text index")
    rows = conn.rows(
        f"SELECT trace_id, seq, {_COLUMNS} FROM span_texts"
        " WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        (position(conn), conn.last_number(), limit),
    )
    if not rows:
        return 0
    conn.many(
        "INSERT INTO span_index VALUES (?, ?, ?)",
        [(*row[:2], text_vector(row[2:])) for row in rows],
    )
    state.put(conn, POSITION, rows[-1][1])
    return len(rows)


def forget(conn: Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Remove spans from the index before their rows change; keys are binary trace and span ids."""
    conn.many(
        "DELETE FROM span_index WHERE trace_id = ? AND rowid ="
        " (SELECT seq FROM spans WHERE trace_id = ? AND span_id = ?)",
        [(trace_id, trace_id, span_id) for trace_id, span_id in keys],
    )


def forget_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Remove all spans of these traces from the index, before they are deleted."""
    marks = placeholders(trace_ids)
    conn.run(f"DELETE FROM span_index WHERE trace_id IN ({marks})", trace_ids)


def clear(conn: Connection) -> None:
    """Remove everything, so that `advance` starts over; in the caller's transaction."""
    conn.run("DELETE FROM span_index")
    state.remove(conn, POSITION)


def left(conn: Connection) -> int:
    """Nothing is ever left behind."""
    return 0


def tidy(conn: Connection, limit: int) -> bool:
    """Nothing is ever left behind."""
    return False


def found(
    conn: Connection,
    expression: str,
    *,
    kind: str | None = None,
    failed: bool | None = None,
    limit: int,
    offset: int = 0,
) -> list[int]:
    """The sequence numbers of spans that match, highest first."""
    rows = conn.rows(
        "SELECT seq FROM span_index JOIN spans ON spans.trace_id = span_index.trace_id"
        " AND seq = rowid WHERE span_index MATCH :expression"
        " AND (:kind IS NULL OR kind = :kind)"
        " AND (:failed IS NULL OR (status = 'error') = :failed)"
        " ORDER BY rowid DESC LIMIT :limit OFFSET :offset",
        {
            "expression": expression,
            "kind": kind,
            "failed": failed,
            "limit": limit,
            "offset": offset,
        },
    )
    return [row[0] for row in rows]


def containing(conn: Connection, expression: str) -> str:
    """A query for the traces with a matching span; `expression` is the name of a parameter."""
    return f"SELECT trace_id FROM span_index WHERE span_index MATCH {expression}"


def check(conn: Connection) -> None:
    """Raise StoreCorrupt unless the index, which must be up to date, agrees with the spans."""
    if not agrees(conn):
        raise StoreCorrupt(f"The text index of {conn.name} does not agree with its spans.")


def passages(
    conn: Connection, expression: str, seqs: Sequence[int]
) -> Mapping[int, Mapping[str, str]]:
    """The best passage of each field, by the sequence number of the span."""
    marks = placeholders(seqs)
    rows = conn.rows(f"SELECT seq, {_COLUMNS} FROM span_texts WHERE seq IN ({marks})", seqs)
    return {
        row[0]: passages_of(expression, dict(zip(FIELDS, row[1:], strict=True))) for row in rows
    }


def agrees(conn: Connection) -> bool:
    """Whether the index agrees with the spans, up to its position."""
    indexed_to = position(conn)
    spans = 0
    for rows in conn.parts(
        f"SELECT trace_id, seq, {_COLUMNS} FROM span_texts WHERE seq <= ?",
        (indexed_to,),
        size=_SPANS_A_QUERY,
    ):
        spans += len(rows)
        value_rows = ", ".join(["(?, ?, CAST(? AS tsvector))"] * len(rows))
        agreeing = conn.value(
            f"WITH told (trace_id, seq, words) AS (VALUES {value_rows})"
            " SELECT count(*) FROM told JOIN span_index i"
            " ON i.trace_id = told.trace_id AND i.rowid = told.seq WHERE i.words = told.words",
            [value for row in rows for value in (*row[:2], text_vector(row[2:]))],
        )
        if agreeing < len(rows):
            return False
    return bool(spans == conn.value("SELECT count(*) FROM span_index"))
