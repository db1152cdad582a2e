"""The tables that are copied between databases, and checksums over their rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

from clustertrace.store.connection import Connection, placeholders

__all__ = ["DATABASE_ID", "Key", "Row", "Sum", "Table", "every_table", "key_text", "read_key"]

Row = tuple[Any, ...]
Key = tuple[Any, ...]

DATABASE_ID: Final = "database_id"
"""The key in `state` of the number that identifies a database."""

_COPIED_STATE: Final = f"key NOT IN ('{DATABASE_ID}', 'text_index_seq')"
"""Rows of `state` that are copied: not the database's id, nor its text index's position."""

_BITS: Final = 128


class Sum:
    """A checksum over rows in any order: their number, and the sum of their digests.

    PostgreSQL can't store NUL characters and has a replacement: both count as equal.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for row in rows:
            encoded = repr(row).replace("\\x00", "\ufffd").encode("utf-8", "surrogatepass")
            self._sum += int.from_bytes(blake2b(encoded, digest_size=_BITS // 8).digest())
            self.rows += 1

    @property
    def digest(self) -> str:
        """Number and sum, as text."""
        return f"{self.rows}:{self._sum % 2**_BITS:032x}"


@dataclass(frozen=True)
class Table:
    """A table that is copied."""

    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    condition: str = "TRUE"
    """Which rows are copied, as SQL."""

    @cached_property
    def insertion(self) -> str:
        """The statement that inserts a row."""
        return f"INSERT INTO {self.name} VALUES ({', '.join('?' * len(self.columns))})"

    @cached_property
    def deletion(self) -> str:
        """The statement that deletes a row, by its key."""
        return f"DELETE FROM {self.name} WHERE {' AND '.join(f'{key} = ?' for key in self._keys)}"

    def key_of(self, row: Row) -> Key:
        """The key of a row."""
        return tuple(row[index] for index in self._key_indexes)

    def selection(
        self, after: Key | None = None, upto: Key | None = None
    ) -> tuple[str, Sequence[Any]]:
        """A query for the rows after a key, up to and including another one, in key order."""
        keys = ", ".join(self._keys)
        marks = placeholders(self.keys)
        where, params = [self.condition], list[Any]()
        if after is not None:
            where.append(f"({keys}) > ({marks})")
            params += after
        if upto is not None:
            where.append(f"({keys}) <= ({marks})")
            params += upto
        return f"{self._select_all} WHERE {' AND '.join(where)} ORDER BY {keys}", params

    def has_more(self, conn: Connection, after: Key | None) -> bool:
        """Whether there is any row after a key."""
        query, params = self.selection(after)
        return conn.row(f"{query} LIMIT 1", params) is not None

    def count(self, conn: Connection) -> int:
        """How many rows are to be copied."""
        return conn.value(f"SELECT count(*) FROM {self.name} WHERE {self.condition}") or 0

    def sum(self, conn: Connection, size: int, report: Callable[[int], None]) -> Sum:
        """The checksum over all rows; `report` gets the number of rows read, every `size` rows."""
        total = Sum()
        for rows in conn.parts(f"{self._select_all} WHERE {self.condition}", size=size):
            total.add(rows)
            report(total.rows)
        return total

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return _quoted(self.keys)

    @cached_property
    def _key_indexes(self) -> tuple[int, ...]:
        return tuple(self.columns.index(key) for key in self.keys)

    @cached_property
    def _select_all(self) -> str:
        return f"SELECT {', '.join(_quoted(self.columns))} FROM {self.name}"


def _quoted(names: Sequence[str]) -> tuple[str, ...]:
    """Names in quotes, because some, like `offset`, are SQL keywords."""
    return tuple(f'"{name}"' for name in names)


def every_table() -> list[Table]:
    """All tables that are copied: not the text index, nor the notes on copies."""
    from clustertrace.store.schema.progress import CopyRow, StateRow
    from clustertrace.store.schema.tables import METADATA

    return [
        Table(
            name,
            tuple(column.name for column in table.columns),
            tuple(column.name for column in table.primary_key),
            _COPIED_STATE if name == StateRow.__tablename__ else "TRUE",
        )
        for name, table in sorted(METADATA.tables.items())
        if name != CopyRow.__tablename__
    ]


def key_text(key: Key) -> str:
    """A key as JSON."""
    return json.dumps(key, default=lambda part: {"hex": part.hex()})


def read_key(text: str) -> Key:
    """A key from JSON."""
    return tuple(json.loads(text, object_hook=lambda part: bytes.fromhex(part["hex"])))
