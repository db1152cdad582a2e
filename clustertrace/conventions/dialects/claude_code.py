"""Claude Code's own spans (`claude_code.*`).

https://code.claude.com/docs/en/monitoring-usage. Its `input_tokens` leave out cached tokens. A tool
call is a span with two phases below it: the wait for a permission, and the execution, which alone
knows of an error (clustertrace.understanding.amending carries it up). `gen_ai.conversation.id`
names a sub-agent, the session is `session.id`.
"""

from __future__ import annotations

from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.raw import RawSpan
from clustertrace.conventions.readers import boolean, milliseconds
from clustertrace.model import INTERNAL, Span

__all__ = ["CLAUDE_CODE"]

_VISIBLE: Final = frozenset({"interaction", "llm_request", "tool", "compaction"})
"""Values of `span.type` that are worth a line; others are how a tool came to run."""


def _failed_if_false(value: Any) -> bool | None:
    return True if boolean(value) is False else None


def _fold_phases(span: Span, raw: RawSpan) -> Span:
    what = str(raw.attributes.get("span.type") or span.name.removeprefix("claude_code."))
    if what in _VISIBLE:
        return span
    decision = raw.attributes.get("decision")
    return span._replace(
        kind="chain",
        finish_reason=decision if isinstance(decision, str) else span.finish_reason,
        attributes={**span.attributes, INTERNAL: True},
    )


CLAUDE_CODE: Final = Dialect(
    title="Claude Code",
    known_by="scopes `com.anthropic.claude_code*`",
    scopes=("com.anthropic.claude_code",),
    keys={
        Field.MODEL: ("model",),
        Field.INPUT: ("tool_input",),
        Field.BARE_INPUT: (
            "user_prompt",
            "new_context",
            "full_command",
            "file_path",
            "tool_parameters",
        ),
        Field.BARE_OUTPUT: ("response.model_output",),
        Field.FRESH_INPUT_TOKENS: ("input_tokens",),
        Field.OUTPUT_TOKENS: ("output_tokens",),
        Field.CACHE_READ_TOKENS: ("cache_read_tokens",),
        Field.CACHE_WRITE_TOKENS: ("cache_creation_tokens",),
        Field.FINISH_REASON: ("stop_reason",),
        Field.FAILED: ("success",),
        Field.ERROR_TYPE: ("error_class",),
        Field.ERROR_MESSAGE: ("error",),
        Field.SESSION: ("session.id",),
        Field.TOOL_NAME: ("tool_name",),
        Field.AGENT_NAME: ("agent.name",),
        Field.TOOL_CALL_ID: ("tool_use_id",),
        Field.USER: ("user.email", "user.account_uuid", "user.id"),
        Field.FIRST_TOKEN_SECONDS: ("ttft_ms", "first_content_ms"),
    },
    kinds=[
        (
            "span.type",
            {"interaction": "agent", "llm_request": "llm", "tool": "tool", "compaction": "chain"},
        )
    ],
    event_values={"tool.output": [("output", Field.OUTPUT)]},
    readers={
        "success": _failed_if_false,
        "ttft_ms": milliseconds,
        "first_content_ms": milliseconds,
    },
    refine=_fold_phases,
)
