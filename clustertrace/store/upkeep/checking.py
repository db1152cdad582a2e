"""Whether a database is sound: its pages, its text index, and every total against the spans.

Roll-ups are maintained by adding and subtracting (clustertrace.store.settling.settle), so an error
there would never show. Here everything derived is deleted in a copy and recomputed from the spans,
and the two are compared. Nothing is changed in the database itself. The copy is an SQLite file,
whichever the database is; a server checks its own pages.
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
"""Derived, and no fact: what is still to be done for a trace."""

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
"""What is compared. Families are left out: their order is that of arrival, which is not kept."""

_PRICE_COLUMNS: Final = frozenset(
    {
        *("lost_usd", "carried_usd", "cache_read_usd", "cache_write_usd", "output_usd"),
        *("shares", "tail"),  # the same of one run, as JSON
    }
)
"""Columns that are worked out with prices whenever a run is settled."""

_TOLERANCE: Final = 1e-6
"""Sums of dollars may differ by so much of themselves: they were added in another order."""

_DAMAGE_LIMIT: Final = 20
"""Sentences about damage that are worth reading."""


class Checked(NamedTuple):
    """What was found."""

    traces: int
    spans: int
    damage: tuple[str, ...]
    """What SQLite says of the file's pages; empty: all is well."""
    index_agrees: bool
    """Whether the text index holds just the words of the spans."""
    differing: Mapping[str, int]
    """Rows that are others when worked out anew, by table; only tables that have some."""
    only_by_prices: bool = False
    """All of them differ only in sums that follow from prices, and these may have changed."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage and self.index_agrees and not self.differing


def check(store: Store) -> Checked:
    """Check a database that has been refreshed; takes as much disk again as it has, for a while.

    Raises StoreError where there is not so much room.
    """
    damage = _page_damage(store) if store.place.is_file else ()
    if damage:
        return Checked(0, 0, damage, index_agrees=True, differing={})
    # Beside a server's database there may be nothing at all.
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
        # Some damage ends the check itself.
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
    """Copy the database into a file; whether the text index holds just what the spans say."""
    with store.read() as conn:
        _require_room(conn, to.parent)
        if isinstance(conn, SqliteConnection):
            _back_up(conn, to)
        else:
            from clustertrace.store.postgres import text_index as words

            with Store.open(to) as copied_store:
                fill(conn, copied_store)
            return words.agrees(conn)
    # Looking through SQLite's index changes it.
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
    """Keep what was derived beside, and take it out of every table."""
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
    """How many rows are not the same as before; without `prices`, in what follows from none."""
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
