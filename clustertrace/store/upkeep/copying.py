"""Copy a database into another one, of either kind, so that both hold the same.

Rows are copied in key order, one batch per transaction, which also notes how far the table has
come: an interrupted copy continues there. Where the target has rows already, a range of keys is
made equal to the source's, so a later copy adds what is new. Derived data is copied as it is; the
text index, which differs between the kinds of database, is built from the spans.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from clustertrace.errors import StoreBusy, StoreError, UsageError
from clustertrace.store import state
from clustertrace.store.connection import Connection
from clustertrace.store.engines import shorten
from clustertrace.store.queries.describing import is_unfinished
from clustertrace.store.store import Store
from clustertrace.store.upkeep.copied_tables import (
    DATABASE_ID,
    Key,
    Row,
    Sum,
    Table,
    every_table,
    key_text,
    read_key,
)

__all__ = ["BATCH", "Copied", "Progress", "copy", "fill"]

BATCH: Final = 1_000
"""Rows per transaction."""

_OTHER_DATA: Final = (
    "{} holds other data, which a copy would mix up; name an empty database, or a file that does "
    "not exist yet."
)

Progress = Callable[[str, int, int], None]
"""Called with the current step, the number of rows done, and their total."""


class Copied(NamedTuple):
    """The result of a copy."""

    resumed: bool
    """Whether it continued an interrupted copy."""
    rows: Mapping[str, int]
    """All rows, by table."""
    written: Mapping[str, int]
    """Rows that were missing or different before, by table."""
    digests: Mapping[str, str]
    """Checksums by table, equal on both sides."""
    indexed: int
    """How many spans were added to the text index."""


def copy(source: Store, target: Store, progress: Progress, *, batch: int = BATCH) -> Copied:
    """Make `target` hold what `source` does, which must be refreshed before.

    Both may be of either kind. The source may be written to meanwhile: one state of it is read.
    Raises UsageError if the target holds other data or is spread over servers, StoreError if the
    two differ in the end, and what either database raises.
    """
    if _is_same(source, target):
        raise UsageError(f"{target.place} is the database itself; name another one to copy it to.")
    if target.is_spread:
        raise UsageError(
            f"{target.place} is spread over several servers, each of which computes its own "
            "totals; bring runs there with `clustertrace export --all | clustertrace import`."
        )
    tables = every_table()
    positions = _begin_copy(source, target, tables, progress, batch)
    written, sums = {}, {}
    with source.read() as conn:
        _reserve_numbers(conn, target)
        for table in tables:
            written[table.name], sums[table.name] = _copy_table(
                conn, target, table, positions[table.name], progress, batch
            )
    digests = {name: table_sum.digest for name, table_sum in sums.items()}
    with target.writing() as target_conn:
        target_conn.many(
            "UPDATE copies SET digest = ? WHERE name = ?",
            [(digest, name) for name, digest in digests.items()],
        )
    indexed = _index_text(target, sums["spans"].rows, progress)
    shorten(target)
    return Copied(
        resumed=any(position is not None for position in positions.values()),
        rows={name: table_sum.rows for name, table_sum in sums.items()},
        written=written,
        digests=digests,
        indexed=indexed,
    )


def fill(conn: Connection, target: Store) -> None:
    """Copy everything that a connection sees into an empty database, without the text index.

    For temporary copies: neither the result nor the progress is checked or noted.
    """
    _reserve_numbers(conn, target)
    for table in every_table():
        _copy_rows(conn, target, table, None, lambda _: None, BATCH, noted=False)


def _is_same(source: Store, target: Store) -> bool:
    source_place, target_place = source.place, target.place
    if source_place.is_file and target_place.is_file:
        return source_place.path.samefile(target_place.path)
    return source_place.name == target_place.name


def _begin_copy(
    source: Store, target: Store, tables: Sequence[Table], progress: Progress, batch: int
) -> Mapping[str, Key | None]:
    """How far each table was copied before; None in a new copy. Raises UsageError."""
    origin = _database_id(source)
    with target.read() as conn:
        copies = conn.rows("SELECT name, source, upto, digest FROM copies")
        if any(came_from != origin for _, came_from, _, _ in copies):
            raise UsageError(_OTHER_DATA.format(target.place))
        if copies and is_unfinished(conn):
            positions = {name: upto for name, _, upto, _ in copies}
            return {table.name: _parse_position(positions.get(table.name)) for table in tables}
        if copies:
            digests = {name: digest for name, _, _, digest in copies}
            _refuse_changes(conn, target, tables, digests, progress, batch)
        else:
            _refuse_rows(conn, target, tables)
    with target.writing() as conn:
        conn.run("DELETE FROM copies")
        conn.many(
            "INSERT INTO copies VALUES (?, ?, ?, ?)",
            [(table.name, origin, None, None) for table in tables],
        )
    return dict.fromkeys((table.name for table in tables), None)


def _refuse_rows(conn: Connection, target: Store, tables: Sequence[Table]) -> None:
    if any(table.name != "state" and table.has_more(conn, None) for table in tables):
        raise UsageError(_OTHER_DATA.format(target.place))


def _refuse_changes(
    conn: Connection,
    target: Store,
    tables: Sequence[Table],
    digests: Mapping[str, str | None],
    progress: Progress,
    batch: int,
) -> None:
    """Raise UsageError where a table is not what was copied into it."""
    for table in tables:
        if table.name not in digests:
            continue
        if _table_sum(conn, table, progress, batch).digest != digests[table.name]:
            raise UsageError(
                f"{target.place} has changed since it was copied, which a copy would undo; "
                "bring new runs with `clustertrace export --all | clustertrace import`."
            )


def _parse_position(text: str | None) -> Key | None:
    return None if text is None else read_key(text)


def _database_id(source: Store) -> int:
    """The number that identifies a database, which it gets when it is first copied."""
    with source.writing() as conn:
        return state.put_if_missing(conn, DATABASE_ID, secrets.randbits(62))


def _reserve_numbers(conn: Connection, target: Store) -> None:
    """Make the target number new spans after the copied ones, which keep their numbers."""
    highest = conn.value("SELECT max(seq) FROM spans") or 0
    with target.writing() as target_conn:
        target_conn.number_beyond(highest)


def _copy_table(
    conn: Connection,
    target: Store,
    table: Table,
    position: Key | None,
    progress: Progress,
    batch: int,
) -> tuple[int, Sum]:
    """Make a table equal to the source's, and verify it; returns rows written, and the checksum."""
    total, written = table.count(conn), 0

    def report(rows: int) -> None:
        progress(table.name, rows, total)

    if position is not None:
        written, _ = _copy_rows(conn, target, table, position, report, batch)
        target_sum = _target_sum(target, table, progress, batch)
        if target_sum.digest == _table_sum(conn, table, progress, batch).digest:
            return written, target_sum
        # Rows from before the interruption are of an older state of the source.
        with target.writing() as target_conn:
            target_conn.run("UPDATE copies SET upto = NULL WHERE name = ?", (table.name,))
    rewritten, source_sum = _copy_rows(conn, target, table, None, report, batch)
    target_sum = _target_sum(target, table, progress, batch)
    if target_sum.digest != source_sum.digest:
        raise StoreError(
            f"{table.name} differs in {target.place} after it was copied; make sure that no other "
            "program writes there, and copy again."
        )
    return written + rewritten, target_sum


