"""Raw spans → the neutral record, through every dialect at once.

A value that fills a field leaves the attributes; one that loses to a better key, or fits no field,
stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.content import (
    assembled_reply,
    finish_reason,
    tool_message_content,
    unwrapped_tool_payload,
    with_system,
)
from clustertrace.conventions.dialect import STANDARD, Field
from clustertrace.conventions.events import EventFacts, read_events
from clustertrace.conventions.indexed import unflatten
from clustertrace.conventions.naming import shown_name, vendor_of
from clustertrace.conventions.raw import ERROR, RawSpan
from clustertrace.conventions.readers import scalar, text, word
from clustertrace.conventions.routes import COMPOSITE, Routes, routes_of
from clustertrace.conventions.usage import input_with_cached, usage_of
from clustertrace.model import MODEL_KINDS, Span

__all__ = ["resolve"]

_AROUND_CALLS: Final = frozenset({"agent", "chain"})
"""Kinds of spans that model calls are in; what such a span was given is its own input."""

_ORIGINAL_NAME: Final = "otel.name"
"""The attribute that keeps a span's name where another is shown."""

# Plain integers: an attribute of an enum class costs more than the look-up that it serves.
_KIND, _MODEL, _PROVIDER = int(Field.KIND), int(Field.MODEL), int(Field.PROVIDER)
_INPUT, _OUTPUT, _SYSTEM = int(Field.INPUT), int(Field.OUTPUT), int(Field.SYSTEM)
_BARE_INPUT, _BARE_OUTPUT = int(Field.BARE_INPUT), int(Field.BARE_OUTPUT)
_CONTENT_PAIRS: Final = ((_INPUT, _BARE_INPUT), (_OUTPUT, _BARE_OUTPUT))
_MIME_KEYS: Final = ((_BARE_INPUT, "input.mime_type"), (_BARE_OUTPUT, "output.mime_type"))
"""What says of a content that it is JSON."""
_IN_TOKENS, _FRESH_TOKENS, _OUT_TOKENS = (
    int(Field.INPUT_TOKENS),
    int(Field.FRESH_INPUT_TOKENS),
    int(Field.OUTPUT_TOKENS),
)
_READ_TOKENS, _WRITE_TOKENS = int(Field.CACHE_READ_TOKENS), int(Field.CACHE_WRITE_TOKENS)
_REASONING, _COST, _FINISH = (
    int(Field.REASONING_TOKENS),
    int(Field.COST_USD),
    int(Field.FINISH_REASON),
)
_FAILED, _SESSION = int(Field.FAILED), int(Field.SESSION)
_ERROR_TYPE, _ERROR_MESSAGE = int(Field.ERROR_TYPE), int(Field.ERROR_MESSAGE)
_FIRST_NS, _FIRST_SECONDS = int(Field.FIRST_TOKEN_NS), int(Field.FIRST_TOKEN_SECONDS)
_TOOL_NAME: Final = int(Field.TOOL_NAME)
_RESPONSE_ID: Final = int(Field.RESPONSE_ID)

_STANDARD: Final = tuple((int(field), key) for field, key in STANDARD.items())
_NO_FIELDS: Final = [None] * len(Field)
_CONTENT: Final = slice(_INPUT, int(Field.SAID_CALLS) + 1)
_PIECES: Final = slice(int(Field.SAID_TEXT), int(Field.SAID_CALLS) + 1)
_FACTS: Final = slice(_TOOL_NAME, len(Field))
_NO_CONTENT: Final = _NO_FIELDS[_CONTENT]
_NO_PIECES: Final = _NO_FIELDS[_PIECES]
_NO_FACTS: Final = _NO_FIELDS[_FACTS]
"""Parts of a span's fields, and what they look like when it has none of them."""


