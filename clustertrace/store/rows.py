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
    "COLUMNS",
    "END",
    "INPUT",
    "JSON_TEXTS",
    "NAME",
    "ORIGIN",
    "PARENT",
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

PAYLOAD: Final = ("input", "output", "attributes", "extra")

COLUMNS: Final = (
    *("trace_id", "span_id", "seq", "ordinal", "parent_span_id", "name", "kind", "status"),
    *("start_ns", "end_ns", "error_type", "error_message", "model", "provider"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "cost_usd", "finish_reason", "origin", "scope", "response_id"),
    *("internal", *PAYLOAD),
)
"""The columns of `spans`, in the order of the table."""

SEQ: Final = COLUMNS.index("seq")
PARENT: Final = COLUMNS.index("parent_span_id")
NAME: Final = COLUMNS.index("name")
STATUS: Final = COLUMNS.index("status")
START: Final = COLUMNS.index("start_ns")
END: Final = COLUMNS.index("end_ns")
ORIGIN: Final = COLUMNS.index("origin")
INPUT: Final = COLUMNS.index("input")
ATTRIBUTES: Final = COLUMNS.index("attributes")
"""Where in a row of `spans` these columns are; from `INPUT` on it holds the payload."""

JSON_TEXTS: Final = frozenset(map(COLUMNS.index, PAYLOAD))
"""Where in a row of `spans` JSON texts are."""

TEXTS: Final = {
    COLUMNS.index(name): name
    for name in (
        *("name", "error_type", "error_message", "model", "provider", "finish_reason"),
        *("scope", "response_id", *PAYLOAD),
    )
}
"""Where in a row of `spans` texts of the user's are, and the names of their fields."""

_SLIM_NAMES: Final = tuple(name for name in COLUMNS if name not in ("seq", "origin", *PAYLOAD))
"""The columns of a span without its payload, in the order of the table."""

_SPAN_NAMES: Final = (*_SLIM_NAMES, *PAYLOAD)

SLIM_COLUMNS: Final = ", ".join(_SLIM_NAMES)
SPAN_COLUMNS: Final = ", ".join(_SPAN_NAMES)

_AT_TRACE_ID: Final = _SPAN_NAMES.index("trace_id")
_AT_SPAN_ID: Final = _SPAN_NAMES.index("span_id")
_AT_ORDINAL: Final = _SPAN_NAMES.index("ordinal")
_AT_PARENT_SPAN_ID: Final = _SPAN_NAMES.index("parent_span_id")
_AT_NAME: Final = _SPAN_NAMES.index("name")
_AT_KIND: Final = _SPAN_NAMES.index("kind")
_AT_STATUS: Final = _SPAN_NAMES.index("status")
_AT_START_NS: Final = _SPAN_NAMES.index("start_ns")
_AT_END_NS: Final = _SPAN_NAMES.index("end_ns")
_AT_ERROR_TYPE: Final = _SPAN_NAMES.index("error_type")
_AT_ERROR_MESSAGE: Final = _SPAN_NAMES.index("error_message")
_AT_MODEL: Final = _SPAN_NAMES.index("model")
_AT_PROVIDER: Final = _SPAN_NAMES.index("provider")
_AT_INPUT_TOKENS: Final = _SPAN_NAMES.index("input_tokens")
_AT_OUTPUT_TOKENS: Final = _SPAN_NAMES.index("output_tokens")
_AT_CACHE_READ_TOKENS: Final = _SPAN_NAMES.index("cache_read_tokens")
_AT_CACHE_WRITE_TOKENS: Final = _SPAN_NAMES.index("cache_write_tokens")
_AT_REASONING_TOKENS: Final = _SPAN_NAMES.index("reasoning_tokens")
_AT_COST_USD: Final = _SPAN_NAMES.index("cost_usd")
_AT_FINISH_REASON: Final = _SPAN_NAMES.index("finish_reason")
_AT_SCOPE: Final = _SPAN_NAMES.index("scope")
_AT_RESPONSE_ID: Final = _SPAN_NAMES.index("response_id")
_AT_INTERNAL: Final = _SPAN_NAMES.index("internal")
_AT_INPUT: Final = _SPAN_NAMES.index("input")
_AT_OUTPUT: Final = _SPAN_NAMES.index("output")
_AT_ATTRIBUTES: Final = _SPAN_NAMES.index("attributes")
_AT_EXTRA: Final = _SPAN_NAMES.index("extra")
"""Where in a row of `SPAN_COLUMNS`, and so in one of `SLIM_COLUMNS`, these are. Constants, because
every span that is read passes here: to unpack the row takes a sixth longer."""

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
    slim = slim_span(row, json_value(row[_AT_INPUT]), json_value(row[_AT_OUTPUT]))
    attributes, extra = _mapping(row[_AT_ATTRIBUTES]), _mapping(row[_AT_EXTRA])
    return slim._replace(attributes=attributes, extra=extra)


def slim_span(row: Sequence[Any], input_value: Any = None, output_value: Any = None) -> Span:
    """A span from its `SLIM_COLUMNS`, with the attributes of `_settling_marks` alone.

    Its payload is not among them; whoever has read its input and output gives them.
    """
    parent = row[_AT_PARENT_SPAN_ID]
    scope, internal = row[_AT_SCOPE], row[_AT_INTERNAL]
    return Span(
        row[_AT_TRACE_ID].hex(),
        row[_AT_SPAN_ID].hex(),
        None if parent is None else parent.hex(),
        row[_AT_NAME],
        row[_AT_KIND],
        row[_AT_STATUS],
        row[_AT_START_NS],
        row[_AT_END_NS],
        input_value,
        output_value,
        row[_AT_ERROR_TYPE],
        row[_AT_ERROR_MESSAGE],
        row[_AT_MODEL],
        row[_AT_PROVIDER],
        row[_AT_INPUT_TOKENS],
        row[_AT_OUTPUT_TOKENS],
        row[_AT_CACHE_READ_TOKENS],
        row[_AT_CACHE_WRITE_TOKENS],
        row[_AT_REASONING_TOKENS],
        row[_AT_COST_USD],
        row[_AT_FINISH_REASON],
        EMPTY
        if scope is None and internal is None
        else _attributes(scope, row[_AT_RESPONSE_ID], internal),
        EMPTY,
        row[_AT_ORDINAL],
    )


def _attributes(scope: str | None, response: str | None, internal: int | None) -> Mapping[str, Any]:
    """The attributes that `_settling_marks` were read from."""
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
