"""Values on their way to PostgreSQL and back, so that they are those that SQLite gives."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.string import StrDumper

from clustertrace.store.postgres.words import text_query
from clustertrace.store.search.words import Expression

__all__ = ["adapt"]


class _Truth(Dumper):
    """Truths are numbers in the tables: untyped, so that they still compare with conditions."""

    def dump(self, obj: Any) -> Buffer:
        return b"1" if obj else b"0"


class _Text(StrDumper):
    """PostgreSQL can't hold the character NUL, which names from outside may have."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _Sought(StrDumper):
    """A search, in the words of PostgreSQL's own."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(text_query(obj))


class _Number(Loader):
    """Sums of whole numbers come as decimals, which would be other values than SQLite's."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


def adapt(raw: Connection[Any]) -> None:
    """Have a connection take and give such values."""
    raw.adapters.register_dumper(bool, _Truth)
    raw.adapters.register_dumper(str, _Text)
    raw.adapters.register_dumper(Expression, _Sought)
    raw.adapters.register_loader("numeric", _Number)