def resolve(raw: RawSpan) -> tuple[Span, str | None]:
    """The span that a raw span stands for, and the session that it names."""
    routes = routes_of(raw.origin.scope)
    rest = {**raw.origin.attributes, **raw.about}
    fields, keys = _read_attributes(routes, raw.attributes, rest)
    failed = raw.status_code == ERROR or fields[_FAILED] is True
    if raw.events:
        event_facts = read_events(raw.events, routes, fields, rest, failed=failed)
    else:
        event_facts = _NO_EVENT_FACTS
    kind = fields[_KIND] or _guess_kind(fields)
    if fields[_CONTENT] != _NO_CONTENT:
        _settle_content(kind, event_facts, fields, keys, raw.attributes, rest)
    if fields[_FACTS] != _NO_FACTS:
        _place_standard(raw, fields, rest)
    if not failed:
        for field in (_ERROR_TYPE, _ERROR_MESSAGE):
            if keys[field] is not None:
                rest[keys[field]] = fields[field]
    name = shown_name(kind, raw.name, fields)
    if name != raw.name:
        rest[_ORIGINAL_NAME] = raw.name
    span = Span(
        raw.trace_id,
        raw.span_id,
        raw.parent_span_id,
        name,
        kind,
        "error" if failed else "running" if raw.end_ns is None else "ok",
        raw.start_ns,
        raw.end_ns,
        fields[_INPUT],
        fields[_OUTPUT],
        (fields[_ERROR_TYPE] or event_facts.error_type) if failed else None,
        (event_facts.error_message or raw.status_message or fields[_ERROR_MESSAGE])
        if failed
        else None,
        fields[_MODEL],
        fields[_PROVIDER] or (vendor_of(fields[_MODEL]) if fields[_MODEL] else None),
        input_with_cached(
            fields[_IN_TOKENS],
            fields[_FRESH_TOKENS],
            (fields[_READ_TOKENS] or 0) + (fields[_WRITE_TOKENS] or 0),
        ),
        fields[_OUT_TOKENS],
        fields[_READ_TOKENS],
        fields[_WRITE_TOKENS],
        fields[_REASONING],
        fields[_COST],
        fields[_FINISH],
        rest,
    )
    return span if routes.refine is None else routes.refine(span, raw), fields[_SESSION]


_NO_EVENT_FACTS: Final = EventFacts()


def _read_attributes(
    routes: Routes, attributes: Mapping[str, Any], rest: dict[str, Any]
) -> tuple[list[Any], list[Any]]:
    """Fields from attributes, and the key that each came from; `rest` takes what is left."""
    fields: list[Any] = _NO_FIELDS.copy()
    keys: list[Any] = _NO_FIELDS.copy()
    table, family = routes.keys, routes.prefix.match
    flat_pairs: dict[str, list[tuple[str, Any]]] | None = None
    composite_keys: list[str] | None = None
    for key, value in attributes.items():
        route = table.get(key)
        if route is None:
            rest[key] = value
            prefix = family(key)
            if prefix is not None:
                flat_pairs = flat_pairs or {}
                flat_pairs.setdefault(prefix[0], []).append((key, value))
            continue
        field, rank, read, stays = route
        field_value = read(value)
        if field_value is None:
            rest[key] = value
            if field == COMPOSITE:
                composite_keys = [*(composite_keys or ()), key]
            continue
        if stays:
            rest[key] = value
        other_key = keys[field]
        is_better = other_key is None or rank < table[other_key][1]
        if other_key is not None and fields[field] != field_value:
            lost_key = other_key if is_better else key
            rest[lost_key] = attributes[lost_key]
        if is_better:
            fields[field], keys[field] = field_value, key
    if flat_pairs:
        _read_flat_keys(routes, flat_pairs, fields, rest)
    if composite_keys:
        _read_composites(routes, composite_keys, attributes, fields, rest)
    return fields, keys


def _read_flat_keys(
    routes: Routes,
    flat_pairs: Mapping[str, list[tuple[str, Any]]],
    fields: list[Any],
    rest: dict[str, Any],
) -> None:
    # LangChain's chains name only the first message of what they were given.
    is_around_calls = fields[_KIND] in _AROUND_CALLS and fields[_BARE_INPUT] is not None
    for prefix, pairs in flat_pairs.items():
        field = routes.families[prefix]
        if fields[field] is None and not (field == _INPUT and is_around_calls):
            fields[field] = unflatten((key[len(prefix) :], value) for key, value in pairs)
            for key, _ in pairs:
                del rest[key]


def _read_composites(
    routes: Routes,
    composite_keys: list[str],
    attributes: Mapping[str, Any],
    fields: list[Any],
    rest: dict[str, Any],
) -> None:
    for key in sorted(composite_keys, key=lambda key: routes.composites[key][0]):
        fills_content = False
        for field, value in routes.composites[key][1](attributes[key]):
            if value is not None and fields[field] is None:
                fields[field] = value
                fills_content = fills_content or field in (_INPUT, _OUTPUT)
        if fills_content:
            # Content is kept once.
            del rest[key]


