"""An OTLP trace request, in either encoding, → spans and what is said about their traces.

Pure: the same bytes always give the same records, and the two encodings of one request give the
same spans. https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from clustertrace.conventions.dialect import STANDARD, Field
from clustertrace.conventions.otlp.traces_json import read_json
from clustertrace.conventions.otlp.traces_protobuf import read_protobuf
from clustertrace.conventions.raw import RawSpan
from clustertrace.conventions.readers import number, text
from clustertrace.conventions.resolve import resolve
from clustertrace.model import Batch, Metric, Span, TraceFacts

__all__ = [
    "OUTCOME",
    "REASON",
    "TAG",
    "Received",
    "decode_json",
    "decode_protobuf",
    "received",
    "slices_of_json",
    "slices_of_protobuf",
]

OUTCOME: Final = "clustertrace.outcome"
REASON: Final = "clustertrace.outcome_reason"
TAG: Final = "clustertrace.tag."
"""Attributes by which a root span says of its run what `clustertrace.outcome` and `tag` do."""

_EVALUATIONS: Final = STANDARD[Field.EVALUATIONS]


class Received(NamedTuple):
    """What a request held: a batch to write, and why the rest of it is not in there."""

    batch: Batch
    rejected: list[str]
    """Why a span, record or metric could not be used; one reason each."""
    left: Sequence[str] = ()
    """Why one that could be read is not kept: it belongs to no run, or says nothing new."""


def decode_protobuf(body: bytes | bytearray) -> Received:
    """Decode application/x-protobuf. Raises BadInput when the body is no trace request."""
    return received(read_protobuf(body))


def decode_json(body: bytes | bytearray) -> Received:
    """Decode application/json. Raises BadInput when the body is no trace request."""
    return received(read_json(body))


def slices_of_protobuf(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """As `decode_protobuf`, at most `size` spans at a time, to hold few of them in memory."""
    return _slices(read_protobuf(body), size)


def slices_of_json(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """As `decode_json`, at most `size` spans at a time, to hold few of them in memory."""
    return _slices(read_json(body), size)


def _slices(raws: Iterator[RawSpan | str], size: int) -> Iterator[Received]:
    while chunk := list(islice(raws, size)):
        yield received(chunk)


def received(raws: Iterable[RawSpan | str]) -> Received:
    """Raw spans, or why there is none, as records."""
    spans: list[Span] = []
    scores: list[TraceFacts] = []
    rejected: list[str] = []
    sessions: dict[str, str] = {}
    roots: dict[str, TraceFacts] = {}
    for raw in raws:
        if isinstance(raw, str):
            rejected.append(raw)
            continue
        try:
            span, session = resolve(raw)
        except Exception as error:
            # Ours to mend; until then it costs no other span of its request.
            rejected.append(f"span {raw.name!r:.200}: it can't be read ({type(error).__name__})")
            continue
        spans.append(span)
        if _EVALUATIONS in span.attributes:
            scores += _score_facts(span)
        if session is not None:
            sessions.setdefault(raw.trace_id, session)
        # The root alone speaks for its trace, so that the order of arrival decides nothing.
        if raw.parent_span_id is None:
            root_facts = _root_facts(raw)
            if root_facts is not None:
                roots[raw.trace_id] = root_facts
    facts = [
        roots.get(trace_id, TraceFacts(trace_id))._replace(session_id=sessions.get(trace_id))
        for trace_id in dict.fromkeys((*sessions, *roots))
    ]
    return Received(Batch(spans, facts + scores), rejected)


def _root_facts(raw: RawSpan) -> TraceFacts | None:
    """What a root span says of its trace: its service, outcome and tags."""
    attributes = raw.attributes
    tags = {key[len(TAG) :]: str(attributes[key]) for key in attributes if key.startswith(TAG)}
    if raw.origin.service is not None:
        tags.setdefault("service", raw.origin.service)
    outcome = attributes.get(OUTCOME)
    if outcome not in ("pass", "fail"):
        return TraceFacts(raw.trace_id, tags=tags) if tags else None
    reason = text(attributes.get(REASON))
    return TraceFacts(raw.trace_id, outcome=outcome, outcome_reason=reason, tags=tags)


def _score_facts(span: Span) -> Iterator[TraceFacts]:
    """What evaluations of a span found, as metrics of it."""
    evaluations = span.attributes[_EVALUATIONS]
    for evaluation in evaluations if isinstance(evaluations, list) else ():
        if isinstance(evaluation, dict):
            name, score = text(evaluation.get("name")), number(evaluation.get("score"))
            if name is not None and score is not None:
                metric = Metric(name, score, span.start_ns, span.span_id)
                yield TraceFacts(span.trace_id, metrics=(metric,))
