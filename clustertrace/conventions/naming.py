"""What a span is called, and whose model a model is.

Tools and agents are called by their own names, whichever instrumentation reports them: a pattern of
`search` and `execute_tool search` would be two. The name that a span came with stays in its
attributes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from clustertrace.conventions.dialect import Field

__all__ = ["shown_name", "vendor_of"]

_TOOL, _AGENT, _CALL = int(Field.TOOL_NAME), int(Field.AGENT_NAME), int(Field.CALL_NAME)
_ANY: Final = int(Field.NAME)
_CREATION: Final = "create_agent"

_VENDORS: Final = (
    ("openai", re.compile(r"gpt-|chatgpt-|o[1-9](-|$)|text-embedding-|davinci|codex-")),
    ("anthropic", re.compile(r"claude-")),
    ("google", re.compile(r"gemini-|gemma-")),
    ("mistral", re.compile(r"mistral-|codestral|ministral|magistral")),
    ("deepseek", re.compile(r"deepseek-")),
    ("x-ai", re.compile(r"grok-")),
    ("cohere", re.compile(r"command-")),
)


def shown_name(kind: str, name: str, fields: Sequence[Any]) -> str:
    """The name of a span of this kind, from its fields (by `Field`) or the one it came with."""
    if kind == "tool":
        own_name = fields[_TOOL] or fields[_ANY]
    elif kind == "agent":
        # Making an agent is another step than running it.
        own_name = None if name.startswith(_CREATION) else fields[_AGENT] or fields[_ANY]
    elif kind == "chain":
        own_name = fields[_ANY]
    else:
        own_name = fields[_CALL]
    return own_name or name


@lru_cache(maxsize=1024)
def vendor_of(model: str) -> str | None:
    """The vendor that a model's name gives away; None where it says nothing certain."""
    vendor, slash, rest = model.partition("/")
    if slash and any(vendor == known for known, _ in _VENDORS):
        return vendor
    bare_model = rest if slash else model
    return next((name for name, pattern in _VENDORS if pattern.match(bare_model)), None)