def _settle_content(
    kind: str,
    event_facts: EventFacts,
    fields: list[Any],
    keys: list[Any],
    attributes: Mapping[str, Any],
    rest: dict[str, Any],
) -> None:
    """Choose between structured and bare content, and bring it into its usual shape."""
    _read_scalars(fields, keys, attributes)
    if fields[_OUTPUT] is None:
        fields[_OUTPUT] = assembled_reply(fields)
    elif fields[_PIECES] != _NO_PIECES:
        rest.update((key, attributes[key]) for key in keys[_PIECES] if key is not None)
    for structured, bare in _CONTENT_PAIRS:
        if fields[structured] is None:
            fields[structured], keys[structured] = fields[bare], keys[bare]
        elif keys[bare] is not None:
            rest[keys[bare]] = attributes[keys[bare]]
    if kind == "tool":
        _unwrap_tool_content(event_facts, fields, keys, attributes, rest)
    if kind in MODEL_KINDS:
        _read_payloads(kind, fields[_BARE_INPUT], fields[_BARE_OUTPUT], fields)
    if kind == "llm" and fields[_FINISH] is None:
        fields[_FINISH] = finish_reason(fields[_OUTPUT])
    if fields[_SYSTEM] is not None:
        if isinstance(fields[_INPUT], list):
            fields[_INPUT] = with_system(fields[_SYSTEM], fields[_INPUT])
        else:
            rest[keys[_SYSTEM] or "gen_ai.system_instructions"] = fields[_SYSTEM]


def _read_scalars(fields: list[Any], keys: list[Any], attributes: Mapping[str, Any]) -> None:
    """Numbers and truths that are called JSON; texts are left to those that say they are none."""
    for bare, mime in _MIME_KEYS:
        content = attributes.get(keys[bare] or "")
        is_json = attributes.get(mime) == "application/json"
        if is_json and isinstance(content, str) and content is fields[bare]:
            fields[bare] = scalar(content)


def _read_payloads(kind: str, request: Any, response: Any, fields: list[Any]) -> None:
    """What only the whole request, or the vendor's whole response, tells."""
    if fields[_MODEL] is None and isinstance(request, dict):
        fields[_MODEL] = text(request.get("model"))
    if not isinstance(response, dict):
        return
    if kind == "llm":
        fields[_RESPONSE_ID] = fields[_RESPONSE_ID] or word(response.get("id"))
        fields[_FINISH] = fields[_FINISH] or finish_reason(response)
    if not any(fields[field] is not None for field in (_IN_TOKENS, _FRESH_TOKENS, _OUT_TOKENS)):
        for field, tokens in usage_of(response):
            if fields[field] is None:
                fields[field] = tokens


def _unwrap_tool_content(
    event_facts: EventFacts,
    fields: list[Any],
    keys: list[Any],
    attributes: Mapping[str, Any],
    rest: dict[str, Any],
) -> None:
    """Bare arguments and results of a tool; a wrapping that an attribute had stays there."""
    for field in (_INPUT, _OUTPUT):
        value = fields[field]
        if event_facts.messages:
            fields[field] = tool_message_content(value)
        elif isinstance(value, dict) and keys[field] is not None:
            fields[field] = unwrapped_tool_payload(value)
            if fields[field] is not value:
                rest[keys[field]] = attributes[keys[field]]


def _place_standard(raw: RawSpan, fields: list[Any], rest: dict[str, Any]) -> None:
    """Facts without a field stand under their standard names, whatever they came as."""
    if fields[_FIRST_NS] is not None and fields[_FIRST_SECONDS] is None:
        fields[_FIRST_SECONDS] = max(0, fields[_FIRST_NS] - raw.start_ns) / 1e9
    for field, key in _STANDARD:
        if fields[field] is not None:
            rest.setdefault(key, fields[field])


def _guess_kind(fields: list[Any]) -> str:
    """The kind of a span that names none."""
    if fields[_MODEL] and (fields[_IN_TOKENS] is not None or fields[_OUT_TOKENS] is not None):
        return "llm"
    if fields[_TOOL_NAME]:
        return "tool"
    return "chain"
