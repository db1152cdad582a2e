"""Whole numbers that the database remembers by name, in the table `state`."""

from __future__ import annotations

from clustertrace.store.connection import Connection

__all__ = ["add", "get", "put", "put_if_missing", "remove"]


def get(conn: Connection, key: str) -> int | None:
    """The number of this name; None if there is none."""
    value: int | None = conn.value("SELECT value FROM state WHERE key = ?", (key,))
    return value


def put(conn: Connection, key: str, value: int) -> None:
    """Remember a number in place of any earlier one, in the caller's transaction."""
    conn.run(
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def put_if_missing(conn: Connection, key: str, value: int) -> int:
    """Remember a number unless there is one, in the caller's transaction; which it is then."""
    conn.run("INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO NOTHING", (key, value))
    return int(conn.value("SELECT value FROM state WHERE key = ?", (key,)))


def add(conn: Connection, key: str, number: int) -> None:
    """Add to a number, which begins at 0, in the caller's transaction."""
    conn.run(
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = state.value + ?",
        (key, number, number),
    )


def remove(conn: Connection, key: str) -> None:
    """Forget a number, in the caller's transaction."""
    conn.run("DELETE FROM state WHERE key = ?", (key,))
