"""Claude Code's log events: what they add to its spans, and a turn's spans made of them alone.

https://code.claude.com/docs/en/monitoring-usage. Cost is told in `api_request` only; a record's
span id is that of the turn (or of the tool that runs a sub-agent), never of the model call, which
is found by `request_id`. Without traces a turn is a `prompt.id`, a tool call a `tool_use_id`, a
sub-agent an `agent_id`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

from clustertrace.conventions.content import with_system
from clustertrace.conventions.otlp.log_homes import derived_id
from clustertrace.conventions.readers import content, dollars, parsed, text
from clustertrace.joining.filling import (
    Spans,
    event_of_log,
    match_logs,
    own_attributes,
    shared_attributes,
    span_of_log,
    start_of_log,
)
from clustertrace.model import Log, Span
from clustertrace.pricing import unpriced
from clustertrace.understanding.amending import REFUSED

__all__ = ["build", "fill"]

_PREFIX: Final = "claude_code."
_TURN: Final = "claude_code.interaction"
_CALL_EVENTS: Final = ("api_request", "api_error")
_IDS: Final = ("session.id", "prompt.id", "user.id")
_AGENT_TOOLS: Final = frozenset({"Agent", "Task"})
"""Tools that run a sub-agent."""

_FIELD_ATTRIBUTES: Final = frozenset(
    ("prompt", "prompt_text", "response", "body", "tool_input", "error", "cost_usd", "success")
)
"""Attributes that become fields."""


def fill(logs: Sequence[Log], table: Spans) -> None:
    """Fill the spans of Claude Code; a record that is about none becomes an event of its span."""
    used = {
        id(log)
        for part in (_fill_calls, _fill_answers, _fill_bodies, _fill_tools, _fill_turns)
        for log in part(logs, table)
    }
    for log in logs:
        if id(log) not in used:
            table.note(event_of_log(log), log.span_id)


def _logs_of_events(logs: Iterable[Log], *events: str) -> list[Log]:
    return [log for log in logs if log.name.removeprefix(_PREFIX) in events]


def _request_id_of_log(log: Log) -> Hashable:
    return text(log.attributes.get("request_id"))


def _request_id_of_span(span: Span) -> Hashable:
    attributes = span.attributes
    return text(attributes.get("request_id")) or text(attributes.get("gen_ai.response.id"))


def _fill_calls(logs: Sequence[Log], table: Spans) -> list[Log]:
    """Cost, and the split of written cache tokens, to the model call."""
    matches = match_logs(
        _logs_of_events(logs, *_CALL_EVENTS),
        table.of_kind("llm"),
        _request_id_of_log,
        _request_id_of_span,
    )
    for log, span in matches:
        cost = dollars(log.attributes.get("cost_usd"))
        if cost is not None:
            table.put(unpriced(span)._replace(cost_usd=cost))
        table.fill(span.span_id, own_attributes(log, _FIELD_ATTRIBUTES))
    return [log for log, _ in matches]


def _fill_answers(logs: Sequence[Log], table: Spans) -> list[Log]:
    answers = _logs_of_events(logs, "assistant_response")
    matches = match_logs(answers, table.of_kind("llm"), _request_id_of_log, _request_id_of_span)
    for log, span in matches:
        table.fill(span.span_id, {}, output=content(log.attributes.get("response")))
    return [log for log, _ in matches]


def _fill_bodies(logs: Sequence[Log], table: Spans) -> list[Log]:
    """Whole requests and responses: the response names the call, and its request."""
    responses = _logs_of_events(logs, "api_response_body")
    requests = {
        key: log
        for log in _logs_of_events(logs, "api_request_body")
        if (key := text(log.attributes.get("request_body_id")))
    }
    used: list[Log] = []
    for log, span in match_logs(
        responses, table.of_kind("llm"), _request_id_of_log, _request_id_of_span
    ):
        used.append(log)
        response = parsed(log.attributes.get("body"))
        if isinstance(response, dict) and response.get("content"):
            current = table.get(span.span_id) or span
            message = [{"role": "assistant", "content": response["content"]}]
            table.put(current._replace(output=message))
        else:
            table.fill(span.span_id, {}, output=response)
        request = requests.get(str(log.attributes.get("request_body_id")))
        if request is not None:
            used.append(request)
            table.fill(span.span_id, {}, input=_request_messages(request))
    return used


def _request_messages(request: Log) -> Any:
    body = parsed(request.attributes.get("body"))
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return body
    system = body.get("system")
    return with_system(system, body["messages"]) if system else body["messages"]


def _tool_key_of_log(log: Log) -> Hashable:
    tool_use_id = text(log.attributes.get("tool_use_id"))
    return tool_use_id and (tool_use_id, str(log.attributes.get("tool_name")))


def _tool_key_of_span(span: Span) -> Hashable:
    tool_use_id = text(span.attributes.get("tool_use_id"))
    return tool_use_id and (tool_use_id, str(span.attributes.get("tool_name")))


def _fill_tools(logs: Sequence[Log], table: Spans) -> list[Log]:
    used = []
    for name in ("tool_decision", "tool_result"):
        for log, span in match_logs(
            _logs_of_events(logs, name), table.of_kind("tool"), _tool_key_of_log, _tool_key_of_span
        ):
            used.append(log)
            attributes = log.attributes
            tool_input = content(attributes.get("tool_input"))
            current = table.get(span.span_id) or span
            if tool_input is not None and not isinstance(current.input, dict):
                # The span has a command or a file alone, which is part of it.
                current = current._replace(input=tool_input)
            if attributes.get("success") is False and current.finish_reason != REFUSED:
                current = current._replace(
                    status="error",
                    error_type=current.error_type or text(attributes.get("error_type")),
                    error_message=current.error_message or text(attributes.get("error")),
                )
            table.put(current)
            table.fill(span.span_id, own_attributes(log, _FIELD_ATTRIBUTES), input=tool_input)
    return used


def _fill_turns(logs: Sequence[Log], table: Spans) -> list[Log]:
    """The prompt, and the last answer that is no sub-agent's, to the turn."""
    turns = [span for span in table.of_kind("agent") if span.name == _TURN]
    used = []
    for log in _logs_of_events(logs, "user_prompt"):
        turn = next((span for span in turns if span.span_id == log.span_id), None)
        if turn is None and len(turns) == 1:
            turn = turns[0]
        if turn is not None:
            used.append(log)
            prompt = content(log.attributes.get("prompt"))
            table.fill(turn.span_id, own_attributes(log, _FIELD_ATTRIBUTES), input=prompt)
    for turn in turns:
        answers = [
            answer
            for log in _logs_of_events(logs, "assistant_response")
            if "agent_id" not in log.attributes
            and (len(turns) == 1 or log.span_id == turn.span_id)
            and (answer := content(log.attributes.get("response"))) is not None
        ]
        table.fill(turn.span_id, {}, output=answers[-1] if answers else None)
    return used


