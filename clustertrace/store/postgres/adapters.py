"""Convert values to and from PostgreSQL, so that they equal SQLite's."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.string import StrDumper

from clustertrace.store.postgres.words import text_query
from clustertrace.store.search.words import Expression

__all__ = ["adapt"]


class _BoolDumper(Dumper):
    """Booleans as numbers, as in the tables; untyped, so that they compare with conditions too."""

    def dump(self, obj: Any) -> Buffer:
        return b"1" if obj else b"0"


class _TextDumper(StrDumper):
    """Text without NUL characters, which PostgreSQL can't store but imported names may have."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _SearchDumper(StrDumper):
    """A search expression as a `tsquery`."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(text_query(obj))


class _NumericLoader(Loader):
    """Numbers from `numeric`, which sums of integers have, so that they equal SQLite's."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


def adapt(raw: Connection[Any]) -> None:
    """Register the conversions on a connection."""
    raw.adapters.register_dumper(bool, _BoolDumper)
    raw.adapters.register_dumper(str, _TextDumper)
    raw.adapters.register_dumper(Expression, _SearchDumper)
    raw.adapters.register_loader("numeric", _NumericLoader)
