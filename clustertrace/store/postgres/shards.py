"""A database spread over several PostgreSQL servers, with nothing but what PostgreSQL brings.

Each shard is a whole database of ours, with the traces of its part of the hash: what is written,
settled, rolled up and indexed there is one transaction there. The coordinator holds no trace. Its
tables of traces are partitioned by hash, each partition a foreign table (postgres_fdw), so that
PostgreSQL sends joins and sums over traces to the shards; its roll-ups are views that add up those
of the shards. So every question is asked of it as of any other database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from clustertrace.errors import StoreError, UsageError
from clustertrace.store.connection import Connection
from clustertrace.store.place import Place, place_of
from clustertrace.store.postgres.connection import PostgresConnection, readable
from clustertrace.store.postgres.placement import BY_TRACE, NAMED, SUMMED

__all__ = ["NOT_HERE", "Shard", "distribute", "renumber", "shards_of", "split", "statements"]

_LONGEST_NAME: Final = 63
"""Bytes of a name in PostgreSQL; it cuts what is longer."""

_MOST: Final = 99

_OPTIONS: Final = {
    "use_remote_estimate": "true",
    "async_capable": "true",
    "fetch_size": "1000",
    "connect_timeout": "4",
}
"""Plans by what the shards know of their rows, all of them at work at once."""

_SETTINGS: Final = ("enable_partitionwise_join", "enable_partitionwise_aggregate")

_LOGIN: Final[tuple[str, ...]] = ("user", "password")

_KEPT_BY: Final = {"last_day": "max", "family_id": "min", "first_ns": "min", "last_ns": "max"}
"""Columns of roll-ups that do not add up."""


NOT_HERE: Final = (errors.ObjectNotInPrerequisiteState, errors.InvalidColumnReference)
"""What PostgreSQL says of a change to a view, or of ON CONFLICT where the table lies elsewhere."""


class Shard(NamedTuple):
    """A database that holds the traces of one part of the hash."""

    name: str
    """Of its foreign server: what PostgreSQL says when it can't reach it."""
    place: Place


def statements(places: Sequence[Place], view: str) -> Iterator[str]:
    """What makes an empty database of ours the coordinator of these shards, in order.

    `view` is what the view of texts selects. They hold the shards' passwords.
    """
    yield "CREATE EXTENSION IF NOT EXISTS postgres_fdw"
    for number, place in enumerate(places, 1):
        yield from _server_statements(number, place)
    yield "DROP VIEW span_texts"
    for table in BY_TRACE:
        yield from _partition_statements(table, places)
    yield f"CREATE VIEW span_texts AS {view}"
    rolled = ", ".join((*SUMMED, *NAMED))
    yield from (f"DROP TABLE {name}" for name in (*SUMMED, *NAMED))
    for number, place in enumerate(places, 1):
        yield (
            f"IMPORT FOREIGN SCHEMA public LIMIT TO ({rolled})"
            f" FROM SERVER {_quoted(_name(number, place))} INTO {_schema(number)}"
        )


def distribute(conn: PostgresConnection, places: Sequence[Place]) -> None:
    """Make the database of a connection the coordinator of these shards, all of it or nothing.

    All of them must have our tables, and no traces. Raises StoreError or UsageError.
    """
    if not 2 <= len(places) <= _MOST:
        raise UsageError(f"Name from 2 to {_MOST} shards, each with --shard.")
    if conn.value("SELECT 1 FROM traces LIMIT 1"):
        raise StoreError(
            f"{conn.name} has traces already; export them, name a new database in CLUSTERTRACE_DB, "
            "distribute that, and import them there."
        )
    view = conn.value("SELECT pg_get_viewdef('span_texts'::regclass)")
    # The types are asked for while the tables are there.
    columns = {name: _columns(conn, name) for name in (*SUMMED, *NAMED)}
    with conn.transaction():
        for statement in statements(places, view):
            conn.control(statement)
        for name, keys in (SUMMED | NAMED).items():
            conn.control(_merging_view(name, keys, columns[name], len(places)))
        database = conn.value("SELECT quote_ident(current_database())")
        for setting in _SETTINGS:
            conn.control(f"ALTER DATABASE {database} SET {setting} = on")


def renumber(conn: PostgresConnection, number: int, count: int) -> None:
    """Have a shard number its spans so that no other gives the same number. `number` is from 1."""
    if conn.value("SELECT 1 FROM traces LIMIT 1"):
        raise StoreError(f"{conn.name} has traces already; name an empty database as a shard.")
    conn.control(f"ALTER SEQUENCE span_numbers INCREMENT BY {count} RESTART WITH {number}")


