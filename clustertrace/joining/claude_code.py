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
from clustertrace.conventions.readers import dollars, parsed, said, text
from clustertrace.joining.filling import Spans, event, made, own, pairs, shared, started
from clustertrace.model import Log, Span
from clustertrace.pricing import unpriced
from clustertrace.understanding.amending import REFUSED

__all__ = ["build", "fill"]

_NAME: Final = "claude_code."
_TURN: Final = "claude_code.interaction"
_CALLS: Final = ("api_request", "api_error")
_IDS: Final = ("session.id", "prompt.id", "user.id")
_AGENTS: Final = frozenset({"Agent", "Task"})
"""Tools that run a sub-agent."""

_SAID: Final = frozenset(
    ("prompt", "prompt_text", "response", "body", "tool_input", "error", "cost_usd", "success")
)
"""Attributes that become fields."""


def fill(logs: Sequence[Log], table: Spans) -> None:
    """Fill the spans of Claude Code; a record that is about none becomes an event of its span."""
    used = {
        id(log) for part in (_calls, _answers, _bodies, _tools, _turns) for log in part(logs, table)
    }
    for log in logs:
        if id(log) not in used:
            table.note(event(log), log.span_id)


def _of(logs: Iterable[Log], *events: str) -> list[Log]:
    return [log for log in logs if log.name.removeprefix(_NAME) in events]


def _request(log: Log) -> Hashable:
    return text(log.attributes.get("request_id"))


def _request_of(span: Span) -> Hashable:
    told = span.attributes
    return text(told.get("request_id")) or text(told.get("gen_ai.response.id"))


def _calls(logs: Sequence[Log], table: Spans) -> list[Log]:
    """Cost, and the split of written cache tokens, to the model call."""
    found = pairs(_of(logs, *_CALLS), table.of_kind("llm"), _request, _request_of)
    for log, span in found:
        cost = dollars(log.attributes.get("cost_usd"))
        if cost is not None:
            table.put(unpriced(span)._replace(cost_usd=cost))
        table.fill(span.span_id, own(log, _SAID))
    return [log for log, _ in found]


def _answers(logs: Sequence[Log], table: Spans) -> list[Log]:
    answers = _of(logs, "assistant_response")
    found = pairs(answers, table.of_kind("llm"), _request, _request_of)
    for log, span in found:
        table.fill(span.span_id, {}, output=said(log.attributes.get("response")))
    return [log for log, _ in found]


def _bodies(logs: Sequence[Log], table: Spans) -> list[Log]:
    """Whole requests and responses: the response names the call, and its request."""
    responses = _of(logs, "api_response_body")
    requests = {
        key: log
        for log in _of(logs, "api_request_body")
        if (key := text(log.attributes.get("request_body_id")))
    }
    used: list[Log] = []
    for log, span in pairs(responses, table.of_kind("llm"), _request, _request_of):
        used.append(log)
        answer = parsed(log.attributes.get("body"))
        if isinstance(answer, dict) and answer.get("content"):
            now = table.get(span.span_id) or span
            message = [{"role": "assistant", "content": answer["content"]}]
            table.put(now._replace(output=message))
        else:
            table.fill(span.span_id, {}, output=answer)
        request = requests.get(str(log.attributes.get("request_body_id")))
        if request is not None:
            used.append(request)
            table.fill(span.span_id, {}, input=_asked(request))
    return used


def _asked(request: Log) -> Any:
    body = parsed(request.attributes.get("body"))
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return body
    system = body.get("system")
    return with_system(system, body["messages"]) if system else body["messages"]


def _tool(log: Log) -> Hashable:
    used = text(log.attributes.get("tool_use_id"))
    return used and (used, str(log.attributes.get("tool_name")))


def _tool_of(span: Span) -> Hashable:
    used = text(span.attributes.get("tool_use_id"))
    return used and (used, str(span.attributes.get("tool_name")))


def _tools(logs: Sequence[Log], table: Spans) -> list[Log]:
    used = []
    for name in ("tool_decision", "tool_result"):
        for log, span in pairs(_of(logs, name), table.of_kind("tool"), _tool, _tool_of):
            used.append(log)
            told = log.attributes
            given = said(told.get("tool_input"))
            now = table.get(span.span_id) or span
            if given is not None and not isinstance(now.input, dict):
                # The span has a command or a file alone, which is part of it.
                now = now._replace(input=given)
            if told.get("success") is False and now.finish_reason != REFUSED:
                now = now._replace(
                    status="error",
                    error_type=now.error_type or text(told.get("error_type")),
                    error_message=now.error_message or text(told.get("error")),
                )
            table.put(now)
            table.fill(span.span_id, own(log, _SAID), input=given)
    return used


