"""A local-first debugger for LLM agents: record runs, and see where they fail by pattern.

    import clustertrace

    @clustertrace.trace
    def agent(question): ...

Importing this package loads only the standard library. Everything here records; read the recorded
runs with the `clustertrace` command and its pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustertrace.late import late

if TYPE_CHECKING:
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

# Commands, pages and the receiver record nothing.
if not TYPE_CHECKING:
    __getattr__ = late(
        __name__,
        {
            "record.config": ["get_db_path"],
            "record.decorator": ["trace"],
            "record.spans": [
                *("carry", "flush", "metric", "outcome", "session", "span", "tag", "tool_call"),
            ],
            "version": ["__version__"],
            "wrap.anthropic": ["wrap_anthropic"],
            "wrap.gemini": ["wrap_gemini"],
            "wrap.openai": ["wrap_openai"],
        },
    )
