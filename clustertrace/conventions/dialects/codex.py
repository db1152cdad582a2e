"""Codex, which exports hundreds of internal spans around a few that matter.

https://developers.openai.com/codex. A turn is `session_task.turn`, a model call the
`handle_responses` span that has tokens (its model stands on a span above it), a tool the span
named after it in `tools::parallel`. All others are internal. Content is in its logs only.
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.raw import RawSpan
from clustertrace.model import INTERNAL, Span

__all__ = ["CODEX"]


def _with_kind(span: Span, raw: RawSpan) -> Span:
    attributes = raw.attributes
    if not str(attributes.get("code.module.name") or attributes.get("target")).startswith("codex"):
        return span
    if span.output_tokens is not None:
        return span._replace(kind="llm")
    if raw.name == "session_task.turn":
        return span._replace(kind="agent")
    if "call_id" in attributes and attributes.get("tool_name") == raw.name:
        return span._replace(kind="tool")
    return span._replace(
        name=raw.name, kind="chain", attributes={**span.attributes, INTERNAL: True}
    )


CODEX: Final = Dialect(
    title="Codex",
    known_by="scopes `codex*`",
    scopes=("codex",),
    keys={
        Field.MODEL: ("model",),
        Field.INPUT: ("arguments",),
        Field.OUTPUT: ("output",),
        Field.REASONING_TOKENS: ("codex.usage.reasoning_output_tokens",),
        Field.SESSION: ("conversation.id",),
        Field.TOOL_NAME: ("tool_name",),
        Field.TOOL_CALL_ID: ("call_id",),
    },
    refine=_with_kind,
)
