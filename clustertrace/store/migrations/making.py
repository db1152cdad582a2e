"""Columns and indexes for revisions, that mean the same in SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

__all__ = ["column", "create_by_month", "index", "is_sqlite", "not_null", "null"]

_NO_CASE: Final = " COLLATE NOCASE"

_TYPES: Final[dict[type, sa.types.TypeEngine[Any]]] = {
    int: sa.BigInteger(),
    # By bytes, as SQLite compares them, whatever the language of a PostgreSQL database.
    str: sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
    bytes: sa.LargeBinary(),
    float: sa.Double(),
}


def is_sqlite() -> bool:
    """Whether the revision runs on SQLite; else it is PostgreSQL."""
    return op.get_bind().dialect.name == "sqlite"


def column(name: str, kind: type, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    """A column of int (64 bits), str, bytes or float."""
    return sa.Column(name, _TYPES[kind], nullable=null, primary_key=key)


def not_null(*names: str, kind: type = int) -> list[sa.Column[Any]]:
    """Columns of one kind that always hold something."""
    return [column(name, kind) for name in names]


def null(*names: str, kind: type = int) -> list[sa.Column[Any]]:
    """Columns of one kind that may be empty."""
    return [column(name, kind, null=True) for name in names]


def index(
    name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    """An index on columns, each a name or a name with ` COLLATE NOCASE`; `where`: of some rows.

    In PostgreSQL nulls come first, as in SQLite: else lists could not be read in its order.
    """
    parts = [column if is_sqlite() else _as_there(column) for column in columns]
    condition = None if where is None else sa.text(where)
    op.create_index(
        name,
        table,
        [sa.text(part) if " " in part else part for part in parts],
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _as_there(column: str) -> str:
    plain = column.removesuffix(_NO_CASE)
    return f"{plain if plain == column else f'lower({plain})'} NULLS FIRST"


def create_by_month(table: str, number: str, *columns: sa.Column[Any]) -> None:
    """A table of spans, told apart by their number.

    PostgreSQL keeps it in a partition a month (store.postgres.months), and one for what has none.
    Where months begin, 2 to the 40th, stays in databases that are there, so it is written out.
    """
    op.create_table(table, *columns, postgresql_partition_by=f"RANGE ({number})")
    if not is_sqlite():
        op.execute(
            f"CREATE TABLE {table}_before PARTITION OF {table}"
            f" FOR VALUES FROM (MINVALUE) TO ({1 << 40})"
        )
