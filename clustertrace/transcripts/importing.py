"""Import coding agents' sessions into a store, and later what is new in them.

How far a file was read is stored in the transaction of its spans, so that an interrupted import
neither loses nor duplicates anything. A file that has grown is read from its last turn on; an
unchanged one is not opened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from clustertrace.model import Batch
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.transcripts import Read, owners, progress_of, write_turns
from clustertrace.transcripts import claude_code, codex
from clustertrace.transcripts.finding import History, is_sub_agent
from clustertrace.transcripts.rows import Row, rows
from clustertrace.transcripts.sub_agents import Links, session_of, sub_agent
from clustertrace.transcripts.turn import HELD_BYTES, Portion

__all__ = ["Imported", "Progress", "import_history", "total"]

SPANS_A_BATCH: Final = 2_000
_GONE_SECONDS: Final = 3600
"""After so long without a new row, the last turn of a session counts as abandoned."""


@dataclass(slots=True)
class Progress:
    """The progress of an import."""

    files: int
    size: int
    """Bytes of all files."""
    files_done: int = 0
    size_done: int = 0


@dataclass(slots=True)
class Imported:
    """The result of an import."""

    sessions: int = 0
    """How many sessions were found."""
    files: int = 0
    """How many files were found, including those of sub-agents."""
    unchanged: int = 0
    """Files that had nothing new."""
    turns: int = 0
    """Turns that are new in the store."""
    spans: int = 0
    """Spans that are new in the store."""
    copies: int = 0
    """Turns that another session has too, because a fork copied them."""
    bad_lines: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be read, with the reason."""


def total(results: Iterable[Imported]) -> Imported:
    """The sums of several results."""
    sums = Imported()
    for result in results:
        for count in fields(Imported):
            setattr(sums, count.name, getattr(sums, count.name) + getattr(result, count.name))
    return sums


def import_history(
    store: Store, history: History, tell: Callable[[Progress], None] = lambda _: None
) -> Imported:
    """Import what is new in a history; `tell` is called with the progress. Raises StoreError."""
    result = Imported(history.sessions, len(history.files))
    progress = Progress(len(history.files), history.size)
    pending = _Pending(store, result)
    links = Links()
    for path in history.files:
        size_before, size = progress.size_done, 0
        try:
            size = path.stat().st_size
            for bytes_read in _read_file(store, history, path, pending, links):
                progress.size_done = size_before + bytes_read
                tell(progress)
        except OSError as error:
            result.unreadable.append(f"{path}: {error.strerror or error}")
        progress.size_done = size_before + size
        progress.files_done += 1
        tell(progress)
    pending.commit()
    return result


def _read_file(
    store: Store, history: History, path: Path, pending: _Pending, links: Links
) -> Iterator[int]:
    """Import what is new in a file; yields how many bytes have been read so far."""
    stat = path.stat()
    abandoned = stat.st_mtime < time.time() - _GONE_SECONDS
    with store.read() as conn:
        known = progress_of(conn, str(path))
    if known is not None and known.size == stat.st_size and not (known.open and abandoned):
        pending.result.unchanged += 1
        return
    with path.open("rb") as file:
        known = known if known is not None and _is_same_file(file, known, stat.st_size) else None
        begin, trace_id = (known.offset, known.trace_id) if known else (0, None)
        resume, ended, has_turns = begin, True, known is not None
        for portion in _portions(history, path, file, known, pending, links, abandoned=abandoned):
            resume, ended, trace_id = portion.resume, portion.ended, portion.facts.trace_id
            has_turns = True
            pending.add(path, portion)
            yield resume
        if has_turns:
            # A file without a turn may be another agent's, to be imported later.
            pending.files[str(path)] = Read(file.tell(), resume, not (ended or abandoned), trace_id)


def _is_same_file(file: BinaryIO, known: Read, size: int) -> bool:
    """Whether a file still is the one that was read, or a longer version of it."""
    if size < known.size:
        return False
    file.seek(max(0, known.offset - 1))
    return known.offset == 0 or file.read(1) == b"\n"


def _portions(
    history: History,
    path: Path,
    file: BinaryIO,
    known: Read | None,
    pending: _Pending,
    links: Links,
    *,
    abandoned: bool,
) -> Iterator[Portion]:
    """The portions of a file since it was last read."""
    begin, resumed_trace = (known.offset, known.trace_id) if known else (0, None)
    if history.agent == "codex":
        # Only the first row describes the session.
        head = islice(rows(file), 1) if begin else ()
        lines = pending.count(chain(list(head), rows(file, begin)))
        yield from codex.Reader(path.stem, resumed_trace=resumed_trace).read(
            lines, begin=begin, abandoned=abandoned
        )
        return
    session, agent = path.stem, None
    if is_sub_agent(path):
        session, main = session_of(path, file)
        agent = sub_agent(path, main, links)
    reader = claude_code.Reader(session, agent, resumed_trace=resumed_trace)
    yield from reader.read(pending.count(rows(file, begin)), begin=begin, abandoned=abandoned)
    links.add(reader.links)


class _Pending:
    """Turns that wait for the next commit."""

    def __init__(self, store: Store, result: Imported) -> None:
        self.result = result
        self.files: dict[str, Read] = {}
        self._store = store
        self._portions: list[Portion] = []
        self._spans = self._size = 0
        self._turns: set[str] = set()

    def count(self, lines: Iterable[Row]) -> Iterator[Row]:
        """Pass rows through, and count those that can't be read."""
        for row in lines:
            self.result.bad_lines += row.data is None
            yield row

    def add(self, path: Path, portion: Portion) -> None:
        """Add a portion of a file; commits once there is enough."""
        self._portions.append(portion)
        self._spans += len(portion.spans)
        self._size += portion.size
        offset, trace_id = portion.resume, portion.facts.trace_id
        self.files[str(path)] = Read(offset, offset, True, trace_id)
        if self._spans >= SPANS_A_BATCH or self._size >= HELD_BYTES:
            self.commit()

    def commit(self) -> None:
        """Write all pending turns."""
        claims: dict[str, str] = {}
        with self._store.read() as conn:
            claims.update(
                owners(conn, [portion.claim for portion in self._portions if portion.claim])
            )
            traces = {portion.facts.trace_id for portion in self._portions}
            known = queries.known_traces(conn, sorted(traces)) | set(claims.values())
        owned: list[Portion] = []
        for portion in self._portions:
            trace_id = portion.facts.trace_id
            if portion.claim and claims.setdefault(portion.claim, trace_id) != trace_id:
                self.result.copies += 1
            else:
                owned.append(portion)
        batch = Batch(
            [span for portion in owned for span in portion.spans],
            [portion.facts for portion in owned],
        )
        written = write_turns(self._store, batch, claims, self.files)
        new = {portion.facts.trace_id for portion in owned} - known - self._turns
        self._turns |= new
        self.result.turns += len(new)
        self.result.spans += written.new
        self._portions, self.files = [], {}
        self._spans = self._size = 0
