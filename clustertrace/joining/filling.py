"""Tools for joining: a trace's spans while they are filled, and records matched with spans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from clustertrace.content import CAPTURE
from clustertrace.conventions.otlp.log_homes import CLAUDE_CODE, CODEX
from clustertrace.conventions.raw import Origin, RawSpan
from clustertrace.conventions.resolve import resolve
from clustertrace.model import Log, Span
from clustertrace.redaction import REDACTED
from clustertrace.understanding.pairing import Candidate, nearest_in_time, one_to_one
from clustertrace.understanding.reports import reporter
from clustertrace.wire import MAX_NS

__all__ = [
    "MADE_FROM",
    "Spans",
    "event_of_log",
    "match_logs",
    "own_attributes",
    "shared_attributes",
    "span_of_log",
    "start_of_log",
]

MADE_FROM: Final = "clustertrace.made_from"
"""The attribute of a span that nobody sent: `logs` or `metrics`."""

_NEAREST: Final = 8
"""Spans with the same id that are looked at before and after a record's time."""

EVENTS_KEPT: Final = 200
"""Records that are listed on one span; what is beyond stays in the table of records."""

LEFT_OUT: Final = "clustertrace.records_left_out"
"""The attribute that says how many are beyond."""

_REPEATED_ATTRIBUTES: Final = frozenset(
    (
        *("session.id", "user.id", "conversation.id", "event.name", "event.timestamp"),
        *("event.sequence", "terminal.type", "organization.id", "user.email"),
        *("user.account_uuid", "user.account_id", "app.version", "originator"),
        *("anthropic.provider", "anthropic.custom_base_url", "slug", "severity", "auth_mode"),
    )
)
"""What every record of a coding agent repeats."""


class Spans:
    """The spans of a trace, while fields of theirs that are empty are filled."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._original = {span.span_id: span for span in spans}
        self._current = dict(self._original)
        self._events: dict[str, list[Mapping[str, Any]]] = defaultdict(list)

    def __iter__(self) -> Iterator[Span]:
        return iter(list(self._current.values()))

    def get(self, span_id: str | None) -> Span | None:
        """The span of this id, as it is by now."""
        return self._current.get(span_id or "")

    def reported_by(self, scope: str) -> bool:
        """Whether a span of an instrumentation came whose scope begins so."""
        return any(reporter(span).startswith(scope) for span in self._original.values())

    def of_kind(self, kind: str) -> list[Span]:
        """The spans of a kind."""
        return [span for span in self._current.values() if span.kind == kind]

    def put(self, span: Span) -> None:
        """Add a span, or put it in the place of the one with its id."""
        self._current[span.span_id] = span

    def fill(self, span_id: str, attributes: Mapping[str, Any], **fields: Any) -> None:
        """Fill the fields, and add the attributes, that the span lacks."""
        span = self._current[span_id]
        empty = {
            key: value
            for key, value in fields.items()
            if value is not None and getattr(span, key) is None
        }
        self._current[span_id] = span._replace(
            attributes={**span.attributes, **_missing(attributes, span.attributes)}, **empty
        )

    def note(self, event_: Mapping[str, Any], span_id: str | None) -> None:
        """Add an event to a span, or to the trace's first where the trace has no such span."""
        span = self.get(span_id) or self.root()
        if span is not None:
            self._events[span.span_id].append(event_)

    def mark(self, log: Log) -> None:
        """Carry over what storing a record took from it, to the span that it names."""
        span = self.get(log.span_id) or self.root()
        if span is None:
            return
        marks = {key: log.attributes[key] for key in (CAPTURE,) if key in log.attributes}
        count, earlier_count = log.attributes.get(REDACTED), span.attributes.get(REDACTED)
        if isinstance(count, int):
            marks[REDACTED] = count + (earlier_count if isinstance(earlier_count, int) else 0)
        if marks:
            self._current[span.span_id] = span._replace(attributes={**span.attributes, **marks})

    def root(self) -> Span | None:
        """The span without a parent in the trace; of several the earliest."""
        return min(
            self._current.values(),
            key=lambda span: (span.parent_span_id in self._current, span.start_ns, span.span_id),
            default=None,
        )

    def changed(self, left_out: int = 0) -> list[Span]:
        """The spans that are new or not as they came.

        `left_out` records were too many to be looked at; the trace's first span says so.
        """
        root = self.root()
        if root is not None and left_out:
            self._events[root.span_id] += []
        for span_id, events in self._events.items():
            beyond = left_out if root is not None and span_id == root.span_id else 0
            self._current[span_id] = _with_events(self._current[span_id], events, beyond)
        return [
            span for span_id, span in self._current.items() if span != self._original.get(span_id)
        ]


