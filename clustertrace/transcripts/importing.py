"""Bring coding agents' sessions into a store, and later what is new of them.

How far a file was read is remembered in the transaction of its spans: breaking off loses nothing
and doubles nothing. A file that has grown is read on from its last turn; one that is as it was is
not opened.
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
"""After so long without a word nobody goes on with a session's last turn."""


@dataclass(slots=True)
class Progress:
    """How far an import has come."""

    files: int
    size: int
    """Bytes of all files."""
    files_done: int = 0
    size_done: int = 0


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    sessions: int = 0
    """Sessions that were found."""
    files: int = 0
    """Files that were found, those of sub-agents among them."""
    unchanged: int = 0
    """Files that had nothing new."""
    turns: int = 0
    """Turns that are new in the store."""
    spans: int = 0
    """Spans that are new in the store."""
    copies: int = 0
    """Turns that stand in another session too: a fork copies them."""
    bad_lines: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be read, with the reason."""


def total(results: Iterable[Imported]) -> Imported:
    """What several imports came to."""
    sums = Imported()
    for result in results:
        for name in (one.name for one in fields(Imported)):
            setattr(sums, name, getattr(sums, name) + getattr(result, name))
    return sums


def import_history(
    store: Store, history: History, tell: Callable[[Progress], None] = lambda _: None
) -> Imported:
    """Read what is new of a history; `tell` is called as it goes on. Raises StoreError."""
    result = Imported(history.sessions, len(history.files))
    progress = Progress(len(history.files), history.size)
    pending = _Pending(store, result)
    links = Links()
    for path in history.files:
        before, size = progress.size_done, 0
        try:
            size = path.stat().st_size
            for done in _read_file(store, history, path, pending, links):
                progress.size_done = before + done
                tell(progress)
        except OSError as error:
            result.unreadable.append(f"{path}: {error.strerror or error}")
        progress.size_done = before + size
        progress.files_done += 1
        tell(progress)
    pending.commit()
    return result


def _read_file(
    store: Store, history: History, path: Path, pending: _Pending, links: Links
) -> Iterator[int]:
    """Read what is new of a file; yields how many of its bytes have been read."""
    about = path.stat()
    gone = about.st_mtime < time.time() - _GONE_SECONDS
    with store.read() as conn:
        known = progress_of(conn, str(path))
    if known is not None and known.size == about.st_size and not (known.open and gone):
        pending.result.unchanged += 1
        return
    with path.open("rb") as file:
        known = known if known is not None and _goes_on(file, known, about.st_size) else None
        begin, trace_id = (known.offset, known.trace_id) if known else (0, None)
        resume, ended, ours = begin, True, known is not None
        for portion in _portions(history, path, file, known, pending, links, gone=gone):
            resume, ended, trace_id = portion.resume, portion.ended, portion.facts.trace_id
            ours = True
            pending.add(path, portion)
            yield resume
        if ours:
            # A file without a turn may be another agent's, which is yet to be asked for.
            pending.files[str(path)] = Read(file.tell(), resume, not (ended or gone), trace_id)


def _goes_on(file: BinaryIO, known: Read, size: int) -> bool:
    """Whether a file is still the one that was read, as far as it was."""
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
    gone: bool,
) -> Iterator[Portion]:
    """What is new in a file."""
    begin, goes_on = (known.offset, known.trace_id) if known else (0, None)
    if history.agent == "codex":
        # The first row tells of the session what no other does.
        head = islice(rows(file), 1) if begin else ()
        lines = pending.count(chain(list(head), rows(file, begin)))
        yield from codex.Reader(path.stem, goes_on=goes_on).read(lines, begin=begin, gone=gone)
        return
    session, agent = path.stem, None
    if is_sub_agent(path):
        session, main = session_of(path, file)
        agent = sub_agent(path, main, links)
    reader = claude_code.Reader(session, agent, goes_on=goes_on)
    yield from reader.read(pending.count(rows(file, begin)), begin=begin, gone=gone)
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
        """Rows as they are; those that can't be read are counted."""
        for row in lines:
            self.result.bad_lines += row.told is None
            yield row

    def add(self, path: Path, portion: Portion) -> None:
        """Take a portion of a file; commit when there is enough."""
        self._portions.append(portion)
        self._spans += len(portion.spans)
        self._size += portion.size
        at, trace_id = portion.resume, portion.facts.trace_id
        self.files[str(path)] = Read(at, at, True, trace_id)
        if self._spans >= SPANS_A_BATCH or self._size >= HELD_BYTES:
            self.commit()

    def commit(self) -> None:
        """Write what waits."""
        claims: dict[str, str] = {}
        with self._store.read() as conn:
            claims.update(owners(conn, [one.claim for one in self._portions if one.claim]))
            traces = {one.facts.trace_id for one in self._portions}
            known = queries.known_traces(conn, sorted(traces)) | set(claims.values())
        own: list[Portion] = []
        for portion in self._portions:
            trace_id = portion.facts.trace_id
            if portion.claim and claims.setdefault(portion.claim, trace_id) != trace_id:
                self.result.copies += 1
            else:
                own.append(portion)
        batch = Batch([span for one in own for span in one.spans], [one.facts for one in own])
        written = write_turns(self._store, batch, claims, self.files)
        new = {one.facts.trace_id for one in own} - known - self._turns
        self._turns |= new
        self.result.turns += len(new)
        self.result.spans += written.new
        self._portions, self.files = [], {}
        self._spans = self._size = 0