def _target_sum(target: Store, table: Table, progress: Progress, batch: int) -> Sum:
    with target.read() as target_conn:
        return _table_sum(target_conn, table, progress, batch)


def _table_sum(conn: Connection, table: Table, progress: Progress, batch: int) -> Sum:
    total = table.count(conn)
    return table.sum(conn, batch, lambda rows: progress(f"checking {table.name}", rows, total))


def _copy_rows(
    conn: Connection,
    target: Store,
    table: Table,
    after: Key | None,
    report: Callable[[int], None],
    batch: int,
    *,
    noted: bool = True,
) -> tuple[int, Sum]:
    """Copy all rows after a key; returns how many were missing or different, and the checksum."""
    written, source_sum = 0, Sum()
    with target.read() as target_conn:
        is_empty_behind = not table.has_more(target_conn, after)
    for rows in conn.parts(*table.selection(after), size=batch):
        upto = table.key_of(rows[-1])
        with target.writing() as target_conn:
            if noted:
                _note_position(target_conn, table, after, upto)
            target_rows = [] if is_empty_behind else target_conn.rows(*table.selection(after, upto))
            written += _replace_rows(target_conn, table, target_rows, rows)
        after = upto
        source_sum.add(rows)
        report(source_sum.rows)
    if not is_empty_behind:
        with target.writing() as target_conn:
            _replace_rows(target_conn, table, target_conn.rows(*table.selection(after)), [])
    return written, source_sum


def _note_position(target_conn: Connection, table: Table, after: Key | None, upto: Key) -> None:
    """Note how far a table was copied. Raises StoreBusy if another program has noted that."""
    expected = None if after is None else key_text(after)
    updated_rows = target_conn.run(
        "UPDATE copies SET upto = ? WHERE name = ? AND upto IS ?",
        (key_text(upto), table.name, expected),
    )
    if not updated_rows:
        raise StoreBusy(
            f"Another program copies into {target_conn.name} as well; let that one finish, and "
            "copy again."
        )


def _replace_rows(
    target_conn: Connection, table: Table, target_rows: Sequence[Row], rows: Sequence[Row]
) -> int:
    """Replace rows; returns how many of the new ones were missing or different."""
    present, wanted = set(target_rows), set(rows)
    obsolete = [row for row in target_rows if row not in wanted]
    new = [row for row in rows if row not in present]
    if table.name == "spans":
        _prepare_text_index(target_conn, table, obsolete, new)
    target_conn.many(table.deletion, [table.key_of(row) for row in obsolete])
    target_conn.many(table.insertion, new)
    return len(new)


def _prepare_text_index(
    target_conn: Connection, table: Table, obsolete: Sequence[Row], new: Sequence[Row]
) -> None:
    """Prepare the text index, and partitions, for replacing spans.

    A span that keeps its number keeps its words. If a new span has a number that the index has
    passed already, as when a command read the target before the copy was complete, the index is
    cleared.
    """
    seq = table.columns.index("seq")
    staying = {row[seq] for row in obsolete} & {row[seq] for row in new}
    target_conn.texts.forget(
        target_conn, [table.key_of(row) for row in obsolete if row[seq] not in staying]
    )
    indexed_to = target_conn.texts.position(target_conn)
    if any(row[seq] <= indexed_to and row[seq] not in staying for row in new):
        target_conn.texts.clear(target_conn)
    target_conn.make_room(row[seq] for row in new)


def _index_text(target: Store, spans: int, progress: Progress) -> int:
    """Bring the text index up to date; returns how many spans were added."""
    indexed = 0
    while added := target.index_text():
        indexed += added
        progress("text index", indexed, max(indexed, spans))
    return indexed
