"""What one agent of Claude Code did in a turn: its model calls and tools, from rows to spans.

A model call is one message, logged in a row for each of its blocks; its last row has its usage.
A tool runs from the block that asks for it to the row with its result. There are no durations: a
call begins when its request was logged, else with what it answers to.
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
from clustertrace.understanding.reports import RESPONSE_ID, SCOPE

__all__ = ["Agent", "Beginning", "Link", "Requests"]

SCOPE_NAME: Final = "com.anthropic.claude_code.transcript"
"""The scope of these spans: of Claude Code's own, and told apart from its telemetry."""

_CALL: Final = "claude_code.llm_request"
_RESTING: Final = frozenset({"end_turn", "stop_sequence", "max_tokens", "refusal"})
_REQUESTS_KEPT: Final = 64

RowObject = Mapping[str, Any]


class Link(NamedTuple):
    """The tool call that began a sub-agent."""

    trace_id: str
    span_id: str
    name: str | None
    """What kind of sub-agent was asked for."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How an agent began, as its own span says it."""

    name: str
    span_id: str
    parent_span_id: str | None
    at: int
    given: Any
    """What it was asked."""
    attributes: RowObject
    agent_id: str = ""
    """The main agent has none."""


class Requests:
    """When the latest requests were sent, and what their system prompt and tools hash to."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str | None]] = {}

    def note(self, row: RowObject) -> None:
        """Remember a row about a request."""
        at, request = moment(row), text(row.get("id"))
        if at is not None and request is not None:
            self._known[request] = (at, text(row.get("shapeHash")))
            if len(self._known) > _REQUESTS_KEPT:
                del self._known[next(iter(self._known))]

    def of(self, row: RowObject) -> tuple[int | None, str | None]:
        """The request that a message answers."""
        return self._known.get(str(row.get("requestRef")), (None, None))


class Agent:
    """Takes the rows of one agent in one turn."""

    def __init__(
        self, turn: Turn, requests: Requests, links: dict[str, Link], began: Beginning
    ) -> None:
        self._turn = turn
        self._requests = requests
        self._links = links
        self._id = began.agent_id
        self._span_id = began.span_id
        self._last_ns = began.at
        """When the last thing of it happened, which the next call answers to."""
        self._asked: list[Any] = []
        """Messages since its last call."""
        self._calls: dict[str, str] = {}
        """Message id → span id."""
        self._tools: dict[str, str] = {}
        """Tool use id → span id."""
        self._retries: list[Any] = []
        self._refused = False
        """Whether the last tool was not permitted."""
        self._answer: str | None = None
        self._answered: tuple[str | None, ...] = (None, None, None)
        """Message and request of its last answer, and why that ended."""
        self._error: tuple[str, str] | None = None
        """Type and message of an end in error."""
        self.model: str | None = None
        self.end: str | None = None
        """Why it rests; None while it works."""
        span = self._span(
            *(began.span_id, began.parent_span_id, began.name, "agent", began.at),
            began.attributes,
        )
        turn.put(span._replace(status="running", input=began.given))

    @property
    def busy(self) -> bool:
        """Whether it has begun to work."""
        return bool(self._calls or self.end)

    def take(self, row: RowObject) -> None:
        """Read a row."""
        at = max(self._last_ns, moment(row) or 0)
        kind = row.get("type")
        if kind == "user":
            self._user(row, at)
        elif kind == "assistant":
            self._assistant(row, at)
        elif kind == "system":
            self._system(row, at)
        elif kind == "attachment":
            self._attachment(row)

    def asking_for(self, prompt: str) -> Span | None:
        """The running tool call that gives a sub-agent this prompt; else the last that may."""
        found = None
        for span_id in self._tools.values():
            span = self._turn.get(span_id)
            if span is not None and span.status == "running" and isinstance(span.input, dict):
                if span.input.get("prompt") == prompt:
                    return span
                found = span if "prompt" in span.input else found
        return found

    def describe(self) -> None:
        """Bring the agent's own span up to date."""
        span = self._turn.get(self._span_id)
        assert span is not None
        end, error = self.end, self._error
        if error is None and end in ENDS_BADLY:
            error = (end, ENDS_BADLY[end])
        state = "running" if end is None else "error" if error else "ok"
        kind, message = error if error and end is not None else (None, None)
        self._turn.put(
            span._replace(
                status=state,
                end_ns=None if end is None else self._last_ns,
                output=self._answer,
                finish_reason=end,
                error_type=kind,
                error_message=message,
            )
        )

    # What it was told

    def _user(self, row: RowObject, at: int) -> None:
        self._last_ns = at
        if row_of.interruption(row):
            self._interrupt(at)
            return
        for result in row_of.blocks(row, "tool_result"):
            self._result(row, result, at)
        if content := row_of.content(row):
            self._asked.append({"role": "user", "content": content})
            self.end = None

    def _interrupt(self, at: int) -> None:
        self.end = "denied" if self._refused else INTERRUPTED
        for span_id in self._tools.values():
            span = self._turn.get(span_id)
            if span is not None and span.status == "running":
                self._turn.put(span._replace(status="ok", end_ns=at, finish_reason=INTERRUPTED))

    def _result(self, row: RowObject, result: RowObject, at: int) -> None:
        span = self._turn.get(self._tools.get(str(result.get("tool_use_id")), ""))
        if span is None:
            return
        status, reason, message = row_of.end_of_tool(row, result)
        self._refused = reason == REFUSED
        about = dict(span.attributes)
        structured, decision = row.get("toolUseResult"), row.get("permissionDecision")
        if isinstance(decision, dict):
            about |= {key: decision[key] for key in ("decision", "source") if key in decision}
        if isinstance(structured, dict) and (agent := text(structured.get("agentId"))):
            about["subagent_id"] = agent
            name = span.input.get("subagent_type") if isinstance(span.input, dict) else None
            self._links[agent] = Link(self._turn.trace_id, span.span_id, text(name))
        self._turn.put(
            span._replace(
                status=status,
                end_ns=at,
                output=result.get("content"),
                finish_reason=reason,
                error_type="tool_error" if status == "error" else None,
                error_message=message,
                attributes=about,
            )
        )

    def _system(self, row: RowObject, at: int) -> None:
        what = row.get("subtype")
        if what == "api_error":
            about = {key: row[key] for key in ("error", "retryAttempt", "retryInMs") if key in row}
            self._retries.append({"name": "api_error", "time_unix_nano": at, "attributes": about})
        elif what == "compact_boundary":
            held = row.get("compactMetadata")
            span_id = self._turn.id_of("compaction", text(row.get("uuid")) or str(at))
            known = held if isinstance(held, dict) else EMPTY
            span = self._span(span_id, self._span_id, "compaction", "chain", at, known)
            self._turn.put(span._replace(end_ns=at))
        elif what == "turn_duration":
            self.end = self.end or "end_turn"
            self._last_ns = at

    def _attachment(self, row: RowObject) -> None:
        """What the user said while the agent worked; all else is said by the program itself."""
        held = row.get("attachment")
        if isinstance(held, dict) and held.get("type") == "queued_command" and held.get("prompt"):
            self._asked.append({"role": "user", "content": held["prompt"]})

    # What it said

    def _assistant(self, row: RowObject, at: int) -> None:
        if row_of.is_error(row):
            self._failed_call(row, at)
        elif not row_of.message(row):
            return  # damaged: it says nothing of any call
        elif row_of.message(row).get("model") != row_of.SYNTHETIC:
            self._call(row, at)
        self._last_ns = at

    def _call(self, row: RowObject, at: int) -> None:
        message = row_of.message(row)
        key = text(message.get("id")) or text(row.get("uuid")) or str(at)
        span = self._turn.get(self._calls.get(key, ""))
        if span is None:
            span = self._new_call(row, text(message.get("model")), key, at)
        fields = row_of.usage(row)
        about = {**span.attributes, **fields.pop("attributes", {})}
        held = span.output[0]["content"] if span.output else []
        held = [*held, *(block for block in row_of.blocks(row) if block not in held)]
        stop = text(message.get("stop_reason"))
        self._turn.put(
            span._replace(
                end_ns=at,
                output=[{"role": "assistant", "content": held}],
                finish_reason=stop or span.finish_reason,
                attributes=about,
                **fields,
            )
        )
        for block in row_of.blocks(row, "tool_use"):
            self._tool(row, block, at)
        asks = any(block.get("type") == "tool_use" for block in held)
        answer_text = "\n".join(
            str(block.get("text")) for block in held if block.get("type") == "text"
        )
        self._answer = answer_text or self._answer
        self._error = None
        self._answered = (key, text(row.get("requestId")), stop)
        # Older versions say no reason.
        self.end = (
            None if asks else stop if stop in _RESTING else "end_turn" if answer_text else None
        )

    def _new_call(self, row: RowObject, model: str | None, key: str, at: int) -> Span:
        sent, shape = self._requests.of(row)
        request = text(row.get("requestId"))
        about = {
            "request_id": request,
            RESPONSE_ID: request,
            "message.id": key,
            "skill.name": text(row.get("attributionSkill")),
            "effort": text(row.get("effort")),
            "request.shape": shape,
            "events": self._retries or None,
        }
        began = self._last_ns if sent is None else min(max(sent, self._last_ns), at)
        span_id = self._calls[key] = self._turn.id_of("call", key)
        span = self._span(span_id, self._span_id, _CALL, "llm", began, about)
        self.model = model or self.model
        asked, self._asked, self._retries = self._asked, [], []
        vendor = (vendor_of(model) if model else None) or "anthropic"
        return span._replace(model=model, provider=vendor, input=asked or None)

    def _failed_call(self, row: RowObject, at: int) -> None:
        refused = row_of.message(row).get("stop_reason") == "refusal"
        what = "refusal" if refused else text(row.get("error")) or "api_error"
        error_text = row_of.said_text(row) or what
        answered = self._answered_badly(row, what)
        if answered is not None:
            # Its request has a row, which tells how it ended.
            self.end, self._error = answered, (answered, error_text)
            return
        model = text(row.get("refusingModel")) or text(row.get("requestedModel"))
        span = self._new_call(row, model, text(row.get("uuid")) or str(at), at)
        self._turn.put(
            span._replace(
                status="error",
                end_ns=at,
                error_type=what,
                error_message=error_text,
                finish_reason="refusal" if refused else None,
            )
        )
        self.end = "refusal" if refused else "api_error"
        self._error = (what, error_text)

    def _answered_badly(self, row: RowObject, what: str) -> str | None:
        """Why the answer ended that a row about an error is on; None: it is on no answer."""
        message, request, stop = self._answered
        mine = message is not None and message == text(row.get("refusedMessageId"))
        mine = mine or (request is not None and request == text(row.get("requestId")))
        cut = what == "max_output_tokens" and stop == "max_tokens"
        return stop if stop in ENDS_BADLY and (mine or cut) else None

    def _tool(self, row: RowObject, block: RowObject, at: int) -> None:
        tool_use_id = text(block.get("id")) or str(at)
        if tool_use_id in self._tools:
            return
        name = text(block.get("name")) or "tool"
        tool_input = block.get("input")
        skill = (
            tool_input.get("skill") if name == "Skill" and isinstance(tool_input, dict) else None
        )
        about = {
            "tool_use_id": tool_use_id,
            "tool_name": name,
            "skill.name": text(skill) or text(row.get("attributionSkill")),
        }
        span_id = self._tools[tool_use_id] = self._turn.id_of("tool", self._id, tool_use_id)
        span = self._span(span_id, self._span_id, name, "tool", at, about)
        self._turn.put(span._replace(status="running", input=tool_input))

    def _span(
        self, span_id: str, parent: str | None, name: str, kind: str, at: int, about: RowObject
    ) -> Span:
        known = {key: value for key, value in about.items() if value is not None}
        attributes = {SCOPE: SCOPE_NAME, "session.id": self._turn.session_id, **known}
        if self._id:
            attributes["agent_id"] = self._id
        return self._turn.span(span_id, parent, name, kind, at, attributes=attributes)
