"""The full-text index: updated right after the commit, at a constant cost per span.

It is extended by sequence number, with one `INSERT … SELECT` per batch; a trigger would cost ten
times that. It holds no copy of the texts, and consists of parts (`text_parts`). A span that changes
gets a new number, and its old words are removed by number, never by a search. Numbers are not
reused, so words that the index still holds of a deleted span match nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from clustertrace.store import state
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.keyed import meeting
from clustertrace.store.search.index import FIELDS, MARK, MARK_END, PASSAGE_WORDS
from clustertrace.store.search.position import POSITION, behind, has_more, position
from clustertrace.store.sqlite import text_parts
from clustertrace.store.sqlite.text_parts import Part

__all__ = [
    "advance",
    "behind",
    "check",
    "clear",
    "containing",
    "foresee",
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
_SPANS_A_QUERY: Final = 900
"""How many parameters one statement gets at most."""

_SAMPLES: Final = 100
_REBUILD_SHARE: Final = 0.5
"""Removing a word costs as much as adding one: if more than this share of a part goes, rebuilding
it from the rest is cheaper."""

_SPANS_A_PAGE: Final = 10
"""How many spans are indexed in the time that merging a page takes."""


def advance(conn: Connection, limit: int) -> int:
    """Index up to `limit` further spans, in the caller's transaction; returns how many."""
    indexed_to = position(conn)
    first = conn.value("SELECT min(seq) FROM spans WHERE seq > ?", (indexed_to,))
    if first is None:
        return 0
    part = text_parts.part_of(conn, first)
    upto, count = _insert_spans(conn, part.table, indexed_to, part.last, limit)
    state.put(conn, POSITION, upto)
    return count


