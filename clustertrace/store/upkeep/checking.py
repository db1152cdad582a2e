"""Check that a database is sound: its pages, its text index, and every total against the spans.

Roll-ups are maintained by adding and subtracting (clustertrace.store.settling.settle), so an error
there would never show. Here everything derived is recomputed from the spans in a copy, and compared
with the original. The database itself is not changed. The copy is always an SQLite file; a server
checks its own pages.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from clustertrace.errors import StoreCorrupt, StoreError
from clustertrace.store.connection import Connection
from clustertrace.store.settling.settle import DERIVED
from clustertrace.store.sqlite.connection import SqliteConnection, readable
from clustertrace.store.store import Store
from clustertrace.store.upkeep.copying import fill
from clustertrace.store.writing import news

__all__ = ["Checked", "check"]

_DUE_COLUMNS: Final = frozenset({"traits_due", "prompt_due"})
"""Derived, but not compared: they mark work that is still due for a trace."""

_COMPARED_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "traces": ("trace_id",),
    "variants": ("variant_id",),
    "variant_days": ("variant_id", "day"),
    "variant_totals": ("variant_id",),
    "variant_durations": ("variant_id", "day", "bucket"),
    "sessions": ("session_id",),
    "spending": ("dimension", "name", "day"),
    "trace_spending": ("trace_id",),
    "trace_traits": ("trace_id",),
    "prompts": ("trace_id",),
}
"""The compared tables, with their keys. Families depend on the order of arrival, which is lost."""

_PRICE_COLUMNS: Final = frozenset(
    {
        *("lost_usd", "carried_usd", "cache_read_usd", "cache_write_usd", "output_usd"),
        *("shares", "tail"),  # the same of one run, as JSON
    }
)
"""Columns that are computed from prices whenever a run is settled."""

_TOLERANCE: Final = 1e-6
"""Relative tolerance for sums of dollars, which may have been added in another order."""

_DAMAGE_LIMIT: Final = 20
"""How many sentences about damage are reported at most."""


class Checked(NamedTuple):
    """The result of a check."""

    traces: int
    spans: int
    damage: tuple[str, ...]
    """What SQLite reports about the file's pages; empty if they are intact."""
    index_agrees: bool
    """Whether the text index holds exactly the words of the spans."""
    differing: Mapping[str, int]
    """How many rows differ when recomputed, by table; tables without any are left out."""
    only_by_prices: bool = False
    """Whether they differ only in sums that depend on prices, which may have changed."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage and self.index_agrees and not self.differing


def check(store: Store) -> Checked:
    """Check a refreshed database; temporarily takes about as much disk space as it has.

    Raises StoreError if there is not enough space.
    """
    damage = _page_damage(store) if store.place.is_file else ()
    if damage:
        return Checked(0, 0, damage, index_agrees=True, differing={})
    # A server's database may have no folder on this machine.
    folder_beside = store.path.parent if store.path.parent.is_dir() else Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryDirectory(prefix=".check-", dir=folder_beside) as folder:
            return _compare_with_copy(store, Path(folder) / "copy.db")
    except OSError as error:
        raise StoreError(
            f"{folder_beside} can't take a copy of the database to check "
            f"({error.strerror or error}); free some space there."
        ) from None


def _page_damage(store: Store) -> tuple[str, ...]:
    try:
        with store.read() as conn:
            sentences = tuple(
                row[0] for row in conn.rows(f"PRAGMA integrity_check({_DAMAGE_LIMIT})")
            )
    except StoreCorrupt as error:
        # Some damage aborts the check itself.
        return (str(error.__cause__),)
    return () if sentences == ("ok",) else sentences


def _compare_with_copy(store: Store, copy: Path) -> Checked:
    index_agrees = _copy_database(store, copy)
    with Store.open(copy) as copied_store:
        with copied_store.writing() as conn:
            _set_derived_aside(conn)
        copied_store.refresh()
        with copied_store.read() as conn:
            differing = {table: _count_differing(conn, table) for table in _COMPARED_TABLES}
            only_by_prices = any(differing.values()) and not any(
                _count_differing(conn, table, prices=False) for table in _COMPARED_TABLES
            )
            traces = conn.value("SELECT count(*) FROM traces") or 0
            spans = conn.value("SELECT count(*) FROM spans") or 0
    differing_tables = {table: rows for table, rows in differing.items() if rows}
    return Checked(traces, spans, (), index_agrees, differing_tables, only_by_prices)


def _copy_database(store: Store, to: Path) -> bool:
    """Copy the database into a file; returns whether the text index agrees with the spans."""
    with store.read() as conn:
        _require_room(conn, to.parent)
        if isinstance(conn, SqliteConnection):
            _back_up(conn, to)
        else:
            from clustertrace.store.postgres import text_index as words

            with Store.open(to) as copied_store:
                fill(conn, copied_store)
            return words.agrees(conn)
    # Checking SQLite's index changes it, so it is done in the copy.
    with Store.open(to) as copied_store:
        while copied_store.index_text():
            pass
        try:
            with copied_store.writing() as conn:
                conn.texts.check(conn)
        except StoreCorrupt:
            return False
    return True


def _require_room(conn: Connection, folder: Path) -> None:
    needed = 2 * conn.size_bytes()
    if shutil.disk_usage(folder).free < needed:
        raise StoreError(
            f"Checking needs {needed // 10**6} MB in {folder.parent}, which are not free; free "
            "some space there."
        )


def _back_up(conn: SqliteConnection, to: Path) -> None:
    to.touch(mode=0o600)
    with readable(conn.path), closing(sqlite3.connect(to)) as target:
        conn.raw.backup(target)


def _set_derived_aside(conn: Connection) -> None:
    """Move derived data into tables of their own, so that it is recomputed."""
    for table in _COMPARED_TABLES:
        columns = _column_list(conn, table)
        conn.run(f"CREATE TABLE {_table_before(table)} AS SELECT {columns} FROM {table}")
        keys = ", ".join(_COMPARED_TABLES[table])
        conn.run(f"CREATE INDEX {_table_before(table)}_key ON {_table_before(table)} ({keys})")
        if table != "traces":
            conn.run(f"DELETE FROM {table}")
    conn.run("DELETE FROM families")
    cleared_columns = ", ".join(f"{name} = NULL" for name in DERIVED)
    conn.run(f"UPDATE traces SET {cleared_columns}")
    news.mark_found(conn, "SELECT DISTINCT trace_id FROM spans", (), 0)


def _count_differing(conn: Connection, table: str, *, prices: bool = True) -> int:
    """How many rows differ from before; without `prices`, ignoring columns that depend on them."""
    keys = _COMPARED_TABLES[table]
    same = " AND ".join(f"a.{key} = b.{key}" for key in keys)
    columns = _compared_columns(conn, table).items()
    comparisons = [
        _differs_sql(name, kind) for name, kind in columns if prices or name not in _PRICE_COLUMNS
    ]
    differs = " OR ".join(comparisons) or "FALSE"
    missing_or_differing = (
        f"SELECT count(*) FROM {_table_before(table)} a LEFT JOIN {table} b ON {same}"
        f" WHERE b.{keys[0]} IS NULL OR {differs}"
    )
    added = (
        f"SELECT count(*) FROM {table} a LEFT JOIN {_table_before(table)} b ON {same}"
        f" WHERE b.{keys[0]} IS NULL"
    )
    return int(conn.value(missing_or_differing)) + int(conn.value(added))


def _differs_sql(name: str, kind: str) -> str:
    if kind != "DOUBLE":
        return f"a.{name} IS NOT b.{name}"
    is_near = f"abs(a.{name} - b.{name}) <= {_TOLERANCE} * max(1e-3, abs(b.{name}))"
    return f"NOT coalesce({is_near}, a.{name} IS b.{name})"


def _compared_columns(conn: Connection, table: str) -> dict[str, str]:
    """The columns to compare, with their types."""
    types_by_column = {row[1]: row[2] for row in conn.rows(f"PRAGMA table_info({table})")}
    types_by_column.pop("family_id", None)
    if table == "traces":
        compared_names = {*_COMPARED_TABLES[table], *DERIVED} - _DUE_COLUMNS
        types_by_column = {
            name: kind for name, kind in types_by_column.items() if name in compared_names
        }
    return types_by_column


def _column_list(conn: Connection, table: str) -> str:
    names: Sequence[str] = list(_compared_columns(conn, table))
    return ", ".join(names)


def _table_before(table: str) -> str:
    return f"before_{table}"
