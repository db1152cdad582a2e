"""The steps of one Claude Code agent in a turn: its model calls and tools, from rows to spans.

A model call is one message, logged as one row per block; the last row has the usage. A tool runs
from the block that calls it to the row with its result. Rows have no durations: a call starts when
its request was logged, or else at the input that it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from clustertrace.conventions.naming import vendor_of
from clustertrace.conventions.readers import text
from clustertrace.model import EMPTY, Span
from clustertrace.transcripts import claude_rows as row_of
from clustertrace.transcripts.claude_rows import INTERRUPTED
from clustertrace.transcripts.turn import Turn, moment
from clustertrace.understanding.amending import REFUSED
from clustertrace.understanding.endings import ENDS_BADLY
from clustertrace.understanding.reports import RESPONSE_ID

__all__ = ["SCOPE_NAME", "Agent", "Beginning", "Link", "Requests"]

SCOPE_NAME: Final = "com.anthropic.claude_code.transcript"
"""The scope of these spans, which differs from that of Claude Code's telemetry."""

_CALL: Final = "claude_code.llm_request"
_RESTING_REASONS: Final = frozenset({"end_turn", "stop_sequence", "max_tokens", "refusal"})
_REQUESTS_KEPT: Final = 64

RowObject = Mapping[str, Any]


class Link(NamedTuple):
    """The tool call that started a sub-agent."""

    trace_id: str
    span_id: str
    name: str | None
    """The requested type of sub-agent."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How an agent started, for its own span."""

    name: str
    span_id: str
    parent_span_id: str | None
    start_ns: int
    input: Any
    """The prompt that it was given."""
    attributes: RowObject
    agent_id: str = ""
    """Empty for the main agent."""


