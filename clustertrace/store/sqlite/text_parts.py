"""The parts of the text index: one FTS5 table per range of sequence numbers.

Deleted spans are usually old, and old spans are in the same parts: a part without remaining spans
is dropped whole, at a hundredth of the cost of removing its words one by one. A part with few
remaining spans is rebuilt as a second table, while searches use the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from clustertrace.store.connection import Connection
from clustertrace.store.search.index import FIELDS

__all__ = [
    "SPANS",
    "Part",
    "built",
    "by_part",
    "drop",
    "every",
    "finish",
    "make",
    "part_of",
    "unfinished",
]

SPANS: Final = 250_000
"""Sequence numbers per part: about 100 MB, dropped in a fraction of a second."""

_GATHERED_BYTES: Final = 4 * 1024 * 1024
"""Words are gathered in memory up to this size before they become a segment of the index. Fewer
segments mean less to merge and to search."""

_COLUMNS: Final = "number, generation, stale, loose, built_to"


class Part(NamedTuple):
    """A row of the table of parts."""

    number: int
    generation: int
    """Increases with each rebuild."""
    stale: int
    """1 if most of its spans are deleted or will be, and their words stay until it is rebuilt.
    Searches ignore them, as no span has their sequence numbers any more."""
    loose: int
    """1 or 2 if its pages still hold removed words until they are merged; 2 once that has begun."""
    built_to: int | None
    """The sequence number that the next generation is built up to; None if there is none."""

    @property
    def first(self) -> int:
        """Its first sequence number."""
        return self.number * SPANS + 1

    @property
    def last(self) -> int:
        """Its last sequence number."""
        return (self.number + 1) * SPANS

    @property
    def table(self) -> str:
        """The table that is searched."""
        return f"span_index_{self.number}_{self.generation}"

    @property
    def next_table(self) -> str:
        """The table of the next generation, while it is built."""
        return f"span_index_{self.number}_{self.generation + 1}"


def every(conn: Connection) -> list[Part]:
    """All parts, newest first."""
    rows = conn.rows(f"SELECT {_COLUMNS} FROM span_index_parts ORDER BY number DESC")
    return [Part(*row) for row in rows]


def part_of(conn: Connection, seq: int) -> Part:
    """The part for a sequence number; created if there is none yet."""
    number = (seq - 1) // SPANS
    row = conn.row(f"SELECT {_COLUMNS} FROM span_index_parts WHERE number = ?", (number,))
    if row is not None:
        return Part(*row)
    part = Part(number, 0, 0, 0, None)
    conn.run(
        f"CREATE VIEW {_texts(part)} AS SELECT * FROM span_texts"
        f" WHERE seq BETWEEN {part.first} AND {part.last}"
    )
    make(conn, part, part.table)
    conn.run("INSERT INTO span_index_parts (number) VALUES (?)", (number,))
    return part


def make(conn: Connection, part: Part, table: str) -> None:
    """Create an empty FTS5 table for a part.

    It holds no copy of the texts, nor their lengths, which only ranking needs.
    """
    conn.run(
        f"CREATE VIRTUAL TABLE {table} USING fts5({', '.join(FIELDS)},"
        f" content='{_texts(part)}', content_rowid='seq', columnsize=0,"
        ' tokenize="unicode61 remove_diacritics 2")'
    )
    conn.run(f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', ?)", (_GATHERED_BYTES,))


def built(conn: Connection, part: Part, upto: int) -> None:
    """Note that the next generation is built up to a sequence number."""
    conn.run("UPDATE span_index_parts SET built_to = ? WHERE number = ?", (upto, part.number))


def finish(conn: Connection, part: Part) -> None:
    """Replace the searched table by the next generation."""
    conn.run(f"DROP TABLE {part.table}")
    conn.run(
        "UPDATE span_index_parts SET generation = generation + 1, stale = 0, loose = 0,"
        " built_to = NULL WHERE number = ?",
        (part.number,),
    )


def drop(conn: Connection, part: Part) -> None:
    """Drop a part without remaining spans, which will get no new ones."""
    conn.run(f"DROP TABLE {part.table}")
    if part.built_to is not None:
        conn.run(f"DROP TABLE {part.next_table}")
    conn.run(f"DROP VIEW {_texts(part)}")
    conn.run("DELETE FROM span_index_parts WHERE number = ?", (part.number,))


def unfinished(parts: Iterable[Part]) -> list[Part]:
    """The parts that still hold words of deleted spans."""
    return [part for part in parts if part.stale or part.loose]


def by_part(seqs: Iterable[int]) -> list[tuple[int, Sequence[int]]]:
    """Sequence numbers, grouped by the number of their part."""
    return [
        (number, list(part_seqs))
        for number, part_seqs in groupby(sorted(seqs), lambda s: (s - 1) // SPANS)
    ]


def _texts(part: Part) -> str:
    return f"span_index_{part.number}_texts"
