"""Read a database of clustertrace 0.14, which has other tables; nothing is written to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from clustertrace.errors import BadInput

__all__ = ["is_database", "records"]

_MAGIC: Final = b"SQLite format 3\0"
_QUERIES: Final = {
    "spans": "SELECT * FROM spans WHERE trace_id = ? ORDER BY started_at, id",
    "tags": "SELECT key, value FROM trace_tags WHERE trace_id = ?",
    "metrics": "SELECT name, value FROM trace_metrics WHERE trace_id = ?",
}


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The traces, oldest first, in the format of a line of 0.14's export.

    Raises BadInput if it is not such a database.
    """
    conn = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    conn.row_factory = sqlite3.Row
    try:
        for trace in conn.execute("SELECT * FROM traces ORDER BY started_at, id").fetchall():
            rows = {
                name: conn.execute(sql, (trace["id"],)).fetchall() for name, sql in _QUERIES.items()
            }
            yield {
                "trace": dict(trace),
                "spans": [dict(row) for row in rows["spans"]],
                "tags": {row[0]: row[1] for row in rows["tags"]},
                "metrics": {row[0]: row[1] for row in rows["metrics"]},
            }
    except (sqlite3.Error, IndexError) as error:
        raise BadInput(f"{path} is not a database of clustertrace 0.14 ({error})") from None
    finally:
        conn.close()
