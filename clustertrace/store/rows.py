"""Spans as rows: binary ids and JSON text on the inside, the neutral record on the outside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from clustertrace.model import EMPTY, INTERNAL, MODEL_KINDS, Span
from clustertrace.understanding.reports import RESPONSE_ID, SCOPE, reporter, response_id

__all__ = [
    "ATTRIBUTES",
    "END",
    "JSON_TEXTS",
    "NAME",
    "ORIGIN",
    "SAID",
    "SEQ",
    "SLIM_COLUMNS",
    "SPAN_COLUMNS",
    "START",
    "STATUS",
    "TEXTS",
    "USERS_WORDS",
    "json_text",
    "json_value",
    "slim_span",
    "span_of_row",
    "span_row",
]

_SLIM_NAMES: Final = (
    *("trace_id", "span_id", "ordinal", "parent_span_id", "name", "kind", "status"),
    *("start_ns", "end_ns", "error_type", "error_message", "model", "provider"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "cost_usd", "finish_reason", "scope", "response_id", "internal"),
)
"""The columns of a span without its payload, in the order of the table."""

PAYLOAD: Final = ("input", "output", "attributes", "extra")

SLIM_COLUMNS: Final = ", ".join(_SLIM_NAMES)
SPAN_COLUMNS: Final = ", ".join((*_SLIM_NAMES, *PAYLOAD))
USERS_WORDS: Final = "kind, input, CASE WHEN kind = 'user' THEN output END"
"""The payload in which a user's words may stand: only their own turns have them in the output."""


DEEPEST: Final = 200
"""Levels of a stored value; what is deeper stands there as JSON text. Every reader and writer takes
so many, with what a face or a file puts around them (orjson writes 254)."""

_LARGE_TEXT: Final = 1 << 20
"""Characters from which a deep value becomes one text: flattening takes a second a million."""

_TOO_DEEP: Final = '"[nested too deeply to be stored]"'


def json_text(value: Any) -> str | None:
    """JSON text of a plain value; a null stays a null. Never raises on what a parser can make.

    It is never nested deeper than `DEEPEST` levels.
    """
    if value is None:
        return None
    try:
        text = orjson.dumps(value)
    except (TypeError, UnicodeEncodeError):
        return _robust_json(value)
    # Most texts open fewer levels in all.
    if text.count(b"[") + text.count(b"{") > DEEPEST and _is_deeper(value):
        return _robust_json(value)
    return text.decode()


def _is_deeper(value: Any) -> bool:
    """Whether a value has more than `DEEPEST` levels, asked of the writer: it is quick and takes
    254, so that it refuses one with too many that stands within 54 more."""
    for _ in range(254 - DEEPEST):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return True
    return False


def _robust_json(value: Any) -> str:
    """For what the fast writer refuses: numbers past 64 bits, lone surrogates, great depth."""
    text = _standard_json(value)
    if not _is_deep_text(text):
        return text
    return (
        json.dumps(text) if len(text) > _LARGE_TEXT else _standard_json(_flattened(value, DEEPEST))
    )


def _is_deep_text(text: str) -> bool:
    """Whether a text has too many levels, or is the note in place of what could not be written."""
    try:
        return text == _TOO_DEEP or _is_deeper(orjson.loads(text))
    except orjson.JSONDecodeError:
        return True


def _standard_json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (ValueError, RecursionError):
        text = _TOO_DEEP
    return text.encode("utf-8", "replace").decode("utf-8")


def _flattened(value: Any, levels: int) -> Any:
    """A value whose parts below so many levels are JSON texts."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return _standard_json(value)
    if isinstance(value, list):
        return [_flattened(item, levels - 1) for item in value]
    return {key: _flattened(part, levels - 1) for key, part in value.items()}


def json_value(text: str | None) -> Any:
    """The value of JSON text that `json_text` wrote."""
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


SEQ: Final = 2
NAME: Final = 5
STATUS: Final = 7
START: Final = 8
END: Final = 9
ORIGIN: Final = 21
SAID: Final = 25
"""Where in a row of `spans` these columns are; `SAID` is the first of the payload."""

ATTRIBUTES: Final = 27
JSON_TEXTS: Final = frozenset({25, 26, 27, 28})
TEXTS: Final = {
    5: "name",
    10: "error_type",
    11: "error_message",
    12: "model",
    13: "provider",
    20: "finish_reason",
    22: "scope",
    23: "response_id",
    25: "input",
    26: "output",
    27: "attributes",
    28: "extra",
}
"""Where the row holds texts of the user's, and the names of their fields."""


def span_row(span: Span, origin: str | None) -> tuple[Any, ...]:
    """A span as a row of `spans`, in the order of the table's columns, not numbered yet."""
    parent = span.parent_span_id
    running = span.status == "running"
    return (
        bytes.fromhex(span.trace_id),
        bytes.fromhex(span.span_id),
        0,
        span.ordinal,
        None if parent is None else bytes.fromhex(parent),
        span.name,
        span.kind,
        span.status,
        span.start_ns,
        span.end_ns,
        span.error_type,
        span.error_message,
        span.model,
        span.provider,
        span.input_tokens,
        span.output_tokens,
        span.cache_read_tokens,
        span.cache_write_tokens,
        span.reasoning_tokens,
        span.cost_usd,
        span.finish_reason,
        origin if running else None,
        *_settling_marks(span),
        json_text(span.input),
        json_text(span.output),
        json_text(span.attributes) if span.attributes else None,
        json_text(span.extra) if span.extra else None,
    )


def _settling_marks(span: Span) -> tuple[str | None, str | None, int | None]:
    """What settling needs to know of the attributes: `scope`, `response_id`, `internal`."""
    internal = 1 if INTERNAL in span.attributes else None
    if span.kind in MODEL_KINDS:
        return reporter(span), response_id(span), internal
    return None, None, internal


def span_of_row(row: Sequence[Any]) -> Span:
    """A span from its `SPAN_COLUMNS`."""
    slim = slim_span(row, json_value(row[23]), json_value(row[24]))
    return slim._replace(attributes=_mapping(row[25]), extra=_mapping(row[26]))


def slim_span(row: Sequence[Any], input_value: Any = None, output_value: Any = None) -> Span:
    """A span from its `SLIM_COLUMNS`, with the attributes of `_settling_marks` alone.

    Its payload is not among them; whoever has read its input and output gives them.
    """
    parent = row[3]
    return Span(
        row[0].hex(),
        row[1].hex(),
        None if parent is None else parent.hex(),
        row[4],
        row[5],
        row[6],
        row[7],
        row[8],
        input_value,
        output_value,
        row[9],
        row[10],
        row[11],
        row[12],
        row[13],
        row[14],
        row[15],
        row[16],
        row[17],
        row[18],
        row[19],
        EMPTY if row[20] is None and row[22] is None else _attributes_of_marks(*row[20:23]),
        EMPTY,
        row[2],
    )


def _attributes_of_marks(
    scope: str | None, response: str | None, internal: int | None
) -> Mapping[str, Any]:
    marks: dict[str, Any] = {}
    if scope is not None:
        marks[SCOPE] = scope
    if response is not None:
        marks[RESPONSE_ID] = response
    if internal:
        marks[INTERNAL] = True
    return marks


def _mapping(text: str | None) -> Mapping[str, Any]:
    return EMPTY if text is None else json_value(text)
