"""Codex's log events: what they add to its spans, and a conversation made of them alone.

Prompts, arguments and results of tools are in its logs only. Tokens are told by the end of a
stream, in a record that names no trace; where there are spans, these have them as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from clustertrace.conventions.otlp.log_homes import derived_id
from clustertrace.conventions.readers import content, parsed, text
from clustertrace.joining.filling import (
    Spans,
    event_of_log,
    match_logs,
    own_attributes,
    shared_attributes,
    span_of_log,
    start_of_log,
)
from clustertrace.model import INTERNAL, Log, Span

__all__ = ["build", "fill"]

_PROMPT: Final = "codex.user_prompt"
_REQUEST: Final = "codex.api_request"
_STREAMED: Final = "codex.sse_event"
_RESULT: Final = "codex.tool_result"
_DECISION: Final = "codex.tool_decision"
_TURN: Final = "session_task.turn"

_USAGE: Final = {
    "input_token_count": "gen_ai.usage.input_tokens",
    "output_token_count": "gen_ai.usage.output_tokens",
    "cached_token_count": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_token_count": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_token_count": "gen_ai.usage.reasoning.output_tokens",
}


def fill(logs: Sequence[Log], table: Spans) -> None:
    """Fill the spans of Codex; a record that is about none becomes an event of its span."""
    used: set[int] = set()
    for name in (_DECISION, _RESULT):
        tool_logs = [log for log in logs if log.name == name]
        for log, span in match_logs(
            tool_logs, table.of_kind("tool"), _call_id_of_log, _call_id_of_span
        ):
            used.add(id(log))
            _fill_tool(log, span, table)
    turns = [span for span in table.of_kind("agent") if span.name == _TURN]
    prompts = [log for log in logs if log.name == _PROMPT]
    if len(turns) == 1 and prompts:
        used.add(id(prompts[0]))
        prompt = content(prompts[0].attributes.get("prompt"))
        table.fill(turns[0].span_id, {}, input=prompt)
    for log in logs:
        if id(log) not in used:
            table.note(event_of_log(log), log.span_id)


def _call_id_of_log(log: Log) -> Hashable:
    return text(log.attributes.get("call_id"))


def _call_id_of_span(span: Span) -> Hashable:
    return text(span.attributes.get("call_id"))


def _fill_tool(log: Log, span: Span, table: Spans) -> None:
    attributes = log.attributes
    if attributes.get("success") is False:
        table.put(span._replace(status="error"))
    table.fill(
        span.span_id,
        own_attributes(log, ("arguments", "output", "success", "duration_ms")),
        input=parsed(attributes.get("arguments")),
        output=parsed(attributes.get("output")),
    )


def build(trace_id: str, logs: Sequence[Log], table: Spans) -> None:
    """Make the spans of a conversation that only its records tell of."""
    root = derived_id(trace_id, "turn", digits=16)
    steps = [*_build_model_calls(trace_id, root, logs), *_build_tool_calls(trace_id, root, logs)]
    if not steps and not any(log.name == _PROMPT for log in logs):
        return
    turn = _build_span(
        trace_id,
        root,
        None,
        _TURN,
        logs[-1],
        shared_attributes(logs[0], "conversation.id", "model"),
        "agent",
    )
    begin = min([log.time_ns for log in logs] + [span.start_ns for span in steps])
    for span in (*steps, turn._replace(start_ns=max(1, begin))):
        table.put(span)


def _build_model_calls(trace_id: str, root: str, logs: Sequence[Log]) -> list[Span]:
    """A call for each stream that ended with its usage, begun by the request before it."""
    spans, request = [], None
    for log in logs:
        if log.name == _REQUEST:
            status = log.attributes.get("http.response.status_code")
            if status is not None and not str(status).startswith("2"):
                spans.append(_build_failed_call(trace_id, root, log))
            else:
                request = log
        elif log.name == _STREAMED:
            attributes = {key: value for key, value in log.attributes.items() if key not in _USAGE}
            attributes |= {
                name: log.attributes[key] for key, name in _USAGE.items() if key in log.attributes
            }
            span_id = derived_id(trace_id, "call", str(log.time_ns), digits=16)
            span = _build_span(trace_id, span_id, root, "handle_responses", log, attributes, "llm")
            spans.append(span._replace(start_ns=start_of_log(log if request is None else request)))
            request = None
    return spans


def _build_failed_call(trace_id: str, root: str, log: Log) -> Span:
    span_id = derived_id(trace_id, "call", str(log.time_ns), digits=16)
    span = _build_span(trace_id, span_id, root, "handle_responses", log, log.attributes, "llm")
    return span._replace(
        status="error",
        error_type=str(log.attributes.get("http.response.status_code")),
        error_message=text(log.attributes.get("error.message")),
    )


def _build_tool_calls(trace_id: str, root: str, logs: Sequence[Log]) -> list[Span]:
    calls: dict[str, list[Log]] = {}
    for log in logs:
        if log.name in (_DECISION, _RESULT) and (call := text(log.attributes.get("call_id"))):
            calls.setdefault(call, []).append(log)
    spans = []
    for call, records in calls.items():
        attributes: dict[str, Any] = {}
        for log in records:
            attributes.update(log.attributes)
        name = str(attributes.get("tool_name") or "tool")
        span_id = derived_id(trace_id, "tool", call, digits=16)
        span = _build_span(trace_id, span_id, root, name, records[-1], attributes, "tool")
        spans.append(span._replace(start_ns=min(start_of_log(records[-1]), records[0].time_ns)))
    return spans


def _build_span(
    trace_id: str,
    span_id: str,
    parent: str | None,
    name: str,
    log: Log,
    attributes: Any,
    kind: str,
) -> Span:
    span = span_of_log(trace_id, span_id, parent, name, log, attributes)
    return span._replace(
        name=name,
        kind=kind,
        model=span.model if kind == "llm" else None,
        attributes={key: value for key, value in span.attributes.items() if key != INTERNAL},
    )
