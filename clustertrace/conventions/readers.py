"""What a value must be to fill a field; everything else stays an attribute."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from clustertrace.wire import MAX_TOKENS, MAX_USD

__all__ = [
    "Reader",
    "boolean",
    "content",
    "count",
    "dollars",
    "first_text",
    "milliseconds",
    "number",
    "parsed",
    "provider",
    "scalar",
    "seconds",
    "text",
    "time_ns",
    "true_for",
    "word",
]

Reader = Callable[[Any], Any]
"""Turns an attribute's value into a field's; None says that it is empty or can't be used."""

_OPENERS: Final = frozenset(("{", "[", '"'))
"""What a text begins with that may be JSON."""

_LONGEST_SCALAR: Final = 18
"""Characters. A longer number might lose digits."""

_WITHHELD: Final = frozenset({"<REDACTED>", "<redacted>", "[REDACTED]"})
"""What instrumentations write where content was turned off."""

_WITHHELD_LENGTHS: Final = frozenset(map(len, _WITHHELD))

_FRAMEWORKS: Final = frozenset(
    (
        *("", "langchain", "langgraph", "strands-agents", "pydantic-ai", "crewai", "llama_index"),
        *("llamaindex", "smolagents", "haystack", "traceloop", "dspy", "gcp.vertex.agent"),
    )
)
"""Names of frameworks, which some instrumentations give for a vendor's."""

_SPELLINGS: Final = {
    spelling: name
    for name, spellings in {
        "aws.bedrock": "aws aws_bedrock bedrock amazon_bedrock amazon-bedrock bedrock_converse",
        "azure": "azure.ai.openai az.ai.openai azure.openai azure_openai azure.ai.inference",
        "gcp.vertex_ai": "vertex_ai vertexai vertex google_vertexai google_vertex_ai google-vertex",
        "google": "gcp.gemini gcp.gen_ai gemini google_genai google-genai google_generativeai",
        "mistral": "mistral_ai mistralai",
        "x-ai": "x_ai xai",
    }.items()
    for spelling in spellings.split()
}
"""What else one vendor, or one cloud's door to several, is called."""

_ROUTE: Final = re.compile(
    r"\.(chat|responses|messages|completions?|embeddings?|generative-ai|image|language|chat-model)$"
)
"""The part of an API that Vercel's SDK appends to the vendor's name: `openai.chat`."""


def parsed(value: Any) -> Any:
    """A plain value; a text that is a JSON object, list or string becomes what it stands for."""
    if isinstance(value, str):
        if value[:1] not in _OPENERS:
            return value or None
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return None if value == "" or value == [] or value == {} else value


def scalar(value: str) -> Any:
    """What a text that is called JSON stands for where it is no object, list or string."""
    if len(value) > _LONGEST_SCALAR:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def content(value: Any) -> Any:
    """As `parsed`; a mark that content was withheld is no content."""
    # Its length first: to look for a text in a set goes through all of it.
    withheld = isinstance(value, str) and len(value) in _WITHHELD_LENGTHS and value in _WITHHELD
    return None if withheld else parsed(value)


def text(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def word(value: Any) -> str | None:
    """A text, which may be wrapped in JSON's quotes; numbers become digits, `null` nothing."""
    if isinstance(value, str) and value[:1] not in _OPENERS:
        return None if value in ("", "null") else value
    value = parsed(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


def count(value: Any) -> int | None:
    """A number of tokens: whole and not negative; texts and floats that are one will do."""
    is_number_text = (
        isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    )
    if is_number_text or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    return None


def dollars(value: Any) -> float | None:
    """An amount of money, or of seconds: not negative, and not absurd."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MAX_USD else None


seconds: Final = dollars


def number(value: Any) -> float | None:
    """A finite number; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def milliseconds(value: Any) -> float | None:
    """Milliseconds as seconds."""
    value_ms = dollars(value)
    return None if value_ms is None else value_ms / 1000


def time_ns(value: Any) -> int | None:
    """An ISO 8601 time, which may be wrapped in JSON's quotes, as nanoseconds since 1970."""
    iso_text = word(value)
    if iso_text is None:
        return None
    try:
        moment = datetime.fromisoformat(iso_text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1e6) * 1000


def boolean(value: Any) -> bool | None:
    """True or false, which may be written out."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def true_for(*words: str) -> Reader:
    """Reads True from any of these words (in lower case), and nothing from others."""

    def read(value: Any) -> bool | None:
        return True if str(value).strip('"').lower() in words else None

    return read


def provider(value: Any) -> str | None:
    """A vendor's name, however it is spelt; frameworks that name themselves here are no vendors."""
    name = word(value)
    return None if name is None else _vendor(name)


@lru_cache(maxsize=256)
def _vendor(name: str) -> str | None:
    vendor = _ROUTE.sub("", name.lower())
    return None if vendor in _FRAMEWORKS else _SPELLINGS.get(vendor, vendor)


def first_text(value: Any) -> str | None:
    """The first of a list of texts, which may be JSON, or a text by itself."""
    value = parsed(value)
    if isinstance(value, list):
        value = value[0] if value else None
    return text(value)
