"""Bring an export of another tool into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from clustertrace.conventions.otlp.logs import logs_of_json
from clustertrace.conventions.otlp.metrics import metrics_of_json
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

_FORMS_OF_JSON: Final = {b'"resourceLogs"': logs_of_json, b'"resourceMetrics"': metrics_of_json}

_SLICE: Final = 2_000
"""Spans and records a transaction."""

_LISTS: Final = ("data", "runs", "traces", "spans")
"""Where an answer of an API has its records."""


class _Piece(NamedTuple):
    """Some records of a file, or why there are none."""

    line: int
    spans: list[Span]
    facts: list[TraceFacts]
    logs: list[Log]
    bad: list[str]
    left: int = 0
    """Records that are not kept."""


def import_foreign(
    store: Store, source: Source, form: str, progress: Progress | None = None
) -> ImportResult:
    """Import a file that another tool wrote: JSON Lines, one JSON document, or OTLP in protobuf.

    `form` is `otlp` or the name of the tool, as `import --from` has it.

    A bad record costs no other. What is there already is not doubled, and gains what is new.
    """
    pieces = _otlp(source) if form == "otlp" else _records(source, _READERS[form])
    return _store(store, pieces, lambda: source.position, progress)


def import_records(
    store: Store, records: Iterable[Mapping[str, Any]], form: str, progress: Progress | None = None
) -> ImportResult:
    """As `import_foreign`, for records that are no lines of a file."""
    read = _READERS[form]
    pieces = (_piece(number, record, read) for number, record in enumerate(records, 1))
    return _store(store, pieces, lambda: 0, progress)


def _store(
    store: Store, pieces: Iterator[_Piece], position: Callable[[], int], progress: Progress | None
) -> ImportResult:
    result = ImportResult()
    waiting = _Waiting(store, result)
    for piece in pieces:
        result.bad += [BadLine(piece.line, reason) for reason in piece.bad]
        result.left += piece.left
        waiting.add(piece)
        if progress:
            progress(position())
    waiting.commit()
    return result


class _Waiting:
    """Records that wait for the next commit, and traces that have been seen."""

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
        fresh = [one for one in traces if one not in self._seen]
        with self._store.read() as conn:
            known = queries.known_traces(conn, fresh)
        self._seen.update(fresh)
        written = self._store.write(self._batch._replace(logs=self._logs))
        self._result.added += len(fresh) - len(known)
        self._result.skipped += len(known)
        self._result.spans += written.new
        self._result.records += len(self._logs)
        self._batch, self._logs = Batch([], [], None, []), []


def _records(source: Source, read: Read) -> Iterator[_Piece]:
    for number, document in _documents(source):
        yield from _of_document(number, document, read)


def _documents(source: Source) -> Iterator[tuple[int, bytes]]:
    """JSON Lines, with their numbers; where the first line is no JSON by itself, one document."""
    lines = iter(source)
    for number, line in lines:
        if number == 1 and _loads(line) is None:
            line = b"".join([line, *(more for _, more in lines)])
        yield number, line


def _of_document(number: int, text: bytes, read: Read) -> Iterator[_Piece]:
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
    for key in _LISTS if isinstance(document, Mapping) and "id" not in document else ():
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
    """Requests, one a line, as the collector's file exporter writes them; or one in protobuf."""
    if source.beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        yield from _of_request(1, slices_of_protobuf, source.whole())
        return
    for number, line in _documents(source):
        yield from _of_json(number, line)


def _of_json(number: int, line: bytes) -> Iterator[_Piece]:
    # The key of a request comes first, whatever else it says.
    forms = (form for key, form in _FORMS_OF_JSON.items() if key in line[:200])
    yield from _of_request(number, next(forms, slices_of_json), line)


def _of_request(
    number: int, slices: Callable[[bytes, int], Iterator[Received]], body: bytes
) -> Iterator[_Piece]:
    try:
        for found in slices(body, _SLICE):
            batch, logs = found.batch, list(found.batch.logs)
            left = len(found.left)
            yield _Piece(number, batch.spans, batch.facts, logs, found.rejected, left)
    except BadInput as error:
        yield _Piece(number, [], [], [], [str(error)])