def shards_of(conn: Connection) -> list[Shard]:
    """The shards of a coordinator in the order of their parts; none of any other database."""
    rows = conn.rows(
        "SELECT s.srvname, s.srvoptions, m.umoptions FROM pg_foreign_server s"
        " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw"
        " LEFT JOIN pg_user_mappings m ON m.srvid = s.oid AND m.usename = current_user"
        " WHERE w.fdwname = 'postgres_fdw' AND s.srvname LIKE 'shard %' ORDER BY s.srvname"
    )
    return [
        Shard(name, place_of(_url([*options, *(login or ())]))) for name, options, login in rows
    ]


def split(conn: Connection, trace_ids: Sequence[bytes], count: int) -> list[int]:
    """For each of these traces the number, from 0, of the shard that PostgreSQL keeps it on."""
    parts = " ".join(
        f"WHEN satisfies_hash_partition('traces'::regclass, {count}, {part}, id) THEN {part}"
        for part in range(count - 1)
    )
    assert isinstance(conn, PostgresConnection)
    with readable(conn.name):
        rows = conn.raw.execute(
            f"SELECT CASE {parts} ELSE {count - 1} END"
            " FROM unnest(%s::bytea[]) WITH ORDINALITY AS t (id, at) ORDER BY at",
            (list(trace_ids),),
        ).fetchall()
    return [row[0] for row in rows]


def _server_statements(number: int, place: Place) -> Iterator[str]:
    conninfo = conninfo_to_dict(_libpq(place))
    login = {key: str(conninfo.pop(key)) for key in _LOGIN if key in conninfo}
    name = _quoted(_name(number, place))
    options = _options({key: str(value) for key, value in conninfo.items()} | _OPTIONS)
    yield f"CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options})"
    yield f"CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS ({_options(login)})"
    yield f"CREATE SCHEMA {_schema(number)}"


def _partition_statements(table: str, places: Sequence[Place]) -> Iterator[str]:
    yield f"ALTER TABLE {table} RENAME TO whole"
    yield f"CREATE TABLE {table} (LIKE whole) PARTITION BY HASH (trace_id)"
    yield "DROP TABLE whole"
    for number, place in enumerate(places, 1):
        yield (
            f"CREATE FOREIGN TABLE {_schema(number)}.{table} PARTITION OF {table}"
            f" FOR VALUES WITH (MODULUS {len(places)}, REMAINDER {number - 1})"
            f" SERVER {_quoted(_name(number, place))}"
            f" OPTIONS (schema_name 'public', table_name '{table}')"
        )


def _merging_view(table: str, keys: Sequence[str], columns: Mapping[str, str], count: int) -> str:
    """A view that stands for a table of which each shard has a part."""
    merged = [
        name if name in keys else f"{_how(table, name)}({name})::{kind} AS {name}"
        for name, kind in columns.items()
    ]
    parts = " UNION ALL ".join(
        f"SELECT {', '.join(columns)} FROM {_schema(number)}.{table}"
        for number in range(1, count + 1)
    )
    return (
        f"CREATE VIEW {table} AS SELECT {', '.join(merged)} FROM ({parts}) AS parts"
        f" GROUP BY {', '.join(keys)}"
    )


def _how(table: str, column: str) -> str:
    return "min" if table in NAMED else _KEPT_BY.get(column, "sum")


def _columns(conn: PostgresConnection, table: str) -> dict[str, str]:
    """The columns of a table, and their types."""
    rows: list[tuple[Any, ...]] = conn.rows(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (table,),
    )
    return dict(rows)


def _url(options: Sequence[str]) -> str:
    """The URL of a database, of the options of its foreign server and of our user there."""
    told = dict(option.split("=", 1) for option in options)
    user, password = (quote(told.pop(key, ""), safe="") for key in _LOGIN)
    host, port = told.pop("host", ""), told.pop("port", "")
    name = quote(told.pop("dbname", ""), safe="")
    more = {key: value for key, value in told.items() if key not in _OPTIONS}
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = f"?{urlencode(more, quote_via=quote)}" if more else ""
    return f"postgresql+psycopg://{login}{host}{f':{port}' if port else ''}/{name}{query}"


def _libpq(place: Place) -> str:
    return "postgresql://" + place.text.partition("://")[2]


def _name(number: int, place: Place) -> str:
    """What the shard is called in PostgreSQL, so that its errors say where it is."""
    told = conninfo_to_dict(_libpq(place))
    where = f"{told.get('host', 'localhost')}:{told.get('port', 5432)}/{told.get('dbname', '')}"
    return f"shard {number:02} at {where}".encode()[:_LONGEST_NAME].decode(errors="ignore")


def _schema(number: int) -> str:
    return f"shard_{number:02}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _options(options: Mapping[str, str]) -> str:
    return ", ".join(f"""{key} '{value.replace("'", "''")}'""" for key, value in options.items())
