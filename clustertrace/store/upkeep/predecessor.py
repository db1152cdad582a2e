"""Reads a database of clustertrace 0.14, which had tables of its own; never writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from clustertrace.errors import BadInput

__all__ = ["is_database", "records"]

_MAGIC: Final = b"SQLite format 3\0"
_OF_TRACE: Final = {
    "spans": "SELECT * FROM spans WHERE trace_id = ? ORDER BY started_at, id",
    "tags": "SELECT key, value FROM trace_tags WHERE trace_id = ?",
    "metrics": "SELECT name, value FROM trace_metrics WHERE trace_id = ?",
}


def is_database(path: Path) -> bool:
    """Whether a file is a database of SQLite's."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Its traces, the oldest first, in the shape of a line of its export.

    Raises BadInput if it is no such database.
    """
    conn = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    conn.row_factory = sqlite3.Row
    try:
        for trace in conn.execute("SELECT * FROM traces ORDER BY started_at, id").fetchall():
            found = {
                what: conn.execute(sql, (trace["id"],)).fetchall()
                for what, sql in _OF_TRACE.items()
            }
            yield {
                "trace": dict(trace),
                "spans": [dict(row) for row in found["spans"]],
                "tags": {row[0]: row[1] for row in found["tags"]},
                "metrics": {row[0]: row[1] for row in found["metrics"]},
            }
    except (sqlite3.Error, IndexError) as error:
        raise BadInput(f"{path} is not a database of clustertrace 0.14 ({error})") from None
    finally:
        conn.close()
