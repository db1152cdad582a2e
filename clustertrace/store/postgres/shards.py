"""A database distributed over several PostgreSQL servers, with PostgreSQL's own means only.

Each shard is a complete database of ours, with the traces of one part of the hash: writing,
settling, rolling up and indexing are local transactions there. The coordinator holds no traces. Its
tables of traces are partitioned by hash, each partition being a foreign table (postgres_fdw), so
that PostgreSQL pushes joins and sums over traces down to the shards; its roll-ups are views that
add up those of the shards. So it is queried like any other database.
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

_MAX_NAME_BYTES: Final = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones."""

_MAX_SHARDS: Final = 99

_SERVER_OPTIONS: Final = {
    "use_remote_estimate": "true",
    "async_capable": "true",
    "fetch_size": "1000",
    "connect_timeout": "4",
}
"""Plan with the shards' own estimates, and query all shards at the same time."""

_SETTINGS: Final = ("enable_partitionwise_join", "enable_partitionwise_aggregate")

_LOGIN_OPTIONS: Final[tuple[str, ...]] = ("user", "password")

_AGGREGATES: Final = {"last_day": "max", "family_id": "min", "first_ns": "min", "last_ns": "max"}
"""How columns of roll-ups are merged that do not add up."""


NOT_HERE: Final = (errors.ObjectNotInPrerequisiteState, errors.InvalidColumnReference)
"""PostgreSQL's errors for changing a view, and for ON CONFLICT on a foreign table."""


class Shard(NamedTuple):
    """A database that holds the traces of one part of the hash."""

    name: str
    """The name of its foreign server, which PostgreSQL's errors mention."""
    place: Place


def statements(places: Sequence[Place], view: str) -> Iterator[str]:
    """The statements that make an empty database the coordinator of these shards, in order.

    `view` is the query of the view of texts. The statements contain the shards' passwords.
    """
    yield "CREATE EXTENSION IF NOT EXISTS postgres_fdw"
    for number, place in enumerate(places, 1):
        yield from _server_statements(number, place)
    yield "DROP VIEW span_texts"
    for table in BY_TRACE:
        yield from _partition_statements(table, places)
    yield f"CREATE VIEW span_texts AS {view}"
    merged_tables = ", ".join((*SUMMED, *NAMED))
    yield from (f"DROP TABLE {name}" for name in (*SUMMED, *NAMED))
    for number, place in enumerate(places, 1):
        yield (
            f"IMPORT FOREIGN SCHEMA public LIMIT TO ({merged_tables})"
            f" FROM SERVER {_quoted(_server_name(number, place))} INTO {_schema(number)}"
        )


def distribute(conn: PostgresConnection, places: Sequence[Place]) -> None:
    """Make the database of a connection the coordinator of these shards, all of it or nothing.

    All of them must have our tables, and no traces. Raises StoreError or UsageError.
    """
    if not 2 <= len(places) <= _MAX_SHARDS:
        raise UsageError(f"Name from 2 to {_MAX_SHARDS} shards, each with --shard.")
    if conn.value("SELECT 1 FROM traces LIMIT 1"):
        raise StoreError(
            f"{conn.name} has traces already; export them, name a new database in CLUSTERTRACE_DB, "
            "distribute that, and import them there."
        )
    view = conn.value("SELECT pg_get_viewdef('span_texts'::regclass)")
    # The types are read before the tables are dropped.
    columns = {name: _column_types(conn, name) for name in (*SUMMED, *NAMED)}
    with conn.transaction():
        for statement in statements(places, view):
            conn.control(statement)
        for name, keys in (SUMMED | NAMED).items():
            conn.control(_merging_view(name, keys, columns[name], len(places)))
        database = conn.value("SELECT quote_ident(current_database())")
        for setting in _SETTINGS:
            conn.control(f"ALTER DATABASE {database} SET {setting} = on")


def renumber(conn: PostgresConnection, number: int, count: int) -> None:
    """Make a shard's span numbers differ from those of all others; `number` counts from 1."""
    if conn.value("SELECT 1 FROM traces LIMIT 1"):
        raise StoreError(f"{conn.name} has traces already; name an empty database as a shard.")
    conn.control(f"ALTER SEQUENCE span_numbers INCREMENT BY {count} RESTART WITH {number}")


def shards_of(conn: Connection) -> list[Shard]:
    """The shards of a coordinator, in the order of their parts; empty for other databases."""
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
    """For each trace, the number of its shard, from 0, by PostgreSQL's own hash."""
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
    login = {key: str(conninfo.pop(key)) for key in _LOGIN_OPTIONS if key in conninfo}
    name = _quoted(_server_name(number, place))
    options = _options({key: str(value) for key, value in conninfo.items()} | _SERVER_OPTIONS)
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
            f" SERVER {_quoted(_server_name(number, place))}"
            f" OPTIONS (schema_name 'public', table_name '{table}')"
        )


def _merging_view(table: str, keys: Sequence[str], columns: Mapping[str, str], count: int) -> str:
    """The statement for a view that merges the shards' parts of a table."""
    merged = [
        name if name in keys else f"{_aggregate(table, name)}({name})::{kind} AS {name}"
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


def _aggregate(table: str, column: str) -> str:
    return "min" if table in NAMED else _AGGREGATES.get(column, "sum")


def _column_types(conn: PostgresConnection, table: str) -> dict[str, str]:
    """The types of a table's columns, by name."""
    rows: list[tuple[Any, ...]] = conn.rows(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (table,),
    )
    return dict(rows)


def _url(options: Sequence[str]) -> str:
    """The URL of a database, from the options of its foreign server and user mapping."""
    by_name = dict(option.split("=", 1) for option in options)
    user, password = (quote(by_name.pop(key, ""), safe="") for key in _LOGIN_OPTIONS)
    host, port = by_name.pop("host", ""), by_name.pop("port", "")
    name = quote(by_name.pop("dbname", ""), safe="")
    extra = {key: value for key, value in by_name.items() if key not in _SERVER_OPTIONS}
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = f"?{urlencode(extra, quote_via=quote)}" if extra else ""
    return f"postgresql+psycopg://{login}{host}{f':{port}' if port else ''}/{name}{query}"


def _libpq(place: Place) -> str:
    return "postgresql://" + place.text.partition("://")[2]


def _server_name(number: int, place: Place) -> str:
    """The name of a shard's foreign server, which says where it is, for PostgreSQL's errors."""
    parts = conninfo_to_dict(_libpq(place))
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    address = f"{host}:{port}/{parts.get('dbname', '')}"
    return f"shard {number:02} at {address}".encode()[:_MAX_NAME_BYTES].decode(errors="ignore")


def _schema(number: int) -> str:
    return f"shard_{number:02}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _options(options: Mapping[str, str]) -> str:
    return ", ".join(f"""{key} '{value.replace("'", "''")}'""" for key, value in options.items())