def forget(conn: Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Remove spans from the index before their rows change; keys are binary trace and span ids."""
    seq_query = "SELECT seq FROM spans WHERE trace_id = ? AND span_id = ?"
    _remove_spans(conn, [row[0] for key in keys for row in conn.rows(seq_query, key)])


def clear(conn: Connection) -> None:
    """Remove everything, so that `advance` starts over; in the caller's transaction."""
    for part in text_parts.every(conn):
        text_parts.drop(conn, part)
    state.remove(conn, POSITION)


def foresee(conn: Connection, condition: str, params: Mapping[str, Any]) -> None:
    """Prepare for the removal of all traces that match a condition, in many transactions.

    A part that consists mostly of them keeps their words until `tidy` rebuilds it.
    """
    for part in text_parts.every(conn):
        if not part.stale and _share_of_spans(conn, part, condition, params) > _REBUILD_SHARE:
            conn.run("UPDATE span_index_parts SET stale = 1 WHERE number = ?", (part.number,))


def forget_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Remove all spans of these traces from the index, before they are deleted."""
    parts = text_parts.every(conn)
    if all(part.stale and part.built_to is None for part in parts):
        return
    marks = placeholders(trace_ids)
    rows = conn.rows(f"SELECT seq FROM spans WHERE trace_id IN ({marks})", trace_ids)
    for number in _remove_spans(conn, [row[0] for row in rows]):
        conn.run("UPDATE span_index_parts SET loose = 1 WHERE number = ?", (number,))


def tidy(conn: Connection, limit: int) -> bool:
    """Take a step towards an index without words of deleted spans, in the caller's transaction.

    About `limit` spans are indexed again, or pages merged. Returns whether there is more to do.
    """
    parts = text_parts.unfinished(text_parts.every(conn))
    if not parts:
        return False
    is_done = (
        _rebuild_part(conn, parts[-1], limit)
        if parts[-1].stale
        else _merge_pages(conn, parts[-1], limit)
    )
    return not is_done or len(parts) > 1


def left(conn: Connection) -> int:
    """How many parts still hold words of deleted spans, which `tidy` removes."""
    return len(text_parts.unfinished(text_parts.every(conn)))


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
    seqs: list[int] = []
    for part in text_parts.every(conn):
        rows = conn.rows(
            f"SELECT spans.seq FROM {part.table} AS words CROSS JOIN spans"
            f" ON spans.seq = words.rowid WHERE {part.table} MATCH :expression"
            " AND (:kind IS NULL OR kind = :kind)"
            " AND (:failed IS NULL OR (status = 'error') = :failed)"
            " ORDER BY words.rowid DESC LIMIT :limit",
            {
                "expression": expression,
                "kind": kind,
                "failed": failed,
                "limit": offset + limit - len(seqs),
            },
        )
        seqs += [row[0] for row in rows]
        if len(seqs) >= offset + limit:
            break
    return seqs[offset:]


def passages(
    conn: Connection, expression: str, seqs: Sequence[int]
) -> Mapping[int, Mapping[str, str]]:
    """The best passage of each field, by the sequence number of the span."""
    texts_by_seq: dict[int, Mapping[str, str]] = {}
    for number, part_seqs in text_parts.by_part(seqs):
        part = text_parts.part_of(conn, number * text_parts.SPANS + 1)
        snippets = ", ".join(
            f"snippet({part.table}, {column}, '{MARK}', '{MARK_END}', '…', {PASSAGE_WORDS})"
            for column in range(len(FIELDS))
        )
        marks = placeholders(part_seqs)
        rows = conn.rows(
            f"SELECT rowid, {snippets} FROM {part.table}"
            f" WHERE {part.table} MATCH ? AND rowid IN ({marks})",
            (expression, *part_seqs),
        )
        for seq, *texts in rows:
            texts_by_seq[seq] = dict(zip(FIELDS, (text or "" for text in texts), strict=True))
    return texts_by_seq


def containing(conn: Connection, expression: str) -> str:
    """A query for the traces with a matching span; `expression` is the name of a parameter."""
    return (
        " UNION ALL ".join(
            f"SELECT spans.trace_id FROM {part.table} AS words CROSS JOIN spans"
            f" ON spans.seq = words.rowid WHERE {part.table} MATCH {expression}"
            for part in text_parts.every(conn)
        )
        or "SELECT trace_id FROM spans WHERE FALSE"
    )


def check(conn: Connection) -> None:
    """Raise StoreCorrupt unless the index, which must be up to date, agrees with the spans.

    https://www.sqlite.org/fts5.html#the_integrity_check_command
    """
    while tidy(conn, text_parts.SPANS):
        pass
    for part in text_parts.every(conn):
        conn.run(f"INSERT INTO {part.table} ({part.table}, rank) VALUES ('integrity-check', 1)")


def _insert_spans(
    conn: Connection, table: str, after: int, last: int, limit: int
) -> tuple[int, int]:
    """Index spans in (after, last], at most `limit`; returns the last number, and how many."""
    upto, count = conn.row(
        "SELECT max(seq), count(*) FROM (SELECT seq FROM spans WHERE seq > ? AND seq <= ?"
        " ORDER BY seq LIMIT ?)",
        (after, last, limit),
    ) or (None, 0)
    if upto is None:
        return last, 0
    conn.run(
        f"INSERT INTO {table} (rowid, {_COLUMNS}) SELECT seq, {_COLUMNS} FROM span_texts"
        " WHERE seq > ? AND seq <= ?",
        (after, upto),
    )
    return int(upto), int(count)


def _remove_spans(conn: Connection, seqs: Iterable[int]) -> list[int]:
    """Remove spans by their old words; returns the numbers of the changed parts."""
    indexed_to, changed = position(conn), []
    for number, part_seqs in text_parts.by_part(seq for seq in seqs if seq <= indexed_to):
        part = text_parts.part_of(conn, part_seqs[0])
        if not part.stale:
            _remove_from_part(conn, part.table, part_seqs)
            changed.append(number)
        if part.built_to is not None:
            _remove_from_part(
                conn, part.next_table, [seq for seq in part_seqs if seq <= part.built_to]
            )
    return changed


def _remove_from_part(conn: Connection, table: str, seqs: Sequence[int]) -> None:
    for batch in chunks(seqs, _SPANS_A_QUERY):
        conn.run(
            f"INSERT INTO {table} ({table}, rowid, {_COLUMNS}) SELECT 'delete', seq, {_COLUMNS}"
            f" FROM span_texts WHERE seq IN ({placeholders(batch)})",
            batch,
        )


def _share_of_spans(
    conn: Connection, part: Part, condition: str, params: Mapping[str, Any]
) -> float:
    """Roughly the share of a part's spans whose traces meet a condition."""
    step = text_parts.SPANS // _SAMPLES or 1
    next_trace = "SELECT trace_id FROM spans WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT 1"
    ids: list[bytes] = []
    for seq in range(part.first, part.last + 1, step):
        ids += [row[0] for row in conn.rows(next_trace, (seq, part.last))]
    if not ids:
        return 1.0
    matching = meeting(conn, list(dict.fromkeys(ids)), condition, params)
    return sum(trace_id in matching for trace_id in ids) / len(ids)


def _rebuild_part(conn: Connection, part: Part, limit: int) -> bool:
    """Rebuild some of a part; returns whether it is complete."""
    indexed_to = position(conn)
    after, last = part.built_to or part.first - 1, min(part.last, indexed_to)
    if part.built_to is None:
        any_span = "SELECT 1 FROM spans WHERE seq > ? AND seq <= ? LIMIT 1"
        if indexed_to >= part.last and conn.value(any_span, (after, last)) is None:
            text_parts.drop(conn, part)
            return True
        text_parts.make(conn, part, part.next_table)
    upto, count = _insert_spans(conn, part.next_table, after, last, limit)
    if count < limit:
        text_parts.finish(conn, part)
        return True
    text_parts.built(conn, part, upto)
    return False


def _merge_pages(conn: Connection, part: Part, limit: int) -> bool:
    """Merge some pages of a part, which frees removed words; returns whether it is complete.

    The first of several steps marks the whole part for merging
    (https://www.sqlite.org/fts5.html#the_merge_command).
    """
    pages = max(1, limit // _SPANS_A_PAGE) * (1 if part.loose > 1 else -1)
    change_count = "SELECT total_changes()"
    before = conn.value(change_count)
    conn.run(f"INSERT INTO {part.table} ({part.table}, rank) VALUES ('merge', ?)", (pages,))
    is_done = bool(conn.value(change_count) - before < 2)
    conn.run(
        "UPDATE span_index_parts SET loose = ? WHERE number = ?", (0 if is_done else 2, part.number)
    )
    return is_done