def build(trace_id: str, logs: Sequence[Log], table: Spans) -> None:
    """Make the spans of a turn that only its records tell of."""
    root = derived_id(trace_id, "turn", digits=16)
    calls = [_build_call(trace_id, root, log) for log in _logs_of_events(logs, *_CALL_EVENTS)]
    tools = _build_tools(trace_id, root, logs)
    agents = _build_agents(trace_id, root, logs, [*calls, *tools])
    span_of_agent = {agent.attributes["agent_id"]: agent.span_id for agent in agents}
    steps = [
        span._replace(parent_span_id=span_of_agent.get(str(span.attributes.get("agent_id")), root))
        for span in (*calls, *tools)
    ]
    for span in (*steps, *agents):
        table.put(span)
    table.put(_build_turn(trace_id, root, logs, [*steps, *agents]))


def _build_call(trace_id: str, root: str, log: Log) -> Span:
    failed = log.name.endswith("error")
    attributes = {**log.attributes, "span.type": "llm_request", "success": not failed}
    key = (
        str(attributes.get("request_id")),
        str(attributes.get("event.sequence")),
        str(log.time_ns),
    )
    span_id = derived_id(trace_id, "call", *key, digits=16)
    span = span_of_log(trace_id, span_id, root, _PREFIX + "llm_request", log, attributes)
    return (
        span._replace(error_type=str(attributes.get("status_code") or "api_error"))
        if failed
        else span
    )


