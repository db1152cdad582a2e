"""The full-text index: updated right after the commit, at a constant cost per span.

It is extended by sequence number, with one `INSERT … SELECT` per batch; a trigger would cost ten
times that. It holds no copy of the texts, and it is made of parts (`text_parts`). A span that
changes gets a new number, and its old words are removed by number, never by a search. Numbers are
not reused: whatever the index still holds of a deleted span finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from clustertrace.store.connection import Connection, placeholders
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
"""Parameters of one statement."""

_SAMPLE: Final = 100
_REBUILD_SHARE: Final = 0.5
"""Taking a word out costs what putting one in does: if more than this share of a part goes, it is
cheaper to build it anew from the rest."""

_SPANS_A_PAGE: Final = 10
"""So many are indexed in the time that it takes to merge a page."""


def advance(conn: Connection, limit: int) -> int:
    """Index the next spans, at most `limit`, in the caller's transaction; how many."""
    done = position(conn)
    first = conn.value("SELECT min(seq) FROM spans WHERE seq > ?", (done,))
    if first is None:
        return 0
    part = text_parts.part_of(conn, first)
    upto, count = _insert_spans(conn, part.table, done, part.last, limit)
    conn.run(
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (POSITION, upto),
    )
    return count


def forget(conn: Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Take spans out of the index before their rows change: `(trace id, span id)`, binary."""
    one = "SELECT seq FROM spans WHERE trace_id = ? AND span_id = ?"
    _remove_spans(conn, [row[0] for key in keys for row in conn.rows(one, key)])


def clear(conn: Connection) -> None:
    """Forget every span, so that `advance` begins anew; in the caller's transaction."""
    for part in text_parts.every(conn):
        text_parts.drop(conn, part)
    conn.run("DELETE FROM state WHERE key = ?", (POSITION,))


def foresee(conn: Connection, condition: str, params: Mapping[str, Any]) -> None:
    """Traces of a condition are going to be removed, in many transactions.

    Where they are most of a part, words are left behind in it, and `tidy` builds it anew.
    """
    for part in text_parts.every(conn):
        if not part.stale and _share_of_spans(conn, part, condition, params) > _REBUILD_SHARE:
            conn.run("UPDATE span_index_parts SET stale = 1 WHERE number = ?", (part.number,))


def forget_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Take all spans of these traces out of the index, before they go."""
    parts = text_parts.every(conn)
    if all(part.stale and part.built_to is None for part in parts):
        return
    marks = placeholders(trace_ids)
    rows = conn.rows(f"SELECT seq FROM spans WHERE trace_id IN ({marks})", trace_ids)
    for number in _remove_spans(conn, [row[0] for row in rows]):
        conn.run("UPDATE span_index_parts SET loose = 1 WHERE number = ?", (number,))


def tidy(conn: Connection, limit: int) -> bool:
    """Take a step towards an index that holds no word of a span that is gone.

    In the caller's transaction; some `limit` spans are indexed anew, or pages merged. Whether there
    is more to do.
    """
    parts = text_parts.unfinished(text_parts.every(conn))
    if not parts:
        return False
    done = (
        _rebuild_part(conn, parts[-1], limit)
        if parts[-1].stale
        else _merge_pages(conn, parts[-1], limit)
    )
    return not done or len(parts) > 1


def left(conn: Connection) -> int:
    """In how many parts of the index words of deleted spans are left, which `tidy` takes out."""
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
    """Of each of these spans, by its number, the passage of each field that fits best."""
    told: dict[int, Mapping[str, str]] = {}
    for number, some in text_parts.by_part(seqs):
        part = text_parts.part_of(conn, number * text_parts.SPANS + 1)
        snippets = ", ".join(
            f"snippet({part.table}, {at}, '{MARK}', '{MARK_END}', '…', {PASSAGE_WORDS})"
            for at in range(len(FIELDS))
        )
        marks = placeholders(some)
        rows = conn.rows(
            f"SELECT rowid, {snippets} FROM {part.table}"
            f" WHERE {part.table} MATCH ? AND rowid IN ({marks})",
            (expression, *some),
        )
        for seq, *texts in rows:
            told[seq] = dict(zip(FIELDS, (text or "" for text in texts), strict=True))
    return told


def containing(conn: Connection, expression: str) -> str:
    """A query for the traces of which a span matches; `expression` is the name of a parameter."""
    return (
        " UNION ALL ".join(
            f"SELECT spans.trace_id FROM {part.table} AS words CROSS JOIN spans"
            f" ON spans.seq = words.rowid WHERE {part.table} MATCH {expression}"
            for part in text_parts.every(conn)
        )
        or "SELECT trace_id FROM spans WHERE FALSE"
    )


def check(conn: Connection) -> None:
    """Raise StoreCorrupt unless the index, carried forward to its end, holds what the spans say.

    https://www.sqlite.org/fts5.html#the_integrity_check_command
    """
    while tidy(conn, text_parts.SPANS):
        pass
    for part in text_parts.every(conn):
        conn.run(f"INSERT INTO {part.table} ({part.table}, rank) VALUES ('integrity-check', 1)")


def _insert_spans(
    conn: Connection, table: str, after: int, last: int, limit: int
) -> tuple[int, int]:
    """Index spans beyond a number, to another at most; up to which it went, and how many."""
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
    """Take spans out by their old words; the numbers of the parts that are searched for them."""
    done, changed = position(conn), []
    for number, some in text_parts.by_part(seq for seq in seqs if seq <= done):
        part = text_parts.part_of(conn, some[0])
        if not part.stale:
            _remove_from_part(conn, part.table, some)
            changed.append(number)
        if part.built_to is not None:
            _remove_from_part(conn, part.next_table, [seq for seq in some if seq <= part.built_to])
    return changed


def _remove_from_part(conn: Connection, table: str, seqs: Sequence[int]) -> None:
    for at in range(0, len(seqs), _SPANS_A_QUERY):
        some = seqs[at : at + _SPANS_A_QUERY]
        conn.run(
            f"INSERT INTO {table} ({table}, rowid, {_COLUMNS}) SELECT 'delete', seq, {_COLUMNS}"
            f" FROM span_texts WHERE seq IN ({', '.join('?' * len(some))})",
            some,
        )


def _share_of_spans(
    conn: Connection, part: Part, condition: str, params: Mapping[str, Any]
) -> float:
    """About which share of a part's spans are of traces that meet a condition."""
    step = text_parts.SPANS // _SAMPLE or 1
    near = "SELECT trace_id FROM spans WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT 1"
    ids: list[bytes] = []
    for at in range(part.first, part.last + 1, step):
        ids += [row[0] for row in conn.rows(near, (at, part.last))]
    named = {f"sampled{number}": trace_id for number, trace_id in enumerate(dict.fromkeys(ids))}
    rows = conn.rows(
        f"SELECT trace_id FROM traces WHERE {condition}"
        f" AND trace_id IN ({', '.join(f':{name}' for name in named)})",
        {**params, **named},
    )
    going = {row[0] for row in rows}
    return sum(trace_id in going for trace_id in ids) / len(ids) if ids else 1.0


def _rebuild_part(conn: Connection, part: Part, limit: int) -> bool:
    """Build some of a part anew; whether it is done."""
    done = position(conn)
    after, last = part.built_to or part.first - 1, min(part.last, done)
    if part.built_to is None:
        empty = "SELECT 1 FROM spans WHERE seq > ? AND seq <= ? LIMIT 1"
        if done >= part.last and conn.value(empty, (after, last)) is None:
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
    """Merge some pages of a part, which frees what was taken out; whether it is done.

    The first step of many takes in all of it (https://www.sqlite.org/fts5.html#the_merge_command).
    """
    pages = max(1, limit // _SPANS_A_PAGE) * (1 if part.loose > 1 else -1)
    changes = "SELECT total_changes()"
    before = conn.value(changes)
    conn.run(f"INSERT INTO {part.table} ({part.table}, rank) VALUES ('merge', ?)", (pages,))
    done = bool(conn.value(changes) - before < 2)
    conn.run(
        "UPDATE span_index_parts SET loose = ? WHERE number = ?", (0 if done else 2, part.number)
    )
    return done
