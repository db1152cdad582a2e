"""A local-first debugger for LLM agents: record runs, and see where they fail by pattern.

    import clustertrace

    @clustertrace.trace
    def agent(question): ...

Importing this package loads the standard library only. Everything here records; what was
recorded is read with the `clustertrace` command and its pages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clustertrace.record.config import get_db_path
from clustertrace.record.decorator import trace
from clustertrace.record.spans import (
    carry,
    flush,
    metric,
    outcome,
    session,
    span,
    tag,
    tool_call,
)

if TYPE_CHECKING:
    from clustertrace.version import __version__
    from clustertrace.wrap.anthropic import wrap_anthropic
    from clustertrace.wrap.gemini import wrap_gemini
    from clustertrace.wrap.openai import wrap_openai

__all__ = [
    "__version__",
    "carry",
    "flush",
    "get_db_path",
    "metric",
    "outcome",
    "session",
    "span",
    "tag",
    "tool_call",
    "trace",
    "wrap_anthropic",
    "wrap_gemini",
    "wrap_openai",
]

_LATE = {
    "__version__": "clustertrace.version",
    "wrap_anthropic": "clustertrace.wrap.anthropic",
    "wrap_gemini": "clustertrace.wrap.gemini",
    "wrap_openai": "clustertrace.wrap.openai",
}
"""Names that are loaded when they are first asked for, with the module that has each."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LATE[name]), name)
    return found
