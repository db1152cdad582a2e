"""Raw spans → the neutral record, through every dialect at once.

What fills a field leaves the attributes; what loses to a better key, or has no field, stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.content import (
    finish_reason,
    of_tool,
    reply,
    tool_message,
    with_system,
)
from clustertrace.conventions.dialect import STANDARD, Field
from clustertrace.conventions.events import Told, read_events
from clustertrace.conventions.indexed import unflatten
from clustertrace.conventions.naming import shown_name, vendor_of
from clustertrace.conventions.raw import ERROR, RawSpan
from clustertrace.conventions.readers import scalar, text, word
from clustertrace.conventions.routes import COMPOSITE, Routes, routes_of
from clustertrace.conventions.usage import inclusive, usage_of
from clustertrace.model import MODEL_KINDS, Span

__all__ = ["resolve"]

_ORIGINAL_NAME: Final = "otel.name"
"""The attribute that keeps a span's name where another is shown."""

# Plain integers: an attribute of an enum class costs more than the look-up that it serves.
_KIND, _MODEL, _PROVIDER = int(Field.KIND), int(Field.MODEL), int(Field.PROVIDER)
_INPUT, _OUTPUT, _SYSTEM = int(Field.INPUT), int(Field.OUTPUT), int(Field.SYSTEM)
_BARE_INPUT, _BARE_OUTPUT = int(Field.BARE_INPUT), int(Field.BARE_OUTPUT)
_CONTENT_PAIRS: Final = ((_INPUT, _BARE_INPUT), (_OUTPUT, _BARE_OUTPUT))
_MIMES: Final = ((_BARE_INPUT, "input.mime_type"), (_BARE_OUTPUT, "output.mime_type"))
"""What says of a content that it is JSON."""
_IN_TOKENS, _FRESH, _OUT_TOKENS = (
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
_NONE: Final = [None] * len(Field)
_CONTENT: Final = slice(_INPUT, int(Field.SAID_CALLS) + 1)
_PIECES: Final = slice(int(Field.SAID_TEXT), int(Field.SAID_CALLS) + 1)
_FACTS: Final = slice(_TOOL_NAME, len(Field))
_NO_CONTENT: Final = _NONE[_CONTENT]
_NO_PIECES: Final = _NONE[_PIECES]
_NO_FACTS: Final = _NONE[_FACTS]
"""Parts of a span's fields, and what they look like when it has none of them."""


def resolve(raw: RawSpan) -> tuple[Span, str | None]:
    """The span that a raw span stands for, and the session that it names."""
    routes = routes_of(raw.origin.scope)
    rest = {**raw.origin.attributes, **raw.about}
    found, keys = _read(routes, raw.attributes, rest)
    failed = raw.status_code == ERROR or found[_FAILED] is True
    if raw.events:
        told = read_events(raw.events, routes, found, rest, failed=failed)
    else:
        told = _NOTHING_TOLD
    kind = found[_KIND] or _guessed_kind(found)
    if found[_CONTENT] != _NO_CONTENT:
        _settle_content(kind, told, found, keys, raw.attributes, rest)
    if found[_FACTS] != _NO_FACTS:
        _place_standard(raw, found, rest)
    if not failed:
        for field in (_ERROR_TYPE, _ERROR_MESSAGE):
            if keys[field] is not None:
                rest[keys[field]] = found[field]
    name = shown_name(kind, raw.name, found)
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
        found[_INPUT],
        found[_OUTPUT],
        (found[_ERROR_TYPE] or told.error_type) if failed else None,
        (told.error_message or raw.status_message or found[_ERROR_MESSAGE]) if failed else None,
        found[_MODEL],
        found[_PROVIDER] or (vendor_of(found[_MODEL]) if found[_MODEL] else None),
        inclusive(
            found[_IN_TOKENS],
            found[_FRESH],
            (found[_READ_TOKENS] or 0) + (found[_WRITE_TOKENS] or 0),
        ),
        found[_OUT_TOKENS],
        found[_READ_TOKENS],
        found[_WRITE_TOKENS],
        found[_REASONING],
        found[_COST],
        found[_FINISH],
        rest,
    )
    return span if routes.refine is None else routes.refine(span, raw), found[_SESSION]


_NOTHING_TOLD: Final = Told()


def _read(
    routes: Routes, attributes: Mapping[str, Any], rest: dict[str, Any]
) -> tuple[list[Any], list[Any]]:
    """Fields from attributes, and the key that each came from; `rest` takes what is left."""
    found: list[Any] = _NONE.copy()
    keys: list[Any] = _NONE.copy()
    table, prefixes = routes.keys, routes.prefixes
    flat: dict[str, list[tuple[str, Any]]] | None = None
    composed: list[str] | None = None
    for key, value in attributes.items():
        route = table.get(key)
        if route is None:
            rest[key] = value
            if key.startswith(prefixes):
                flat = flat or {}
                prefix = next(prefix for prefix in prefixes if key.startswith(prefix))
                flat.setdefault(prefix, []).append((key, value))
            continue
        field, rank, read, stays = route
        usable = read(value)
        if usable is None:
            rest[key] = value
            if field == COMPOSITE:
                composed = [*(composed or ()), key]
            continue
        if stays:
            rest[key] = value
        other = keys[field]
        better = other is None or rank < table[other][1]
        if other is not None and found[field] != usable:
            loser = other if better else key
            rest[loser] = attributes[loser]
        if better:
            found[field], keys[field] = usable, key
    if flat:
        _read_flat(routes, flat, found, rest)
    if composed:
        _read_composed(routes, composed, attributes, found, rest)
    return found, keys


