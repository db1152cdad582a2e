"""Import exports of other tools into a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from clustertrace.conventions.otlp.logs import logs_of_json, logs_of_protobuf
from clustertrace.conventions.otlp.metrics import metrics_of_json, metrics_of_protobuf
from clustertrace.conventions.otlp.signal_kinds import signal_of_protobuf
from clustertrace.conventions.otlp.traces import Received, slices_of_json, slices_of_protobuf
from clustertrace.errors import BadInput
from clustertrace.exchange.foreign import langfuse, langsmith, phoenix, predecessor
from clustertrace.exchange.importing import BadLine, ImportResult, Progress
from clustertrace.exchange.native import FORMAT
from clustertrace.exchange.reading import Source
from clustertrace.model import Batch, Log, Span, TraceFacts
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.wire import loads

__all__ = ["import_foreign", "import_records"]

Read = Callable[[Mapping[str, Any]], tuple[list[Span], TraceFacts]]

_READERS: Final[Mapping[str, Read]] = {
    "langfuse": langfuse.read,
    "langsmith": langsmith.read,
    "phoenix": phoenix.read,
    "clustertrace-0.14": predecessor.read,
}

_JSON_READERS: Final = {b'"resourceLogs"': logs_of_json, b'"resourceMetrics"': metrics_of_json}
_PROTOBUF_READERS: Final = {
    "traces": slices_of_protobuf,
    "logs": logs_of_protobuf,
    "metrics": metrics_of_protobuf,
}

_JSON_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{][^\x00-\x08\x0e-\x1f]*\Z")
"""Protobuf may begin so, too, but the lengths and numbers of its fields are control characters."""

_SLICE: Final = 2_000
"""Spans and log records per transaction."""

_LIST_KEYS: Final = ("data", "runs", "traces", "spans")
"""The keys under which API answers have their records."""


class _Piece(NamedTuple):
    """Some records of a file, or why they can't be used."""

    line: int
    spans: list[Span]
    facts: list[TraceFacts]
    logs: list[Log]
    bad: list[str]
    left: int = 0
    """How many records are not imported."""


def import_foreign(
    store: Store, source: Source, form: str, progress: Progress = lambda done: None
) -> ImportResult:
    """Import a file that another tool wrote: JSON Lines, one JSON document, or OTLP in protobuf.

    `form` is `otlp` or the name of the tool, as in `import --from`. A bad record does not affect
    others. Traces that are already stored are not duplicated; they gain what is new.
    """
    pieces = _otlp(source) if form == "otlp" else _records(source, _READERS[form])
    return _store(store, pieces, lambda: progress(source.position))


def import_records(store: Store, records: Iterable[Mapping[str, Any]], form: str) -> ImportResult:
    """As `import_foreign`, for records that don't come from a file."""
    read = _READERS[form]
    pieces = (_piece(number, record, read) for number, record in enumerate(records, 1))
    return _store(store, pieces)


def _store(
    store: Store, pieces: Iterator[_Piece], progressed: Callable[[], None] = lambda: None
) -> ImportResult:
    result = ImportResult()
    pending = _PendingRecords(store, result)
    for piece in pieces:
        result.bad += [BadLine(piece.line, reason) for reason in piece.bad]
        result.left += piece.left
        pending.add(piece)
        progressed()
    pending.commit()
    return result


class _PendingRecords:
    """Records that wait for the next commit, and the ids of traces seen so far."""

    def __init__(self, store: Store, result: ImportResult) -> None:
        self._store, self._result = store, result
        self._batch = Batch([], [], None, [])
        self._logs: list[Log] = []
        self._seen: set[str] = set()

    def add(self, piece: _Piece) -> None:
        self._batch.spans.extend(piece.spans)
        self._batch.facts.extend(piece.facts)
        self._logs += piece.logs
        if len(self._batch.spans) + len(self._logs) >= _SLICE:
            self.commit()

    def commit(self) -> None:
        traces = dict.fromkeys(span.trace_id for span in self._batch.spans)
        unseen = [trace_id for trace_id in traces if trace_id not in self._seen]
        with self._store.read() as conn:
            known = queries.known_traces(conn, unseen)
        self._seen.update(unseen)
        written = self._store.write(self._batch._replace(logs=self._logs))
        self._result.added += len(unseen) - len(known)
        self._result.skipped += len(known)
        self._result.spans += written.new
        self._result.records += len(self._logs)
        self._batch, self._logs = Batch([], [], None, []), []


def _records(source: Source, read: Read) -> Iterator[_Piece]:
    for number, document in _documents(source):
        yield from _document_pieces(number, document, read)


def _documents(source: Source) -> Iterator[tuple[int, bytes]]:
    """Numbered JSON Lines; if the first line alone is not JSON, the whole file as one document."""
    lines = iter(source)
    for number, line in lines:
        if number == 1 and _loads(line) is None:
            line = b"".join([line, *(rest for _, rest in lines)])
        yield number, line


def _document_pieces(number: int, text: bytes, read: Read) -> Iterator[_Piece]:
    document = _loads(text)
    if document is None:
        yield _Piece(number, [], [], [], ["it is not JSON"])
        return
    if isinstance(document, Mapping) and document.get("format") == FORMAT:
        yield _Piece(number, [], [], [], ["this is clustertrace's own format; leave out --from"])
        return
    for record in _records_of(document):
        if not isinstance(record, Mapping):
            yield _Piece(number, [], [], [], ["a record must be a JSON object"])
        elif predecessor.HEADER not in record:
            yield _piece(number, record, read)


def _loads(text: bytes) -> Any:
    try:
        return loads(text)
    except BadInput:
        return None


def _records_of(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    for key in _LIST_KEYS if isinstance(document, Mapping) and "id" not in document else ():
        if isinstance(document.get(key), list) and "trace" not in document:
            return list(document[key])
    return [document]


def _piece(number: int, record: Mapping[str, Any], read: Read) -> _Piece:
    try:
        spans, facts = read(record)
    except BadInput as error:
        return _Piece(number, [], [], [], [str(error)])
    return _Piece(number, spans, [facts], [], [])


def _otlp(source: Source) -> Iterator[_Piece]:
    """Requests: one per line, as the collector's file exporter writes them, or one in protobuf."""
    if not _JSON_BEGINS.match(source.beginning):
        body = source.whole()
        yield from _request_pieces(1, _PROTOBUF_READERS[signal_of_protobuf(body)], body)
        return
    for number, line in _documents(source):
        yield from _json_pieces(number, line)


def _json_pieces(number: int, line: bytes) -> Iterator[_Piece]:
    # A request starts with its key, whatever it contains.
    readers = (reader for key, reader in _JSON_READERS.items() if key in line[:200])
    yield from _request_pieces(number, next(readers, slices_of_json), line)


def _request_pieces(
    number: int, slices: Callable[[bytes, int], Iterator[Received]], body: bytes
) -> Iterator[_Piece]:
    try:
        for received in slices(body, _SLICE):
            batch, logs = received.batch, list(received.batch.logs)
            left = len(received.left)
            yield _Piece(number, batch.spans, batch.facts, logs, received.rejected, left)
    except BadInput as error:
        yield _Piece(number, [], [], [], [str(error)])
