"""What has been read of coding agents' transcripts, remembered with the spans that came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clustertrace.model import Batch
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.store import Store
from clustertrace.store.writing.writer import Written, prepared

__all__ = ["Read", "owners", "progress_of", "write_turns"]


class Read(NamedTuple):
    """How far a file has been read."""

    size: int
    """Bytes."""
    offset: int
    """Where its last turn begins, bytes."""
    open: bool
    """Whether that turn has not ended."""
    trace_id: str | None


def progress_of(conn: Connection, path: str) -> Read | None:
    """How far a file has been read; None: never."""
    row = conn.row(
        'SELECT size, "offset", "open", trace_id FROM transcript_files WHERE path = ?', (path,)
    )
    if row is None:
        return None
    return Read(row[0], row[1], bool(row[2]), None if row[3] is None else row[3].hex())


def owners(conn: Connection, claims: Sequence[str]) -> dict[str, str]:
    """The traces that these prompts belong to, those that are known."""
    trace_ids: dict[str, str] = {}
    for chunk in chunks(claims):
        marks = placeholders(chunk)
        sql = f"SELECT claim, trace_id FROM transcript_turns WHERE claim IN ({marks})"
        trace_ids.update((row[0], row[1].hex()) for row in conn.rows(sql, chunk))
    return trace_ids


def write_turns(
    store: Store, batch: Batch, claims: Mapping[str, str], files: Mapping[str, Read]
) -> Written:
    """Write turns, whose prompts they are, and how far that is in their files: all or nothing."""
    rows = prepared(batch)
    with store.writing() as conn:
        written = store.put(conn, rows, time.time_ns())
        conn.many(
            "INSERT INTO transcript_turns VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(claim, bytes.fromhex(trace_id)) for claim, trace_id in claims.items()],
        )
        conn.many(
            "INSERT INTO transcript_files VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            'size = excluded.size, "offset" = excluded."offset", "open" = excluded."open",'
            " trace_id = excluded.trace_id",
            [_file_row(path, read) for path, read in files.items()],
        )
    return written


def _file_row(path: str, read: Read) -> tuple[Any, ...]:
    trace_id = None if read.trace_id is None else bytes.fromhex(read.trace_id)
    return path, read.size, read.offset, int(read.open), trace_id