def _with_events(span: Span, events: Sequence[Mapping[str, Any]], beyond: int) -> Span:
    attributes = dict(span.attributes)
    # An attribute of that name may be the program's own.
    key = "events" if isinstance(attributes.get("events", []), list) else "span.events"
    earlier_events = attributes.get(key, [])
    attributes[key] = [*earlier_events, *events[: max(0, EVENTS_KEPT - len(earlier_events))]]
    if beyond := beyond + len(earlier_events) + len(events) - len(attributes[key]):
        attributes[LEFT_OUT] = beyond
    return span._replace(
        attributes={name: value for name, value in attributes.items() if value != []}
    )


def _missing(attributes: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key not in present}


def match_logs(
    logs: Iterable[Log],
    spans: Iterable[Span],
    key_of_log: Callable[[Log], Hashable],
    key_of_span: Callable[[Span], Hashable],
) -> list[tuple[Log, Span]]:
    """Records, in order, with the spans that they are about: equal keys, nearest ends, one to one.

    The key alone would do were ids never used twice; behind some gateways they are.
    """
    by_key: dict[Hashable, list[tuple[int, str, Span]]] = defaultdict(list)
    for span in spans:
        if (key := key_of_span(span)) is not None:
            by_key[key].append((span.end_ns or span.start_ns, span.span_id, span))
    for ends in by_key.values():
        ends.sort()
    return list(
        one_to_one(
            Candidate((abs(end - log.time_ns), index, span_id), (index, span_id), log, span)
            for index, log in enumerate(logs)
            for end, span_id, span in nearest_in_time(
                by_key.get(key_of_log(log), ()), log.time_ns, _NEAREST
            )
        )
    )


def own_attributes(log: Log, without: Iterable[str] = ()) -> dict[str, Any]:
    """What a record says that neither its session, its resource nor its scope says anyway."""
    left_out = (
        _REPEATED_ATTRIBUTES.union(without)
        if log.scope.startswith((CLAUDE_CODE, CODEX))
        else without
    )
    return {
        key: value
        for key, value in log.attributes.items()
        if key not in left_out and not key.startswith(("resource.", "scope.", "clustertrace."))
    }


def shared_attributes(log: Log, *names: str) -> dict[str, Any]:
    """What a record says of its resource and scope, and under these names."""
    return {
        key: value
        for key, value in log.attributes.items()
        if key.startswith(("resource.", "scope.")) or key in names
    }


def event_of_log(log: Log) -> dict[str, Any]:
    """A record as an event of a span."""
    event_: dict[str, Any] = {"name": log.name or "log", "time_unix_nano": log.time_ns}
    attributes = own_attributes(log)
    if attributes:
        event_["attributes"] = attributes
    if log.body is not None and log.body != log.name:
        event_["body"] = log.body
    return event_


def start_of_log(log: Log) -> int:
    """When what a record tells of began: it is written at the end, with the duration."""
    duration_ms = log.attributes.get("duration_ms")
    if (
        not isinstance(duration_ms, int | float)
        or isinstance(duration_ms, bool)
        or not 0 <= duration_ms < 1e12
    ):
        duration_ms = 0
    return max(1, log.time_ns - round(duration_ms * 1e6))


def span_of_log(
    trace_id: str,
    span_id: str,
    parent: str | None,
    name: str,
    log: Log,
    attributes: Mapping[str, Any],
) -> Span:
    """A span for what a record tells of, read by the dialect of the record's scope."""
    raw = RawSpan(
        trace_id,
        span_id,
        parent,
        name,
        min(start_of_log(log), MAX_NS),
        max(1, log.time_ns),
        0,
        "",
        {**attributes, MADE_FROM: "logs"},
        [],
        {},
        Origin(None, {}, log.scope),
    )
    return resolve(raw)[0]