def _turns(logs: Sequence[Log], table: Spans) -> list[Log]:
    """The prompt, and the last answer that is no sub-agent's, to the turn."""
    turns = [span for span in table.of_kind("agent") if span.name == _TURN]
    used = []
    for log in _of(logs, "user_prompt"):
        turn = next((span for span in turns if span.span_id == log.span_id), None)
        if turn is None and len(turns) == 1:
            turn = turns[0]
        if turn is not None:
            used.append(log)
            given = said(log.attributes.get("prompt"))
            table.fill(turn.span_id, own(log, _SAID), input=given)
    for turn in turns:
        answers = [
            answer
            for log in _of(logs, "assistant_response")
            if "agent_id" not in log.attributes
            and (len(turns) == 1 or log.span_id == turn.span_id)
            and (answer := said(log.attributes.get("response"))) is not None
        ]
        table.fill(turn.span_id, {}, output=answers[-1] if answers else None)
    return used


def build(trace_id: str, logs: Sequence[Log], table: Spans) -> None:
    """Make the spans of a turn that only its records tell of."""
    root = derived_id(trace_id, "turn", digits=16)
    calls = [_made_call(trace_id, root, log) for log in _of(logs, *_CALLS)]
    tools = _made_tools(trace_id, root, logs)
    agents = _made_agents(trace_id, root, logs, [*calls, *tools])
    whose = {agent.attributes["agent_id"]: agent.span_id for agent in agents}
    steps = [
        span._replace(parent_span_id=whose.get(str(span.attributes.get("agent_id")), root))
        for span in (*calls, *tools)
    ]
    for span in (*steps, *agents):
        table.put(span)
    table.put(_made_turn(trace_id, root, logs, [*steps, *agents]))


def _made_call(trace_id: str, root: str, log: Log) -> Span:
    failed = log.name.endswith("error")
    told = {**log.attributes, "span.type": "llm_request", "success": not failed}
    key = (str(told.get("request_id")), str(told.get("event.sequence")), str(log.time_ns))
    span_id = derived_id(trace_id, "call", *key, digits=16)
    span = made(trace_id, span_id, root, _NAME + "llm_request", log, told)
    return span._replace(error_type=str(told.get("status_code") or "api_error")) if failed else span


def _made_tools(trace_id: str, root: str, logs: Sequence[Log]) -> list[Span]:
    """A span for each tool call: its result ends it; one that was refused has none."""
    calls: dict[Hashable, list[Log]] = {}
    for log in _of(logs, "tool_decision", "tool_result"):
        if (key := _tool(log)) is not None:
            calls.setdefault((key, str(log.attributes.get("agent_id"))), []).append(log)
    spans = []
    for key, records in calls.items():
        last = records[-1]
        told = {"span.type": "tool"}
        for log in records:
            told.update(log.attributes)
        span_id = derived_id(trace_id, "tool", repr(key), digits=16)
        span = made(trace_id, span_id, root, _NAME + "tool", last, told)
        if told.get("decision") == "reject":
            span = span._replace(status="ok", finish_reason=REFUSED)
        spans.append(span._replace(start_ns=min(started(last), records[0].time_ns)))
    return spans


def _made_agents(
    trace_id: str, root: str, logs: Sequence[Log], steps: Sequence[Span]
) -> list[Span]:
    """A span for each sub-agent, below the tool call that began it."""
    spans = []
    by_agent: dict[str, list[Log]] = {}
    for log in logs:
        if agent := text(log.attributes.get("agent_id")):
            by_agent.setdefault(agent, []).append(log)
    launches = [span for span in steps if span.name in _AGENTS]
    for agent, records in by_agent.items():
        inside = [span for span in steps if span.attributes.get("agent_id") == agent]
        begin = min(
            [started(log) for log in records] + [span.start_ns for span in inside],
        )
        end = max(log.time_ns for log in records)
        before = [
            span
            for span in launches
            if span.start_ns <= begin and span.attributes.get("agent_id") != agent
        ]
        parent = max(before, key=lambda span: span.start_ns).span_id if before else root
        names = (
            text(log.attributes.get(key)) for log in records for key in ("agent.name", "agent_type")
        )
        name = next((name for name in names if name), agent)
        done = _of(records, "subagent_completed")
        told = own(done[-1], ("total_tokens",)) if done else {}
        told |= shared(records[0], *_IDS) | {
            "agent_id": agent,
            "agent.name": name,
            "span.type": "interaction",
        }
        span_id = derived_id(trace_id, "agent", agent, digits=16)
        span = made(trace_id, span_id, parent, name, records[-1], told)
        spans.append(span._replace(start_ns=begin, end_ns=end, model=None))
    return spans


def _made_turn(trace_id: str, root: str, logs: Sequence[Log], steps: Sequence[Span]) -> Span:
    told = shared(logs[0], *_IDS) | {"span.type": "interaction"}
    turn = made(trace_id, root, None, _TURN, logs[-1], told)
    begin = min([log.time_ns for log in logs] + [span.start_ns for span in steps])
    end = max([log.time_ns for log in logs] + [span.end_ns or 0 for span in steps])
    own_calls = [span for span in steps if span.kind == "llm" and "agent_id" not in span.attributes]
    last = max(own_calls, key=lambda span: span.end_ns or 0, default=None)
    if last is not None and last.status == "error":
        turn = turn._replace(
            status="error", error_type=last.error_type, error_message=last.error_message
        )
    return turn._replace(start_ns=max(1, begin), end_ns=end)
