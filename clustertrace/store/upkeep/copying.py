"""Copying a database into another one, of whichever kind, so that both hold the same.

Rows come in the order of their keys, a batch a transaction, which also notes how far the table has
come: a copy that was broken off goes on there. In a table that has rows behind that already, those
of a range of keys are made the same as the source's, so that a later copy brings what is new. What
was derived is copied as it is; the text index, which each kind of database has in a way of its own,
is built from the spans.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from clustertrace.errors import StoreBusy, StoreError, UsageError
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
    read_key,
    told_key,
)

__all__ = ["BATCH", "Copied", "Progress", "copy", "fill"]

BATCH: Final = 1_000
"""Rows of a transaction."""

_OTHER: Final = (
    "{} holds other data, which a copy would mix up; name an empty database, or a file that is "
    "not there yet."
)

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many rows of it are done, and of how many."""


class Copied(NamedTuple):
    """What both databases hold now."""

    resumed: bool
    """Whether it went on where an earlier copy was broken off."""
    rows: Mapping[str, int]
    """By table."""
    written: Mapping[str, int]
    """Of these, by table, the rows that were missing or others before."""
    digests: Mapping[str, str]
    """By table, the same on both sides."""
    indexed: int
    """Spans that the text index took in."""


def copy(source: Store, target: Store, progress: Progress, *, batch: int = BATCH) -> Copied:
    """Make a database hold what another one does, which has been refreshed.

    Both may be of either kind. All is read from one state of the source, also while it is written.
    Raises UsageError where the target holds anything else or is spread over servers, StoreError
    where the two differ in the end, and what either database raises.
    """
    if _is_same(source, target):
        raise UsageError(f"{target.place} is the database itself; name another one to copy it to.")
    if target.is_spread:
        raise UsageError(
            f"{target.place} is spread over several servers, each of which works out its own "
            "totals; bring runs there with `clustertrace export --all | clustertrace import`."
        )
    tables = every_table()
    positions = _begin(source, target, tables, progress, batch)
    written, sums = {}, {}
    with source.read() as conn:
        _leave_numbers(conn, target)
        for table in tables:
            written[table.name], sums[table.name] = _alike(
                conn, target, table, positions[table.name], progress, batch
            )
    digests = {name: found.digest for name, found in sums.items()}
    with target.writing() as own:
        own.many(
            "UPDATE copies SET digest = ? WHERE name = ?",
            [(digest, name) for name, digest in digests.items()],
        )
    indexed = _index(target, sums["spans"].rows, progress)
    shorten(target)
    return Copied(
        resumed=any(position is not None for position in positions.values()),
        rows={name: found.rows for name, found in sums.items()},
        written=written,
        digests=digests,
        indexed=indexed,
    )


def fill(conn: Connection, target: Store) -> None:
    """Copy all that a connection sees into an empty database that nobody else has; no text index.

    Neither checked nor noted: for a copy that is thrown away.
    """
    _leave_numbers(conn, target)
    for table in every_table():
        _bring(conn, target, table, None, lambda _: None, BATCH, noted=False)


def _is_same(source: Store, target: Store) -> bool:
    one, other = source.place, target.place
    if one.is_file and other.is_file:
        return one.path.samefile(other.path)
    return one.name == other.name


def _begin(
    source: Store, target: Store, tables: Sequence[Table], progress: Progress, batch: int
) -> Mapping[str, Key | None]:
    """How far each table has come; a new copy begins with none. Raises UsageError."""
    origin = _identity(source)
    with target.read() as conn:
        known = {
            name: (came_from, upto, digest)
            for name, came_from, upto, digest in conn.rows(
                "SELECT name, source, upto, digest FROM copies"
            )
        }
        if not known:
            _refuse_rows(conn, target, tables)
        elif any(came_from != origin for came_from, _, _ in known.values()):
            raise UsageError(_OTHER.format(target.place))
        elif is_unfinished(conn):
            kept = {name: upto for name, (_, upto, _) in known.items()}
            return {table.name: _position(kept.get(table.name)) for table in tables}
        else:
            for table in tables:
                then = known.get(table.name)
                if then is not None and _sum(conn, table, progress, batch).digest != then[2]:
                    raise UsageError(
                        f"{target.place} has changed since it was copied, which a copy would undo; "
                        "bring new runs with `clustertrace export --all | clustertrace import`."
                    )
    with target.writing() as conn:
        conn.run("DELETE FROM copies")
        conn.many(
            "INSERT INTO copies VALUES (?, ?, ?, ?)",
            [(table.name, origin, None, None) for table in tables],
        )
    return dict.fromkeys((table.name for table in tables), None)


def _refuse_rows(conn: Connection, target: Store, tables: Sequence[Table]) -> None:
    if any(table.name != "state" and table.has_more(conn, None) for table in tables):
        raise UsageError(_OTHER.format(target.place))


