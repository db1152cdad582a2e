"""The parts that the text index is made of: an FTS5 table each, for a range of sequence numbers.

What is deleted is old, and old spans are stored together: a part of which nothing is left is
dropped whole, at a hundredth of the cost of removing its words one by one. A part of which little
is left is rebuilt as a second table beside it, while search goes on in the first.
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
"""Sequence numbers of a part: some 100 MB of it, dropped in a fraction of a second."""

_GATHERED_BYTES: Final = 4 * 1024 * 1024
"""Words that are gathered in memory before they become a segment of the index. The fewer segments,
the less there is to merge and to search."""

_COLUMNS: Final = "number, generation, stale, loose, built_to"


class Part(NamedTuple):
    """A part, as it stands in the table of parts."""

    number: int
    generation: int
    """Grows each time that it is built anew."""
    stale: int
    """1: most of its spans are gone or going, and their words are left behind until it is built
    anew. Search passes over them: no span has their sequence numbers any more."""
    loose: int
    """1 or 2: words were taken out of it which its pages still hold until they are merged; that
    has begun with 2."""
    built_to: int | None
    """The sequence number that the next generation of it has been built up to; null: none is."""

    @property
    def first(self) -> int:
        """Its first sequence number."""
        return self.number * SPANS + 1

    @property
    def last(self) -> int:
        """Its last one."""
        return (self.number + 1) * SPANS

    @property
    def table(self) -> str:
        """Where it is searched."""
        return f"span_index_{self.number}_{self.generation}"

    @property
    def next_table(self) -> str:
        """Where it is being built anew."""
        return f"span_index_{self.number}_{self.generation + 1}"


def every(conn: Connection) -> list[Part]:
    """All parts, newest first."""
    rows = conn.rows(f"SELECT {_COLUMNS} FROM span_index_parts ORDER BY number DESC")
    return [Part(*row) for row in rows]


def part_of(conn: Connection, seq: int) -> Part:
    """The part that a span of this number is in; it is made if there is none yet."""
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
    """Make an empty table of words for a part.

    It holds no copy of the texts, nor a row with the length of each, which only a ranking needs.
    """
    conn.run(
        f"CREATE VIRTUAL TABLE {table} USING fts5({', '.join(FIELDS)},"
        f" content='{_texts(part)}', content_rowid='seq', columnsize=0,"
        ' tokenize="unicode61 remove_diacritics 2")'
    )
    conn.run(f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', ?)", (_GATHERED_BYTES,))


def built(conn: Connection, part: Part, upto: int) -> None:
    """The next generation of a part has been built up to a sequence number."""
    conn.run("UPDATE span_index_parts SET built_to = ? WHERE number = ?", (upto, part.number))


def finish(conn: Connection, part: Part) -> None:
    """The next generation takes the place of the one that is searched."""
    conn.run(f"DROP TABLE {part.table}")
    conn.run(
        "UPDATE span_index_parts SET generation = generation + 1, stale = 0, loose = 0,"
        " built_to = NULL WHERE number = ?",
        (part.number,),
    )


def drop(conn: Connection, part: Part) -> None:
    """Nothing is left of a part, and nothing more will come."""
    conn.run(f"DROP TABLE {part.table}")
    if part.built_to is not None:
        conn.run(f"DROP TABLE {part.next_table}")
    conn.run(f"DROP VIEW {_texts(part)}")
    conn.run("DELETE FROM span_index_parts WHERE number = ?", (part.number,))


def unfinished(parts: Iterable[Part]) -> list[Part]:
    """Those of these parts that still hold words of spans that are gone."""
    return [part for part in parts if part.stale or part.loose]


def by_part(seqs: Iterable[int]) -> list[tuple[int, Sequence[int]]]:
    """Sequence numbers by the number of their part."""
    return [
        (number, list(some)) for number, some in groupby(sorted(seqs), lambda s: (s - 1) // SPANS)
    ]


def _texts(part: Part) -> str:
    return f"span_index_{part.number}_texts"
