"""What a copy of a database is made of: every table with its key, and sums over its rows."""

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
"""The key, in `state`, of the number by which a database is told from others."""

_COPIED_STATE: Final = f"key NOT IN ('{DATABASE_ID}', 'text_index_seq')"
"""What of `state` is a copy's own: who it is, and how far its text index goes."""

_BITS: Final = 128


class Sum:
    """How many rows, and a sum of their digests, for which their order does not matter.

    PostgreSQL can't hold the character NUL and has another in its place: both count as the same.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        for row in rows:
            encoded = repr(row).replace("\\x00", "\ufffd").encode("utf-8", "surrogatepass")
            self._sum += int.from_bytes(blake2b(encoded, digest_size=_BITS // 8).digest())
            self.rows += 1

    @property
    def digest(self) -> str:
        """Both, as text."""
        return f"{self.rows}:{self._sum % 2**_BITS:032x}"


@dataclass(frozen=True)
class Table:
    """A table that is copied."""

    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    only: str = "TRUE"
    """The condition of the rows that are copied."""

    @cached_property
    def insertion(self) -> str:
        """The statement that puts a row in."""
        return f"INSERT INTO {self.name} VALUES ({', '.join('?' * len(self.columns))})"

    @cached_property
    def deletion(self) -> str:
        """The statement that takes a row out, by its key."""
        return f"DELETE FROM {self.name} WHERE {' AND '.join(f'{key} = ?' for key in self._keys)}"

    def key_of(self, row: Row) -> Key:
        """A row's key."""
        return tuple(row[at] for at in self._places)

    def selection(
        self, after: Key | None = None, upto: Key | None = None
    ) -> tuple[str, Sequence[Any]]:
        """A query for the rows behind a key, up to another one; in order of keys."""
        keys = ", ".join(self._keys)
        marks = placeholders(self.keys)
        where, params = [self.only], list[Any]()
        if after is not None:
            where.append(f"({keys}) > ({marks})")
            params += after
        if upto is not None:
            where.append(f"({keys}) <= ({marks})")
            params += upto
        return f"{self._everything} WHERE {' AND '.join(where)} ORDER BY {keys}", params

    def has_more(self, conn: Connection, after: Key | None) -> bool:
        """Whether there is any row behind a key."""
        query, params = self.selection(after)
        return conn.row(f"{query} LIMIT 1", params) is not None

    def count(self, conn: Connection) -> int:
        """How many rows there are to copy."""
        return conn.value(f"SELECT count(*) FROM {self.name} WHERE {self.only}") or 0

    def sum(self, conn: Connection, size: int, told: Callable[[int], None]) -> Sum:
        """The sum over all rows; `told` how many have been read, every `size` rows."""
        total = Sum()
        for rows in conn.parts(f"{self._everything} WHERE {self.only}", size=size):
            total.add(rows)
            told(total.rows)
        return total

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return _quoted(self.keys)

    @cached_property
    def _places(self) -> tuple[int, ...]:
        return tuple(self.columns.index(key) for key in self.keys)

    @cached_property
    def _everything(self) -> str:
        return f"SELECT {', '.join(_quoted(self.columns))} FROM {self.name}"


def _quoted(names: Sequence[str]) -> tuple[str, ...]:
    """Some names, as `offset`, are words of SQL."""
    return tuple(f'"{name}"' for name in names)


def every_table() -> list[Table]:
    """What a copy holds of a database: all its tables but the text index and notes on copies."""
    from sqlmodel import SQLModel

    from clustertrace.store.schema import tables

    return [
        Table(
            name,
            tuple(column.name for column in table.columns),
            tuple(column.name for column in table.primary_key),
            _COPIED_STATE if name == tables.StateRow.__tablename__ else "TRUE",
        )
        for name, table in sorted(SQLModel.metadata.tables.items())
        if name != tables.CopyRow.__tablename__
    ]


def key_text(key: Key) -> str:
    """A key as JSON."""
    return json.dumps(key, default=lambda part: {"hex": part.hex()})


def read_key(told: str) -> Key:
    """A key from JSON."""
    return tuple(json.loads(told, object_hook=lambda part: bytes.fromhex(part["hex"])))
