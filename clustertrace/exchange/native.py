"""The native format: JSON Lines, one whole trace a line (`"format": "clustertrace/1"`).

`export` writes it and `import` reads it; docs/native-format.md is its description for others.
A missing key is a null. Keys that this version does not know are kept, on the trace and on each
span, and written back, so that a newer clustertrace's files survive an older one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from clustertrace.errors import BadInput
from clustertrace.exchange.reading import Source
from clustertrace.model import EMPTY, TRACE_STATUSES, Span, Trace, TraceFacts
from clustertrace.wire import (
    facts_from_dict,
    loads,
    metric_to_dict,
    span_from_dict,
    span_to_dict,
    time_of,
    trace_id_of,
)

__all__ = [
    "FORMAT",
    "SPAN_KEYS",
    "TRACE_KEYS",
    "dump_trace",
    "parse_trace",
    "trace_to_dict",
    "traces_of",
]

FORMAT: Final = "clustertrace/1"

TRACE_KEYS: Final = (
    "format",
    "trace_id",
    "name",
    "status",
    "outcome",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "session_id",
    "tags",
    "metrics",
    "spans",
)
"""The keys of a trace, in the order in which they are written. `outcome_reason` follows the
first eleven where a reason was given, and what the user said by hand (`_given`) stands last."""
_ANY_SPAN: Final = Span("0" * 32, "0" * 16, None, "", "chain", "ok", 0, None)
SPAN_KEYS: Final = tuple(span_to_dict(_ANY_SPAN))
"""The keys of a span, in the order in which they are written."""

_KNOWN_OF_TRACE: Final = frozenset({*TRACE_KEYS, "outcome_reason"})
_KNOWN_OF_SPAN: Final = frozenset(SPAN_KEYS)


def parse_trace(line: bytes) -> tuple[list[Span], TraceFacts]:
    """Read one line. Spans keep their place in the list as `ordinal`.

    Raises BadInput naming the key that can't be used.
    """
    record = loads(line)
    if not isinstance(record, dict):
        raise BadInput("a line must be a JSON object")
    if record.get("format") != FORMAT:
        raise BadInput(f'format must be "{FORMAT}", not {json.dumps(record.get("format"))[:40]}')
    trace_id = trace_id_of(record.get("trace_id"))
    return _spans(record.get("spans"), trace_id), _facts(record, trace_id)


def traces_of(source: Source) -> Iterator[tuple[list[Span], TraceFacts]]:
    """Read all lines, of a source that has to be right as a whole.

    Raises BadInput that names the source and the line which can't be used.
    """
    for number, line in source:
        try:
            yield parse_trace(line)
        except BadInput as error:
            raise BadInput(f"{source.name}, line {number}: {error}.") from None


def _spans(records: Any, trace_id: str) -> list[Span]:
    if not isinstance(records, list) or not records:
        raise BadInput("spans must be a list of at least one span")
    spans = []
    seen = set()
    for ordinal, record in enumerate(records):
        if not isinstance(record, dict):
            raise BadInput(f"spans[{ordinal}] must be an object")
        try:
            span = span_from_dict(record, trace_id, ordinal)
        except BadInput as error:
            raise BadInput(f"spans[{ordinal}]: {error}") from None
        if span.span_id in seen:
            raise BadInput(f"spans[{ordinal}]: span_id {span.span_id} occurs twice in this trace")
        seen.add(span.span_id)
        # A span on the wire may carry keys of its trace; in this format they are unknown ones.
        spans.append(span._replace(extra=_unknown(record, _KNOWN_OF_SPAN)))
    return spans


def _facts(record: dict[str, Any], trace_id: str) -> TraceFacts:
    status = record.get("status")
    if status is not None and (not isinstance(status, str) or status not in TRACE_STATUSES):
        raise BadInput(f"status must be ok, error, running or incomplete, not {status!r:.40}")
    given = _given(record)
    return facts_from_dict(record, trace_id)._replace(
        status=status,
        start_ns=time_of(record.get("start_time_unix_nano"), "start_time_unix_nano"),
        end_ns=time_of(record.get("end_time_unix_nano"), "end_time_unix_nano"),
        extra=_unknown(record, _KNOWN_OF_TRACE.union(given)),
        by_hand="outcome_by" in given,
        starred="starred" in given,
        note=given.get("note"),
    )


def _given(record: dict[str, Any]) -> dict[str, Any]:
    """What the user said by hand. A key of such a name in another shape stays an unknown one."""
    note = record.get("note")
    fits = {
        "outcome_by": record.get("outcome_by") == "user",
        "starred": record.get("starred") is True,
        "note": isinstance(note, str) and note != "",
    }
    return {key: record[key] for key, fitting in fits.items() if fitting}


def _unknown(record: dict[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    if known.issuperset(record):
        return EMPTY
    return {key: value for key, value in record.items() if key not in known}


def trace_to_dict(trace: Trace) -> dict[str, Any]:
    """The native keys of a trace, in the order of the format."""
    reason = {} if trace.outcome_reason is None else {"outcome_reason": trace.outcome_reason}
    given = {"outcome_by": trace.by_hand and "user", "starred": trace.starred, "note": trace.note}
    return {
        "format": FORMAT,
        "trace_id": trace.trace_id,
        "name": trace.name,
        "status": trace.status,
        "outcome": trace.outcome,
        "start_time_unix_nano": trace.start_ns,
        "end_time_unix_nano": trace.end_ns,
        "session_id": trace.session_id,
        "tags": trace.tags,
        "metrics": [metric_to_dict(metric) for metric in trace.metrics],
        "spans": [span_to_dict(span) for span in trace.spans],
        **reason,
        **trace.extra,
        **{key: value for key, value in given.items() if value},
    }


def dump_trace(trace: Trace) -> bytes:
    """Write one trace as a line, newline included. Equal traces give equal bytes."""
    record = trace_to_dict(trace)
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # Of a trace that no database has cut to size; the standard library takes more.
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
