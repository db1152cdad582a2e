"""The steps of one turn of Codex: model calls and tools, from rows to spans."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.naming import vendor_of
from clustertrace.conventions.readers import count, parsed, text
from clustertrace.model import EMPTY, Span
from clustertrace.transcripts.turn import Turn, moment
from clustertrace.understanding.amending import REFUSED
from clustertrace.understanding.reports import SCOPE

__all__ = ["SCOPE_NAME", "Steps", "said_by_user"]

SCOPE_NAME: Final = "codex.transcript"
"""The scope of these spans: of Codex's own, and told apart from its telemetry."""

_TURN: Final = "session_task.turn"
_CALL: Final = "handle_responses"
_INTERRUPTED: Final = "interrupted"
_TOOLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "web_search_call": "action",
}
"""Items that call a tool, and where they keep what it is given."""
_DONE_AT_ONCE: Final = frozenset({"web_search_call"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_EXIT_CODE: Final = re.compile(r"(?:exited with code|Exit code:?)\s+(-?\d{1,9})")
_DECLINED: Final = ("exec command rejected by user", "patch rejected by user")

Told = Mapping[str, Any]


def said_by_user(payload: Told) -> str | None:
    """What an item says in the user's own words; None for what the program says for them."""
    if payload.get("type") != "message" or payload.get("role") != "user":
        return None
    parts = payload.get("content")
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    said = "\n".join(texts)
    return None if not said or said.lstrip().startswith(("<", "# AGENTS.md")) else said


class Steps:
    """Takes the rows of a turn."""

    def __init__(
        self, turn: Turn, at: int, provider: str | None, model: str | None, *, inner: str | None
    ) -> None:
        """`inner`: this is a sub-agent's turn, below the one of this id."""
        self.turn = turn
        self.model = model
        self._provider = provider
        self._root = turn.id_of("turn", turn.prompt or "") if inner else turn.root_id
        self._last_ns = at
        self._asked: list[Any] = []
        self._call: str | None = None
        """The span of the last model call."""
        self._counted = True
        """Whether the tokens of that call are known."""
        self._said = False
        """Whether what came last came from the model."""
        self._usage_rows = False
        self._total: Any = None
        self._tools: dict[str, str] = {}
        self._answer: str | None = None
        self._end: str | None = None
        self._error: tuple[str, str] | None = None
        parent = turn.root_id if inner else None
        root = self._span(self._root, parent, _TURN, "agent", at)
        turn.put(root._replace(status="running"))

    @property
    def busy(self) -> bool:
        """Whether the agent has begun to work."""
        return self._call is not None

    def take(self, told: Told, payload: Told) -> None:
        """Read a row."""
        at = max(self._last_ns, moment(told) or 0)
        kind, what = told.get("type"), payload.get("type")
        if kind == "response_item":
            self._item(payload, at)
        elif kind == "token_usage_record":
            self._usage_rows = True
            self._usage(payload.get("usage"), payload.get("response_id"))
        elif kind == "compacted":
            span = self._span(self.turn.id_of("compaction", str(at)), self._root, "compaction",
                              "chain", at)  # fmt: skip
            self.turn.put(span._replace(end_ns=at))
        elif kind == "event_msg":
            self._event(str(what), payload, at)

    def close(self, *, gone: bool) -> bool:
        """Bring the turn's span up to date; whether it has come to its end."""
        root = self.turn.get(self._root)
        assert root is not None
        error, rests = self._error, self._end is not None
        self.turn.put(
            root._replace(
                status="running" if not rests else "error" if error else "ok",
                end_ns=self._last_ns if rests else None,
                output=self._answer,
                finish_reason=self._end,
                error_type=error[0] if error and rests else None,
                error_message=error[1] if error and rests else None,
            )
        )
        if self._end is not None and root.parent_span_id is None:
            self.turn.tags["ended"] = "answered" if self._end == "stop" else self._end
        if gone or rests:
            self.turn.close(gone=True)
        return rests

    # What was said

    def _item(self, payload: Told, at: int) -> None:
        what = str(payload.get("type"))
        if what in _TOOLS:
            self._model_said(payload, at)
            self._tool(payload, what, at)
        elif what in _RESULTS:
            self._result(payload, at)
            self._asked.append(dict(payload))
            self._said = False
        elif what == "reasoning" or (what == "message" and payload.get("role") == "assistant"):
            self._model_said(payload, at)
        elif (said := said_by_user(payload)) is not None:
            root = self.turn.get(self._root)
            if root is not None and root.input is None:
                self.turn.put(root._replace(input=said))
            self._asked.append({"role": "user", "content": said})
            self._said = False
        self._last_ns = at

    def _model_said(self, payload: Told, at: int) -> None:
        span = self.turn.get(self._call or "") if self._said else None
        if span is None:
            key = text(payload.get("id")) or text(payload.get("call_id")) or str(at)
            self._call = self.turn.id_of("call", key)
            span = self._span(self._call, self._root, _CALL, "llm", self._last_ns)
            vendor = (vendor_of(self.model) if self.model else None) or self._provider
            asked, self._asked = self._asked, []
            span = span._replace(model=self.model, provider=vendor, input=asked or None)
            self._said, self._counted = True, False
        item = {key: value for key, value in payload.items() if not key.startswith("internal_")}
        self.turn.put(span._replace(end_ns=at, output=[*(span.output or ()), item]))
        parts = payload.get("content")
        if payload.get("type") == "message" and isinstance(parts, list):
            said = [part.get("text") for part in parts if isinstance(part, dict)]
            self._answer = "\n".join(part for part in said if isinstance(part, str)) or self._answer

    def _usage(self, used: Any, response: Any = None) -> None:
        span = self.turn.get(self._call or "")
        if span is None or not isinstance(used, dict) or self._counted:
            return
        self._counted, self._said = True, False
        about = {**span.attributes}
        if text(response):
            about["message.id"] = response
        self.turn.put(
            span._replace(
                input_tokens=count(used.get("input_tokens")),
                output_tokens=count(used.get("output_tokens")),
                cache_read_tokens=count(used.get("cached_input_tokens")),
                cache_write_tokens=count(used.get("cache_write_input_tokens")) or None,
                reasoning_tokens=count(used.get("reasoning_output_tokens")),
                attributes=about,
            )
        )

    # Tools

    def _tool(self, payload: Told, what: str, at: int) -> None:
        used = text(payload.get("call_id")) or text(payload.get("id")) or str(at)
        if used in self._tools:
            return
        name = text(payload.get("name")) or what.removesuffix("_call")
        span_id = self._tools[used] = self.turn.id_of("tool", used)
        about = {"call_id": used, "tool_name": name}
        span = self._span(span_id, self._root, name, "tool", at, about)
        done = what in _DONE_AT_ONCE
        self.turn.put(
            span._replace(
                status="ok" if done else "running",
                end_ns=at if done else None,
                input=parsed(payload.get(_TOOLS[what])),
            )
        )

    def _result(self, payload: Told, at: int) -> None:
        span = self.turn.get(self._tools.get(str(payload.get("call_id")), ""))
        if span is None:
            return
        output = parsed(payload.get("output"))
        said, failed = _outcome(output)
        refused = span.finish_reason == REFUSED or said.startswith(_DECLINED)
        failed = not refused and (failed or span.status == "error")
        self.turn.put(
            span._replace(
                status="error" if failed else "ok",
                end_ns=at,
                output=output,
                finish_reason=REFUSED if refused else None,
                error_type=(span.error_type or "tool_error") if failed else None,
                error_message=said if failed else None,
            )
        )

    # What happened besides

    def _event(self, what: str, payload: Told, at: int) -> None:
        if what == "token_count" and not self._usage_rows:
            told = payload.get("info")
            if isinstance(told, dict) and told.get("total_token_usage") != self._total:
                self._total = told.get("total_token_usage")
                self._usage(told.get("last_token_usage"))
        elif what == "item_completed":
            self._item_completed(payload.get("item"))
        elif what == "error":
            self._fail(payload)
        elif what == "task_complete":
            self._last_ns = at
            if isinstance(error := payload.get("error"), dict):
                self._fail(error)
            self._answer = self._answer or text(payload.get("last_agent_message"))
            self._end = "api_error" if self._error else "stop"
        elif what == "turn_aborted":
            self._last_ns, self._end = at, _INTERRUPTED

    def _item_completed(self, item: Any) -> None:
        """How a command ended, which its output need not say."""
        if not isinstance(item, dict):
            return
        span = self.turn.get(self._tools.get(str(item.get("id")), ""))
        if span is None:
            return
        if item.get("status") == "declined":
            self.turn.put(span._replace(finish_reason=REFUSED))
        elif item.get("exit_code") not in (None, 0) or item.get("status") == "failed":
            self.turn.put(span._replace(status="error", error_type="tool_error"))

    def _fail(self, told: Told) -> None:
        info = told.get("codex_error_info")
        kind = text(info) or (next(iter(info), None) if isinstance(info, dict) else None)
        self._error = (kind or "api_error", text(told.get("message")) or "The turn failed.")

    def _span(
        self, span_id: str, parent: str | None, name: str, kind: str, at: int, about: Told = EMPTY
    ) -> Span:
        told = {SCOPE: SCOPE_NAME, "session.id": self.turn.session_id, **about}
        return self.turn.span(span_id, parent, name, kind, at, attributes=told)


def _outcome(output: Any) -> tuple[str, bool]:
    """What a tool said, as text, and whether that tells of a failure."""
    failed = False
    if isinstance(output, dict):
        about = output.get("metadata")
        code = about.get("exit_code") if isinstance(about, dict) else None
        failed = output.get("success") is False or code not in (None, 0)
        output = output.get("output", output.get("content", output))
    said = output if isinstance(output, str) else str(output)
    found = _EXIT_CODE.search(said[:400])
    return said, failed or bool(found and int(found[1]) != 0)
