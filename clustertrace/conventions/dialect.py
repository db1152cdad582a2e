"""What a dialect is: a table from attribute keys to the fields of a span.

Each dialect is a file with one `Dialect` in it. All of them are read for every span, because a
span often speaks several (an OpenInference span around an OpenTelemetry GenAI one): for each
field, the first key in the order of the tables whose value is usable wins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from clustertrace.wire import MAX_TOKENS

__all__ = ["Dialect", "Field", "Reader", "parsed"]

Reader = Callable[[Any], Any]
"""Turns an attribute's value into a field's; None says that it is empty or can't be used."""


class Field(IntEnum):
    """The fields that attributes can fill."""

    KIND = 0
    MODEL = 1
    PROVIDER = 2
    INPUT = 3
    """Structured content: messages, arguments, documents."""
    OUTPUT = 4
    BARE_INPUT = 5
    """Content of unknown shape, used where there is no structured one."""
    BARE_OUTPUT = 6
    SYSTEM = 7
    """System instructions that stand apart from the messages."""
    INPUT_TOKENS = 8
    OUTPUT_TOKENS = 9
    CACHE_READ_TOKENS = 10
    CACHE_WRITE_TOKENS = 11
    REASONING_TOKENS = 12
    COST_USD = 13
    FINISH_REASON = 14
    ERROR_TYPE = 15
    ERROR_MESSAGE = 16
    SESSION = 17


class Dialect(NamedTuple):
    """One convention for naming the attributes of model calls, tools and agents."""

    name: str
    keys: Mapping[Field, Sequence[str]]
    """For each field the keys that may fill it, the best first."""
    kinds: Sequence[tuple[str, Mapping[str, str]]] = ()
    """Keys that tell the span's kind, with what their values (in lower case) mean."""
    families: Mapping[str, Field] = {}
    """Prefixes of flat indexed keys (`prefix.0.role`), which together fill one field."""
    event_messages: Mapping[str, tuple[Field, str]] = {}
    """Span events that each carry one message: the field it belongs to and the role it has."""
    readers: Mapping[str, Reader] = {}
    """Keys whose value is not read the way their field usually is."""


def parsed(value: Any) -> Any:
    """A plain value; a text that is a JSON object, list or string becomes what it stands for."""
    if isinstance(value, str) and value[:1] in _OPENERS:
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return None if value == "" or value == [] or value == {} else value


_OPENERS = ("{", "[", '"')


def text(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def count(value: Any) -> int | None:
    """A number of tokens: whole and not negative; texts and floats that are one will do."""
    written = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    if written or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    return None


def dollars(value: Any) -> float | None:
    """An amount of money: finite and not negative."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def provider(value: Any) -> str | None:
    """A vendor's name in lower case; frameworks that name themselves here are no vendors."""
    name = value.lower() if isinstance(value, str) else ""
    return None if name in _FRAMEWORKS else name


_FRAMEWORKS = frozenset({"", "langchain", "langgraph", "strands-agents"})


def first_text(value: Any) -> str | None:
    """The first of a list of texts, which may be JSON, or a text by itself."""
    value = parsed(value)
    if isinstance(value, list):
        value = value[0] if value else None
    return text(value)


READERS: Mapping[Field, Reader] = {
    Field.MODEL: text,
    Field.PROVIDER: provider,
    Field.INPUT: parsed,
    Field.OUTPUT: parsed,
    Field.BARE_INPUT: parsed,
    Field.BARE_OUTPUT: parsed,
    Field.SYSTEM: parsed,
    Field.INPUT_TOKENS: count,
    Field.OUTPUT_TOKENS: count,
    Field.CACHE_READ_TOKENS: count,
    Field.CACHE_WRITE_TOKENS: count,
    Field.REASONING_TOKENS: count,
    Field.COST_USD: dollars,
    Field.FINISH_REASON: first_text,
    Field.ERROR_TYPE: text,
    Field.ERROR_MESSAGE: text,
    Field.SESSION: text,
}
"""How each field's value is read unless a dialect says otherwise."""