class Requests:
    """The latest requests: when they were sent, and the hash of their system prompt and tools."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str | None]] = {}

    def note(self, row: RowObject) -> None:
        """Remember a row about a request."""
        at_ns, request_id = moment(row), text(row.get("id"))
        if at_ns is not None and request_id is not None:
            self._known[request_id] = (at_ns, text(row.get("shapeHash")))
            if len(self._known) > _REQUESTS_KEPT:
                del self._known[next(iter(self._known))]

    def of(self, row: RowObject) -> tuple[int | None, str | None]:
        """Time and hash of the request that a message answers."""
        return self._known.get(str(row.get("requestRef")), (None, None))


class Agent:
    """Builds the spans of one agent in one turn from its rows."""

    def __init__(
        self, turn: Turn, requests: Requests, links: dict[str, Link], beginning: Beginning
    ) -> None:
        self._turn = turn
        self._requests = requests
        self._links = links
        self._id = beginning.agent_id
        self._span_id = beginning.span_id
        self._last_ns = beginning.start_ns
        """The time of the agent's last row, at which the next call starts."""
        self._pending_input: list[Any] = []
        """Messages since the agent's last call."""
        self._calls: dict[str, str] = {}
        """Message id → span id."""
        self._tools: dict[str, str] = {}
        """Tool use id → span id."""
        self._retries: list[Any] = []
        self._refused = False
        """Whether the last tool was not permitted."""
        self._answer: str | None = None
        self._last_answer: tuple[str | None, ...] = (None, None, None)
        """Message id, request id and stop reason of the last answer."""
        self._error: tuple[str, str] | None = None
        """Type and message of the error that the agent ended with."""
        self.model: str | None = None
        self.end: str | None = None
        """Why the agent stopped; None while it works."""
        span = turn.span(
            beginning.span_id,
            beginning.parent_span_id,
            beginning.name,
            "agent",
            beginning.start_ns,
            self._with_id(beginning.attributes),
        )
        turn.put(span._replace(status="running", input=beginning.input))

    @property
    def busy(self) -> bool:
        """Whether the agent has started to work."""
        return bool(self._calls or self.end)

    def take(self, row: RowObject) -> None:
        """Read a row."""
        at_ns = max(self._last_ns, moment(row) or 0)
        kind = row.get("type")
        if kind == "user":
            self._user(row, at_ns)
        elif kind == "assistant":
            self._assistant(row, at_ns)
        elif kind == "system":
            self._system(row, at_ns)
        elif kind == "attachment":
            self._attachment(row)

    def running_call_with(self, prompt: str) -> Span | None:
        """The running tool call with this sub-agent prompt; else the last one with any prompt."""
        candidate = None
        for span_id in self._tools.values():
            span = self._turn.get(span_id)
            if span is not None and span.status == "running" and isinstance(span.input, dict):
                if span.input.get("prompt") == prompt:
                    return span
                candidate = span if "prompt" in span.input else candidate
        return candidate

    def describe(self) -> None:
        """Update the agent's own span."""
        span = self._turn.get(self._span_id)
        assert span is not None
        end, error = self.end, self._error
        if error is None and end in ENDS_BADLY:
            error = (end, ENDS_BADLY[end])
        state = "running" if end is None else "error" if error else "ok"
        error_type, message = error if error and end is not None else (None, None)
        self._turn.put(
            span._replace(
                status=state,
                end_ns=None if end is None else self._last_ns,
                output=self._answer,
                finish_reason=end,
                error_type=error_type,
                error_message=message,
            )
        )

    # Input

    def _user(self, row: RowObject, at_ns: int) -> None:
        self._last_ns = at_ns
        if row_of.interruption(row):
            self._interrupt(at_ns)
            return
        for result in row_of.blocks(row, "tool_result"):
            self._result(row, result, at_ns)
        if content := row_of.content(row):
            self._pending_input.append({"role": "user", "content": content})
            self.end = None

    def _interrupt(self, at_ns: int) -> None:
        self.end = "denied" if self._refused else INTERRUPTED
        for span_id in self._tools.values():
            span = self._turn.get(span_id)
            if span is not None and span.status == "running":
                self._turn.put(span._replace(status="ok", end_ns=at_ns, finish_reason=INTERRUPTED))

    def _result(self, row: RowObject, result: RowObject, at_ns: int) -> None:
        span = self._turn.get(self._tools.get(str(result.get("tool_use_id")), ""))
        if span is None:
            return
        status, reason, message = row_of.end_of_tool(row, result)
        self._refused = reason == REFUSED
        attributes = dict(span.attributes)
        tool_result, decision = row.get("toolUseResult"), row.get("permissionDecision")
        if isinstance(decision, dict):
            attributes |= {key: decision[key] for key in ("decision", "source") if key in decision}
        if isinstance(tool_result, dict) and (agent := text(tool_result.get("agentId"))):
            attributes["subagent_id"] = agent
            name = span.input.get("subagent_type") if isinstance(span.input, dict) else None
            self._links[agent] = Link(self._turn.trace_id, span.span_id, text(name))
        self._turn.put(
            span._replace(
                status=status,
                end_ns=at_ns,
                output=result.get("content"),
                finish_reason=reason,
                error_type="tool_error" if status == "error" else None,
                error_message=message,
                attributes=attributes,
            )
        )

    def _system(self, row: RowObject, at_ns: int) -> None:
        subtype = row.get("subtype")
        if subtype == "api_error":
            attributes = {
                key: row[key] for key in ("error", "retryAttempt", "retryInMs") if key in row
            }
            self._retries.append(
                {"name": "api_error", "time_unix_nano": at_ns, "attributes": attributes}
            )
        elif subtype == "compact_boundary":
            metadata = row.get("compactMetadata")
            span_id = self._turn.id_of("compaction", text(row.get("uuid")) or str(at_ns))
            known = metadata if isinstance(metadata, dict) else EMPTY
            span = self._step(span_id, "compaction", "chain", at_ns, known)
            self._turn.put(span._replace(end_ns=at_ns))
        elif subtype == "turn_duration":
            self.end = self.end or "end_turn"
            self._last_ns = at_ns

    def _attachment(self, row: RowObject) -> None:
        """Take prompts that the user queued; other attachments are the program's own."""
        attachment = row.get("attachment")
        if (
            isinstance(attachment, dict)
            and attachment.get("type") == "queued_command"
            and attachment.get("prompt")
        ):
            self._pending_input.append({"role": "user", "content": attachment["prompt"]})

    # Output

    def _assistant(self, row: RowObject, at_ns: int) -> None:
        if row_of.is_error(row):
            self._failed_call(row, at_ns)
        elif not row_of.message(row):
            return  # damaged: it belongs to no call
        elif row_of.message(row).get("model") != row_of.SYNTHETIC:
            self._call(row, at_ns)
        self._last_ns = at_ns

    def _call(self, row: RowObject, at_ns: int) -> None:
        message = row_of.message(row)
        key = text(message.get("id")) or text(row.get("uuid")) or str(at_ns)
        span = self._turn.get(self._calls.get(key, ""))
        if span is None:
            span = self._new_call(row, text(message.get("model")), key, at_ns)
        fields = row_of.usage(row)
        attributes = {**span.attributes, **fields.pop("attributes", {})}
        content = span.output[0]["content"] if span.output else []
        content = [*content, *(block for block in row_of.blocks(row) if block not in content)]
        stop_reason = text(message.get("stop_reason"))
        self._turn.put(
            span._replace(
                end_ns=at_ns,
                output=[{"role": "assistant", "content": content}],
                finish_reason=stop_reason or span.finish_reason,
                attributes=attributes,
                **fields,
            )
        )
        for block in row_of.blocks(row, "tool_use"):
            self._tool(row, block, at_ns)
        calls_tools = any(block.get("type") == "tool_use" for block in content)
        answer_text = "\n".join(
            str(block.get("text")) for block in content if block.get("type") == "text"
        )
        self._answer = answer_text or self._answer
        self._error = None
        self._last_answer = (key, text(row.get("requestId")), stop_reason)
        self.end = _rest_reason(stop_reason, answer_text, calls_tools=calls_tools)

    def _new_call(self, row: RowObject, model: str | None, key: str, at_ns: int) -> Span:
        sent, shape = self._requests.of(row)
        request = text(row.get("requestId"))
        attributes = {
            "request_id": request,
            RESPONSE_ID: request,
            "message.id": key,
            "skill.name": text(row.get("attributionSkill")),
            "effort": text(row.get("effort")),
            "request.shape": shape,
            "events": self._retries or None,
        }
        start_ns = self._last_ns if sent is None else min(max(sent, self._last_ns), at_ns)
        span_id = self._calls[key] = self._turn.id_of("call", key)
        span = self._step(span_id, _CALL, "llm", start_ns, attributes)
        self.model = model or self.model
        input_messages, self._pending_input, self._retries = self._pending_input, [], []
        vendor = (vendor_of(model) if model else None) or "anthropic"
        return span._replace(model=model, provider=vendor, input=input_messages or None)

    def _failed_call(self, row: RowObject, at_ns: int) -> None:
        refused = row_of.message(row).get("stop_reason") == "refusal"
        error_type = "refusal" if refused else text(row.get("error")) or "api_error"
        error_text = row_of.message_text(row) or error_type
        end = self._bad_end_of_answer(row, error_type)
        if end is not None:
            # The request has a row of its own, which says how it ended.
            self.end, self._error = end, (end, error_text)
            return
        model = text(row.get("refusingModel")) or text(row.get("requestedModel"))
        span = self._new_call(row, model, text(row.get("uuid")) or str(at_ns), at_ns)
        self._turn.put(
            span._replace(
                status="error",
                end_ns=at_ns,
                error_type=error_type,
                error_message=error_text,
                finish_reason="refusal" if refused else None,
            )
        )
        self.end = "refusal" if refused else "api_error"
        self._error = (error_type, error_text)

    def _bad_end_of_answer(self, row: RowObject, error_type: str) -> str | None:
        """The stop reason of the last answer if an error row is about it; else None."""
        message, request, stop_reason = self._last_answer
        is_same = message is not None and message == text(row.get("refusedMessageId"))
        is_same = is_same or (request is not None and request == text(row.get("requestId")))
        hit_limit = error_type == "max_output_tokens" and stop_reason == "max_tokens"
        return stop_reason if stop_reason in ENDS_BADLY and (is_same or hit_limit) else None

    def _tool(self, row: RowObject, block: RowObject, at_ns: int) -> None:
        tool_use_id = text(block.get("id")) or str(at_ns)
        if tool_use_id in self._tools:
            return
        name = text(block.get("name")) or "tool"
        tool_input = block.get("input")
        skill = (
            tool_input.get("skill") if name == "Skill" and isinstance(tool_input, dict) else None
        )
        attributes = {
            "tool_use_id": tool_use_id,
            "tool_name": name,
            "skill.name": text(skill) or text(row.get("attributionSkill")),
        }
        span_id = self._tools[tool_use_id] = self._turn.id_of("tool", self._id, tool_use_id)
        span = self._step(span_id, name, "tool", at_ns, attributes)
        self._turn.put(span._replace(status="running", input=tool_input))

    def _step(self, span_id: str, name: str, kind: str, at_ns: int, attributes: RowObject) -> Span:
        """A new span right below the agent's own."""
        attributes = self._with_id(attributes)
        return self._turn.span(span_id, self._span_id, name, kind, at_ns, attributes)

    def _with_id(self, attributes: RowObject) -> RowObject:
        return {**attributes, "agent_id": self._id or None}


def _rest_reason(stop_reason: str | None, answer_text: str, *, calls_tools: bool) -> str | None:
    """Why the agent rests after a message; None if it goes on."""
    if calls_tools:
        return None
    if stop_reason in _RESTING_REASONS:
        return stop_reason
    # Older versions log no stop reason.
    return "end_turn" if answer_text else None
