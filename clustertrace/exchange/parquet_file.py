"""Rows of any kind as one Parquet file, in row groups, so that only some are in memory at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from clustertrace.errors import UsageError

__all__ = ["MOMENT", "Column", "moment", "rows_of", "seconds", "write_rows"]

MOMENT: Final = "moment"
"""The type of a column of moments: UTC, to the microsecond."""

_GROUP: Final = 10_000
"""Rows of a group. Readers skip whole groups, and open each of them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Column(NamedTuple):
    """One column of a table."""

    title: str
    type: str
    """Arrow's name of it, or `MOMENT`."""
    of: Callable[[Any], Any]


def moment(ns: int) -> datetime:
    """A time in nanoseconds since the epoch, to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def seconds(ns: int | None) -> float | None:
    """A duration in nanoseconds, in seconds."""
    return None if ns is None else ns / 1e9


def rows_of(path: Path) -> int:
    """How many rows a file has; 0 where there is none, or none that can be read."""
    if not path.exists():
        return 0
    pyarrow, parquet = _pyarrow()
    try:
        return int(parquet.read_metadata(path).num_rows)
    except (OSError, pyarrow.ArrowInvalid):
        return 0


def write_rows(target: BinaryIO, columns: Sequence[Column], parts: Iterable[Sequence[Any]]) -> None:
    """Write a Parquet file. Raises UsageError where pyarrow is missing."""
    pyarrow, parquet = _pyarrow()
    types = {MOMENT: pyarrow.timestamp("us", tz="UTC")}
    schema = pyarrow.schema(
        [(one.title, types.get(one.type) or pyarrow.type_for_alias(one.type)) for one in columns]
    )
    with parquet.ParquetWriter(target, schema) as writer:
        for rows in _groups(parts):
            values = [[column.of(row) for row in rows] for column in columns]
            writer.write_table(pyarrow.table(values, schema=schema))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow; install it with `pip install pyarrow`.") from None
    return pyarrow, parquet


def _groups(parts: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    group: list[Any] = []
    for part in parts:
        group.extend(part)
        if len(group) >= _GROUP:
            yield group
            group = []
    if group:
        yield group
