"""What the spans of a trace say about each other, once they are together.

A span is mapped by itself when it arrives. Some instrumentations put on one span what people look
for on another: Claude Code tells a tool's failure, and that it was refused, on phases below it, and
that a turn failed on its last call; Codex names the model above the call; the OpenAI Agents SDK
tells the error that ended a run on the agent, and closes the workflow around it without a word. A
pure function of the spans; doing it twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from clustertrace.model import Span
from clustertrace.understanding.endings import ENDS_BADLY
from clustertrace.understanding.tree import ancestors

__all__ = ["REFUSED", "amended"]

REFUSED: Final = "refused"
"""The finish reason of a tool call that nobody permitted: it did not run, which is no error."""

_EXECUTION: Final = "claude_code.tool.execution"
_PERMISSION: Final = "claude_code.tool.blocked_on_user"
_REJECTED: Final = "reject"

_TURN: Final = "claude_code.interaction"
_STEP_KINDS: Final = frozenset({"llm", "tool"})

_RUN_ENDED: Final = re.compile(
    r"(\{'message': ')?(Error in agent run|Max turns exceeded|Guardrail tripwire triggered)"
)
"""What the OpenAI Agents SDK writes on an agent whose run it ends with an exception."""

_ENCLOSING_KINDS: Final = frozenset({"agent", "chain"})
"""Kinds of spans that stand around a run; a tool that runs an agent may live with its error."""


def amended(spans: Sequence[Span]) -> list[Span]:
    """The spans of a trace that the others change, as they should be; payloads are not needed."""
    by_id = {span.span_id: span for span in spans}
    changed: dict[str, Span] = {}
    amended_spans = (
        *_amended_tools(spans, by_id),
        *_amended_calls(spans, by_id),
        *_amended_enclosing(spans, by_id),
        *_amended_turns(spans, by_id),
    )
    for span in amended_spans:
        if span != by_id[span.span_id]:
            changed[span.span_id] = span
    return list(changed.values())


def _amended_tools(spans: Sequence[Span], by_id: Mapping[str, Span]) -> Iterator[Span]:
    for phase in spans:
        if phase.name not in (_EXECUTION, _PERMISSION):
            continue
        tool = by_id.get(phase.parent_span_id or "")
        if tool is None or tool.kind != "tool":
            continue
        if phase.name == _PERMISSION:
            if phase.finish_reason == _REJECTED:
                yield tool._replace(finish_reason=REFUSED)
        elif phase.status == "error":
            yield tool._replace(
                status="error",
                error_type=tool.error_type or phase.error_type,
                error_message=tool.error_message or phase.error_message,
            )


def _amended_calls(spans: Sequence[Span], by_id: Mapping[str, Span]) -> Iterator[Span]:
    for call in spans:
        if call.kind != "llm" or call.model is not None or call.output_tokens is None:
            continue
        for above in ancestors(call, by_id):
            if above.model is not None:
                yield call._replace(model=above.model, provider=call.provider or above.provider)
                break


def _amended_enclosing(spans: Sequence[Span], by_id: Mapping[str, Span]) -> Iterator[Span]:
    """What stands around an agent whose run was ended, unless the program went on inside it."""
    for agent in spans:
        if agent.kind != "agent" or agent.status != "error" or agent.end_ns is None:
            continue
        if not _RUN_ENDED.match(str(agent.error_message)):
            continue
        for above in ancestors(agent, by_id):
            if above.kind not in _ENCLOSING_KINDS or _continues_inside(above, agent.end_ns, spans):
                break
            if above.status == "ok":
                yield above._replace(
                    status="error", error_type=agent.error_type, error_message=agent.error_message
                )


def _continues_inside(above: Span, end_ns: int, spans: Sequence[Span]) -> bool:
    """Whether something began right inside a span after that time."""
    return any(span.parent_span_id == above.span_id and span.start_ns >= end_ns for span in spans)


def _amended_turns(spans: Sequence[Span], by_id: Mapping[str, Span]) -> Iterator[Span]:
    """Claude Code's turns that ended with a call which failed, or whose answer is none."""
    last_steps: dict[str, Span] = {}
    for span in spans:
        turn = by_id.get(span.parent_span_id or "")
        if turn is None or turn.name != _TURN or span.kind not in _STEP_KINDS:
            continue
        latest = last_steps.get(turn.span_id)
        if latest is None or (latest.start_ns, latest.span_id) < (span.start_ns, span.span_id):
            last_steps[turn.span_id] = span
    for turn_id, call in last_steps.items():
        turn = by_id[turn_id]
        if call.kind != "llm" or turn.status != "ok":
            continue
        if call.status == "error":
            error_type, error_message = call.error_type, call.error_message
        elif call.finish_reason in ENDS_BADLY:
            error_type, error_message = call.finish_reason, ENDS_BADLY[call.finish_reason]
        else:
            continue
        yield turn._replace(status="error", error_type=error_type, error_message=error_message)