def _build_tools(trace_id: str, root: str, logs: Sequence[Log]) -> list[Span]:
    """A span for each tool call: its result ends it; one that was refused has none."""
    calls: dict[Hashable, list[Log]] = {}
    for log in _logs_of_events(logs, "tool_decision", "tool_result"):
        if (key := _tool_key_of_log(log)) is not None:
            calls.setdefault((key, str(log.attributes.get("agent_id"))), []).append(log)
    spans = []
    for key, records in calls.items():
        last_log = records[-1]
        attributes = {"span.type": "tool"}
        for log in records:
            attributes.update(log.attributes)
        span_id = derived_id(trace_id, "tool", repr(key), digits=16)
        span = span_of_log(trace_id, span_id, root, _PREFIX + "tool", last_log, attributes)
        if attributes.get("decision") == "reject":
            span = span._replace(status="ok", finish_reason=REFUSED)
        spans.append(span._replace(start_ns=min(start_of_log(last_log), records[0].time_ns)))
    return spans


def _build_agents(
    trace_id: str, root: str, logs: Sequence[Log], steps: Sequence[Span]
) -> list[Span]:
    """A span for each sub-agent, below the tool call that began it."""
    spans = []
    by_agent: dict[str, list[Log]] = {}
    for log in logs:
        if agent := text(log.attributes.get("agent_id")):
            by_agent.setdefault(agent, []).append(log)
    launches = [span for span in steps if span.name in _AGENT_TOOLS]
    for agent, records in by_agent.items():
        agent_steps = [span for span in steps if span.attributes.get("agent_id") == agent]
        begin = min(
            [start_of_log(log) for log in records] + [span.start_ns for span in agent_steps],
        )
        end = max(log.time_ns for log in records)
        earlier_launches = [
            span
            for span in launches
            if span.start_ns <= begin and span.attributes.get("agent_id") != agent
        ]
        parent = (
            max(earlier_launches, key=lambda span: span.start_ns).span_id
            if earlier_launches
            else root
        )
        names = (
            text(log.attributes.get(key)) for log in records for key in ("agent.name", "agent_type")
        )
        name = next((name for name in names if name), agent)
        completed = _logs_of_events(records, "subagent_completed")
        attributes = own_attributes(completed[-1], ("total_tokens",)) if completed else {}
        attributes |= shared_attributes(records[0], *_IDS) | {
            "agent_id": agent,
            "agent.name": name,
            "span.type": "interaction",
        }
        span_id = derived_id(trace_id, "agent", agent, digits=16)
        span = span_of_log(trace_id, span_id, parent, name, records[-1], attributes)
        spans.append(span._replace(start_ns=begin, end_ns=end, model=None))
    return spans


def _build_turn(trace_id: str, root: str, logs: Sequence[Log], steps: Sequence[Span]) -> Span:
    attributes = shared_attributes(logs[0], *_IDS) | {"span.type": "interaction"}
    turn = span_of_log(trace_id, root, None, _TURN, logs[-1], attributes)
    begin = min([log.time_ns for log in logs] + [span.start_ns for span in steps])
    end = max([log.time_ns for log in logs] + [span.end_ns or 0 for span in steps])
    own_calls = [span for span in steps if span.kind == "llm" and "agent_id" not in span.attributes]
    last_call = max(own_calls, key=lambda span: span.end_ns or 0, default=None)
    if last_call is not None and last_call.status == "error":
        turn = turn._replace(
            status="error", error_type=last_call.error_type, error_message=last_call.error_message
        )
    return turn._replace(start_ns=max(1, begin), end_ns=end)
