"""Raw spans → the neutral record, through every dialect at once.

The dialects' tables are joined into one dictionary when this module is imported, so that a span
costs one look-up for each of its attributes, however many dialects there are. What fills a field
leaves the attributes; what loses to a better key, or has no field, stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import READERS, Dialect, Field, Reader
from clustertrace.conventions.events import read_events
from clustertrace.conventions.genai import GENAI
from clustertrace.conventions.indexed import unflatten
from clustertrace.conventions.openinference import OPENINFERENCE
from clustertrace.conventions.openllmetry import OPENLLMETRY
from clustertrace.conventions.raw import ERROR, RawSpan
from clustertrace.model import Span

__all__ = ["DIALECTS", "resolve"]

DIALECTS: Final[tuple[Dialect, ...]] = (GENAI, OPENINFERENCE, OPENLLMETRY)
"""In the order in which their keys are preferred."""

_KIND_ORDER: Final[tuple[Dialect, ...]] = (OPENINFERENCE, GENAI, OPENLLMETRY)
"""The order in which their word on a span's kind counts."""

_Route = tuple[int, int, Reader, bool]
"""Field, rank (lower is better), how to read the value, whether the attribute stays as well."""


def _kind_reader(meanings: Mapping[str, str]) -> Reader:
    return lambda value: meanings.get(value.lower()) if isinstance(value, str) else None


def _routes() -> dict[str, _Route]:
    routes: dict[str, _Route] = {}
    rank = 0
    for dialect in DIALECTS:
        for field, keys in dialect.keys.items():
            for key in keys:
                rank += 1
                own = dialect.readers.get(key)
                routes.setdefault(key, (int(field), rank, own or READERS[field], own is not None))
    for dialect in _KIND_ORDER:
        for key, meanings in dialect.kinds:
            rank += 1
            routes[key] = (int(Field.KIND), rank, _kind_reader(meanings), True)
    return routes


_ROUTES: Final = _routes()
_FAMILIES: Final = {p: int(field) for one in DIALECTS for p, field in one.families.items()}
_PREFIXES: Final = tuple(_FAMILIES)
_MESSAGES: Final = {name: what for one in DIALECTS for name, what in one.event_messages.items()}

# Plain integers: an attribute of an enum class costs more than the look-up that it serves.
_KIND, _MODEL, _PROVIDER = int(Field.KIND), int(Field.MODEL), int(Field.PROVIDER)
_INPUT, _OUTPUT = int(Field.INPUT), int(Field.OUTPUT)
_BARE_INPUT, _BARE_OUTPUT = int(Field.BARE_INPUT), int(Field.BARE_OUTPUT)
_IN_TOKENS, _OUT_TOKENS = int(Field.INPUT_TOKENS), int(Field.OUTPUT_TOKENS)
_READ_TOKENS, _WRITE_TOKENS = int(Field.CACHE_READ_TOKENS), int(Field.CACHE_WRITE_TOKENS)
_REASONING, _COST, _FINISH = (
    int(Field.REASONING_TOKENS),
    int(Field.COST_USD),
    int(Field.FINISH_REASON),
)
_ERROR_TYPE, _ERROR_MESSAGE = int(Field.ERROR_TYPE), int(Field.ERROR_MESSAGE)
_SYSTEM, _SESSION = int(Field.SYSTEM), int(Field.SESSION)

_NONE: Final = [None] * len(Field)
_WORST: Final = [1 << 30] * len(Field)


