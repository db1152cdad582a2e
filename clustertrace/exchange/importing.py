"""Import the traces of a file into a store: in batches, without those that it already has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from clustertrace.errors import BadInput
from clustertrace.exchange.native import parse_trace
from clustertrace.exchange.reading import Source
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import queries
from clustertrace.store.store import Store

__all__ = ["BadLine", "ImportResult", "import_native"]

SPANS_A_BATCH: Final = 2_000
TRACES_A_BATCH: Final = 200

Progress = Callable[[int], None]
"""Told how many bytes of the source have been read."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be used."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportResult:
    """What became of a file."""

    added: int = 0
    """Traces that are new in the store."""
    skipped: int = 0
    """Traces that the store had already, or that stood earlier in the file."""
    spans: int = 0
    """Spans of the added traces."""
    records: int = 0
    """Log records and data points: what they tell of is made or completed when it is settled."""
    left: int = 0
    """Records that belong to no run, or say nothing new."""
    bad: list[BadLine] = field(default_factory=list)


def import_native(
    store: Store, source: Source, progress: Progress = lambda done: None
) -> ImportResult:
    """Import native JSON Lines. A bad line costs no other; what is committed stays committed."""
    result = ImportResult()
    pending = _Pending(store, result)
    number = 0
    try:
        for number, line in source:
            try:
                pending.add(*parse_trace(line))
            except BadInput as error:
                result.bad.append(BadLine(number, str(error)))
            if pending.full:
                pending.commit()
                progress(source.position)
    except BadInput as error:
        result.bad.append(BadLine(number + 1, str(error)))
    pending.commit()
    progress(source.position)
    return result


class _Pending:
    """Traces that wait for the next commit."""

    def __init__(self, store: Store, result: ImportResult) -> None:
        self._store = store
        self._result = result
        self._traces: dict[str, tuple[list[Span], TraceFacts]] = {}
        self._spans = 0

    @property
    def full(self) -> bool:
        return self._spans >= SPANS_A_BATCH or len(self._traces) >= TRACES_A_BATCH

    def add(self, spans: list[Span], facts: TraceFacts) -> None:
        if facts.trace_id in self._traces:
            self._result.skipped += 1
            return
        self._traces[facts.trace_id] = (spans, facts)
        self._spans += len(spans)

    def commit(self) -> None:
        if not self._traces:
            return
        with self._store.read() as conn:
            known = queries.known_traces(conn, list(self._traces))
        new = [trace for trace_id, trace in self._traces.items() if trace_id not in known]
        spans = [span for trace_spans, _ in new for span in trace_spans]
        if new:
            self._store.write(Batch(spans, [facts for _, facts in new]))
        self._result.added += len(new)
        self._result.skipped += len(known)
        self._result.spans += len(spans)
        self._traces.clear()
        self._spans = 0