def _read_flat(
    routes: Routes,
    flat: Mapping[str, list[tuple[str, Any]]],
    found: list[Any],
    rest: dict[str, Any],
) -> None:
    for prefix, pairs in flat.items():
        field = routes.families[prefix]
        if found[field] is None:
            found[field] = unflatten((key[len(prefix) :], value) for key, value in pairs)
            for key, _ in pairs:
                del rest[key]


def _read_composed(
    routes: Routes,
    composed: list[str],
    attributes: Mapping[str, Any],
    found: list[Any],
    rest: dict[str, Any],
) -> None:
    for key in sorted(composed, key=lambda key: routes.composites[key][0]):
        used = False
        for field, value in routes.composites[key][1](attributes[key]):
            if value is not None and found[field] is None:
                found[field] = value
                used = used or field in (_INPUT, _OUTPUT)
        if used:
            # Content is kept once.
            del rest[key]


def _settle_content(
    kind: str,
    told: Told,
    found: list[Any],
    keys: list[Any],
    attributes: Mapping[str, Any],
    rest: dict[str, Any],
) -> None:
    """Choose between structured and bare content, and bring it into its usual shape."""
    _read_scalars(found, keys, attributes)
    if found[_OUTPUT] is None:
        found[_OUTPUT] = reply(found)
    elif found[_PIECES] != _NO_PIECES:
        rest.update((key, attributes[key]) for key in keys[_PIECES] if key is not None)
    for structured, bare in _CONTENT_PAIRS:
        if found[structured] is None:
            found[structured], keys[structured] = found[bare], keys[bare]
        elif keys[bare] is not None:
            rest[keys[bare]] = attributes[keys[bare]]
    if kind == "tool":
        _unwrap(told, found, keys, attributes, rest)
    if kind in MODEL_KINDS:
        _read_whole(kind, found[_BARE_INPUT], found[_BARE_OUTPUT], found)
    if kind == "llm" and found[_FINISH] is None:
        found[_FINISH] = finish_reason(found[_OUTPUT])
    if found[_SYSTEM] is not None:
        if isinstance(found[_INPUT], list):
            found[_INPUT] = with_system(found[_SYSTEM], found[_INPUT])
        else:
            rest[keys[_SYSTEM] or "gen_ai.system_instructions"] = found[_SYSTEM]


def _read_scalars(found: list[Any], keys: list[Any], attributes: Mapping[str, Any]) -> None:
    """Numbers and truths that are called JSON; texts are left to those that say they are none."""
    for bare, mime in _MIMES:
        written = attributes.get(keys[bare] or "")
        is_json = attributes.get(mime) == "application/json"
        if is_json and isinstance(written, str) and written is found[bare]:
            found[bare] = scalar(written)


def _read_whole(kind: str, request: Any, response: Any, found: list[Any]) -> None:
    """What only the whole request, or the vendor's whole response, tells."""
    if found[_MODEL] is None and isinstance(request, dict):
        found[_MODEL] = text(request.get("model"))
    if not isinstance(response, dict):
        return
    if kind == "llm":
        found[_RESPONSE_ID] = found[_RESPONSE_ID] or word(response.get("id"))
        found[_FINISH] = found[_FINISH] or finish_reason(response)
    if not any(found[field] is not None for field in (_IN_TOKENS, _FRESH, _OUT_TOKENS)):
        for field, tokens in usage_of(response):
            if found[field] is None:
                found[field] = tokens


def _unwrap(
    told: Told,
    found: list[Any],
    keys: list[Any],
    attributes: Mapping[str, Any],
    rest: dict[str, Any],
) -> None:
    """Bare arguments and results of a tool; a wrapping that an attribute had stays there."""
    for field in (_INPUT, _OUTPUT):
        value = found[field]
        if told.messages:
            found[field] = tool_message(value)
        elif isinstance(value, dict) and keys[field] is not None:
            found[field] = of_tool(value)
            if found[field] is not value:
                rest[keys[field]] = attributes[keys[field]]


def _place_standard(raw: RawSpan, found: list[Any], rest: dict[str, Any]) -> None:
    """Facts without a field stand under their standard names, whatever they came as."""
    if found[_FIRST_NS] is not None and found[_FIRST_SECONDS] is None:
        found[_FIRST_SECONDS] = max(0, found[_FIRST_NS] - raw.start_ns) / 1e9
    for field, key in _STANDARD:
        if found[field] is not None:
            rest.setdefault(key, found[field])


def _guessed_kind(found: list[Any]) -> str:
    """The kind of a span that names none."""
    if found[_MODEL] and (found[_IN_TOKENS] is not None or found[_OUT_TOKENS] is not None):
        return "llm"
    if found[_TOOL_NAME]:
        return "tool"
    return "chain"
