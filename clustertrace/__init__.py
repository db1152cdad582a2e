"""A local-first debugger for LLM agents: record runs, and see where they fail by pattern.

    import clustertrace

    @clustertrace.trace
    def agent(question): ...

Importing this package loads the standard library only. Everything here records; what was
recorded is read with the `clustertrace` command and its pages.
"""

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

__all__ = [
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
]