def resolve(raw: RawSpan) -> tuple[Span, str | None]:
    """The span that a raw span stands for, and the session that it names."""
    attributes = raw.attributes
    rest = {**raw.origin.attributes, **raw.about}
    found, keys = _read(attributes, rest)
    failed = raw.status_code == ERROR
    if raw.events:
        error = read_events(raw.events, _MESSAGES, found, rest, failed=failed)
    else:
        error = (None, None)
    for structured, bare in ((_INPUT, _BARE_INPUT), (_OUTPUT, _BARE_OUTPUT)):
        if found[structured] is None:
            found[structured] = found[bare]
        elif found[bare] is not None:
            rest[keys[bare]] = attributes[keys[bare]]
    if found[_SYSTEM] is not None:
        _place_system(found, keys, attributes, rest)
    if not failed:
        for field in (_ERROR_TYPE, _ERROR_MESSAGE):
            if found[field] is not None:
                rest[keys[field]] = found[field]
    return (
        Span(
            raw.trace_id,
            raw.span_id,
            raw.parent_span_id,
            raw.name,
            found[_KIND] or _guessed_kind(found, rest),
            "error" if failed else "running" if raw.end_ns is None else "ok",
            raw.start_ns,
            raw.end_ns,
            found[_INPUT],
            found[_OUTPUT],
            (found[_ERROR_TYPE] or error[0]) if failed else None,
            (error[1] or raw.status_message or found[_ERROR_MESSAGE]) if failed else None,
            found[_MODEL],
            found[_PROVIDER],
            _inclusive(found[_IN_TOKENS], found[_READ_TOKENS], found[_WRITE_TOKENS]),
            found[_OUT_TOKENS],
            found[_READ_TOKENS],
            found[_WRITE_TOKENS],
            found[_REASONING],
            found[_COST],
            found[_FINISH],
            rest,
        ),
        found[_SESSION],
    )


def _read(attributes: Mapping[str, Any], rest: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Fields from attributes, and the key that each came from; `rest` takes what is left."""
    found: list[Any] = _NONE.copy()
    keys: list[Any] = _NONE.copy()
    ranks = _WORST.copy()
    flat: dict[str, list[tuple[str, Any]]] | None = None
    for key, value in attributes.items():
        route = _ROUTES.get(key)
        if route is None:
            rest[key] = value
            if key.startswith(_PREFIXES):
                flat = flat or {}
                flat.setdefault(_prefix(key), []).append((key, value))
            continue
        field, rank, read, stays = route
        usable = read(value)
        if usable is None or stays:
            rest[key] = value
        if usable is None:
            continue
        if rank < ranks[field]:
            loser = keys[field]
            if loser is not None and found[field] != usable:
                rest[loser] = attributes[loser]
            found[field], keys[field], ranks[field] = usable, key, rank
        elif found[field] != usable:
            rest[key] = value
    if flat:
        _read_flat(flat, found, rest)
    return found, keys


def _prefix(key: str) -> str:
    return next(prefix for prefix in _PREFIXES if key.startswith(prefix))


def _read_flat(
    flat: Mapping[str, list[tuple[str, Any]]], found: list[Any], rest: dict[str, Any]
) -> None:
    for prefix, pairs in flat.items():
        field = _FAMILIES[prefix]
        if found[field] is None:
            found[field] = unflatten((key[len(prefix) :], value) for key, value in pairs)
            for key, _ in pairs:
                del rest[key]


def _place_system(
    found: list[Any], keys: list[Any], attributes: Mapping[str, Any], rest: dict[str, Any]
) -> None:
    """System instructions open the conversation; without one they stay an attribute."""
    said = found[_SYSTEM]
    if not isinstance(found[_INPUT], list):
        rest[keys[_SYSTEM]] = attributes[keys[_SYSTEM]]
        return
    parts = said if isinstance(said, list) else [{"type": "text", "content": said}]
    found[_INPUT] = [{"role": "system", "parts": parts}, *found[_INPUT]]


def _inclusive(tokens: int | None, read: int | None, written: int | None) -> int | None:
    """Input tokens, cached ones included.

    All dialects here say they count that way; older releases of some instrumentors did not, and
    give themselves away when the part is larger than the whole.
    """
    cached = (read or 0) + (written or 0)
    if tokens is None or cached <= tokens:
        return tokens
    return tokens + cached


def _guessed_kind(found: list[Any], rest: Mapping[str, Any]) -> str:
    """The kind of a span that names none."""
    if found[_MODEL] and (found[_IN_TOKENS] is not None or found[_OUT_TOKENS] is not None):
        return "llm"
    return "tool" if "gen_ai.tool.name" in rest or "tool.name" in rest else "chain"