def _position(told: str | None) -> Key | None:
    return None if told is None else read_key(told)


def _identity(source: Store) -> int:
    """The number by which a database is told from others; it gets one when it is first copied."""
    with source.writing() as conn:
        conn.run(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
            (DATABASE_ID, secrets.randbits(62)),
        )
        return int(conn.value("SELECT value FROM state WHERE key = ?", (DATABASE_ID,)))


def _leave_numbers(conn: Connection, target: Store) -> None:
    """Spans keep their sequence numbers; new ones of the target's own come after them."""
    highest = conn.value("SELECT max(seq) FROM spans") or 0
    with target.writing() as own:
        own.number_beyond(highest)


def _alike(
    conn: Connection,
    target: Store,
    table: Table,
    position: Key | None,
    progress: Progress,
    batch: int,
) -> tuple[int, Sum]:
    """Make a table the same as the source's, and make sure of it; rows written, and the sum."""
    total, written = table.count(conn), 0

    def told(rows: int) -> None:
        progress(table.name, rows, total)

    if position is not None:
        written, _ = _bring(conn, target, table, position, told, batch)
        there = _sum_there(target, table, progress, batch)
        if there.digest == _sum(conn, table, progress, batch).digest:
            return written, there
        # What came before the copy was broken off is of an older state of the source.
        with target.writing() as own:
            own.run("UPDATE copies SET upto = NULL WHERE name = ?", (table.name,))
    more, passed = _bring(conn, target, table, None, told, batch)
    there = _sum_there(target, table, progress, batch)
    if there.digest != passed.digest:
        raise StoreError(
            f"{table.name} differs in {target.place} after it was copied; see that no other "
            "program writes there, and copy again."
        )
    return written + more, there


def _sum_there(target: Store, table: Table, progress: Progress, batch: int) -> Sum:
    with target.read() as own:
        return _sum(own, table, progress, batch)


def _sum(conn: Connection, table: Table, progress: Progress, batch: int) -> Sum:
    total = table.count(conn)
    return table.sum(conn, batch, lambda rows: progress(f"checking {table.name}", rows, total))


def _bring(
    conn: Connection,
    target: Store,
    table: Table,
    after: Key | None,
    told: Callable[[int], None],
    batch: int,
    *,
    noted: bool = True,
) -> tuple[int, Sum]:
    """Bring all rows behind a key; how many were missing or others, and their sum."""
    written, passed = 0, Sum()
    with target.read() as own:
        fresh = not table.has_more(own, after)
    for rows in conn.parts(*table.selection(after), size=batch):
        upto = table.key_of(rows[-1])
        with target.writing() as own:
            if noted:
                _note(own, table, after, upto)
            there = [] if fresh else own.rows(*table.selection(after, upto))
            written += _match(own, table, there, rows)
        after = upto
        passed.add(rows)
        told(passed.rows)
    if not fresh:
        with target.writing() as own:
            _match(own, table, own.rows(*table.selection(after)), [])
    return written, passed


def _note(own: Connection, table: Table, after: Key | None, upto: Key) -> None:
    """Note how far a table has come. Raises StoreBusy where somebody else has noted that."""
    before = None if after is None else told_key(after)
    noted = own.run(
        "UPDATE copies SET upto = ? WHERE name = ? AND upto IS ?",
        (told_key(upto), table.name, before),
    )
    if not noted:
        raise StoreBusy(
            f"Another program copies into {own.name} as well; let that one finish, and copy again."
        )


def _match(own: Connection, table: Table, there: Sequence[Row], rows: Sequence[Row]) -> int:
    """Have these rows instead of those that are there; how many were missing or others."""
    have, wanted = set(there), set(rows)
    gone = [row for row in there if row not in wanted]
    new = [row for row in rows if row not in have]
    if table.name == "spans":
        _make_way(own, table, gone, new)
    own.many(table.deletion, [table.key_of(row) for row in gone])
    own.many(table.insertion, new)
    return len(new)


def _make_way(own: Connection, table: Table, gone: Sequence[Row], new: Sequence[Row]) -> None:
    """Keep the text index right, and have room, before these spans go and those come.

    One that keeps its number has the words that the index knows. Where one comes behind which the
    index has gone already, as when a command read the target before the copy was whole, it begins
    anew.
    """
    seq = table.columns.index("seq")
    stay = {row[seq] for row in gone} & {row[seq] for row in new}
    own.texts.forget(own, [table.key_of(row) for row in gone if row[seq] not in stay])
    done = own.texts.position(own)
    if any(row[seq] <= done and row[seq] not in stay for row in new):
        own.texts.clear(own)
    own.make_room(row[seq] for row in new)


def _index(target: Store, spans: int, progress: Progress) -> int:
    """Carry the text index forward to the end; how many spans it took in."""
    indexed = 0
    while some := target.index_text():
        indexed += some
        progress("text index", indexed, max(indexed, spans))
    return indexed
