"""The steps of one turn of Codex: model calls and tools, from rows to spans."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.naming import vendor_of
from clustertrace.conventions.readers import count, parsed, text
from clustertrace.transcripts.turn import Turn, moment
from clustertrace.understanding.amending import REFUSED

__all__ = ["SCOPE_NAME", "Steps", "user_prompt"]

SCOPE_NAME: Final = "codex.transcript"
"""The scope of these spans, which differs from that of Codex's telemetry."""

_TURN: Final = "session_task.turn"
_CALL: Final = "handle_responses"
_INTERRUPTED: Final = "interrupted"
_TOOLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "web_search_call": "action",
}
"""Items that call a tool, and the key of the tool's input."""
_DONE_AT_ONCE: Final = frozenset({"web_search_call"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_EXIT_CODE: Final = re.compile(r"(?:exited with code|Exit code:?)\s+(-?\d{1,9})")
_DECLINED: Final = ("exec command rejected by user", "patch rejected by user")

RowObject = Mapping[str, Any]


def user_prompt(payload: RowObject) -> str | None:
    """The text of an item that the user wrote; None for what the program adds in their name."""
    if payload.get("type") != "message" or payload.get("role") != "user":
        return None
    parts = payload.get("content")
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]
    prompt = "\n".join(texts)
    return None if not prompt or prompt.lstrip().startswith(("<", "# AGENTS.md")) else prompt


class Steps:
    """Builds the spans of a turn from its rows."""

    def __init__(
        self,
        turn: Turn,
        at_ns: int,
        provider: str | None,
        model: str | None,
        *,
        parent_turn: str | None,
    ) -> None:
        """`parent_turn` is the id of the turn that this sub-agent's turn belongs to, if any."""
        self.turn = turn
        self.model = model
        self._provider = provider
        self._root = turn.id_of("turn", turn.prompt or "") if parent_turn else turn.root_id
        self._last_ns = at_ns
        self._pending_input: list[Any] = []
        self._last_call: str | None = None
        """The span of the last model call."""
        self._usage_known = True
        """Whether the usage of that call is known."""
        self._model_spoke_last = False
        """Whether the last item came from the model, so that the next one belongs to its call."""
        self._has_usage_rows = False
        self._total_usage: Any = None
        self._tools: dict[str, str] = {}
        self._answer: str | None = None
        self._end: str | None = None
        self._error: tuple[str, str] | None = None
        parent = turn.root_id if parent_turn else None
        root = turn.span(self._root, parent, _TURN, "agent", at_ns)
        turn.put(root._replace(status="running"))

    @property
    def busy(self) -> bool:
        """Whether the agent has started to work."""
        return self._last_call is not None

    def take(self, row: RowObject, payload: RowObject) -> None:
        """Read a row."""
        at_ns = max(self._last_ns, moment(row) or 0)
        kind, event_type = row.get("type"), payload.get("type")
        if kind == "response_item":
            self._item(payload, at_ns)
        elif kind == "token_usage_record":
            self._has_usage_rows = True
            self._usage(payload.get("usage"), payload.get("response_id"))
        elif kind == "compacted":
            span_id = self.turn.id_of("compaction", str(at_ns))
            span = self.turn.span(span_id, self._root, "compaction", "chain", at_ns)
            self.turn.put(span._replace(end_ns=at_ns))
        elif kind == "event_msg":
            self._event(str(event_type), payload, at_ns)

    def close(self, *, abandoned: bool) -> bool:
        """Update the turn's span; returns whether the turn has ended."""
        root = self.turn.get(self._root)
        assert root is not None
        error, ended = self._error, self._end is not None
        self.turn.put(
            root._replace(
                status="running" if not ended else "error" if error else "ok",
                end_ns=self._last_ns if ended else None,
                output=self._answer,
                finish_reason=self._end,
                error_type=error[0] if error and ended else None,
                error_message=error[1] if error and ended else None,
            )
        )
        if self._end is not None and root.parent_span_id is None:
            self.turn.tags["ended"] = "answered" if self._end == "stop" else self._end
        if abandoned or ended:
            self.turn.close(abandoned=True)
        return ended

    # Items: what user and model said

    def _item(self, payload: RowObject, at_ns: int) -> None:
        item_type = str(payload.get("type"))
        if item_type in _TOOLS:
            self._add_model_item(payload, at_ns)
            self._tool(payload, item_type, at_ns)
        elif item_type in _RESULTS:
            self._result(payload, at_ns)
            self._pending_input.append(dict(payload))
            self._model_spoke_last = False
        elif item_type == "reasoning" or (
            item_type == "message" and payload.get("role") == "assistant"
        ):
            self._add_model_item(payload, at_ns)
        elif (prompt := user_prompt(payload)) is not None:
            root = self.turn.get(self._root)
            if root is not None and root.input is None:
                self.turn.put(root._replace(input=prompt))
            self._pending_input.append({"role": "user", "content": prompt})
            self._model_spoke_last = False
        self._last_ns = at_ns

    def _add_model_item(self, payload: RowObject, at_ns: int) -> None:
        span = self.turn.get(self._last_call or "") if self._model_spoke_last else None
        if span is None:
            key = text(payload.get("id")) or text(payload.get("call_id")) or str(at_ns)
            self._last_call = self.turn.id_of("call", key)
            span = self.turn.span(self._last_call, self._root, _CALL, "llm", self._last_ns)
            vendor = (vendor_of(self.model) if self.model else None) or self._provider
            input_items, self._pending_input = self._pending_input, []
            span = span._replace(model=self.model, provider=vendor, input=input_items or None)
            self._model_spoke_last, self._usage_known = True, False
        item = {key: value for key, value in payload.items() if not key.startswith("internal_")}
        self.turn.put(span._replace(end_ns=at_ns, output=[*(span.output or ()), item]))
        parts = payload.get("content")
        if payload.get("type") == "message" and isinstance(parts, list):
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            self._answer = (
                "\n".join(part for part in texts if isinstance(part, str)) or self._answer
            )

    def _usage(self, usage: Any, response_id: Any = None) -> None:
        span = self.turn.get(self._last_call or "")
        if span is None or not isinstance(usage, dict) or self._usage_known:
            return
        self._usage_known, self._model_spoke_last = True, False
        attributes = {**span.attributes}
        if text(response_id):
            attributes["message.id"] = response_id
        self.turn.put(
            span._replace(
                input_tokens=count(usage.get("input_tokens")),
                output_tokens=count(usage.get("output_tokens")),
                cache_read_tokens=count(usage.get("cached_input_tokens")),
                cache_write_tokens=count(usage.get("cache_write_input_tokens")) or None,
                reasoning_tokens=count(usage.get("reasoning_output_tokens")),
                attributes=attributes,
            )
        )

    # Tools

    def _tool(self, payload: RowObject, item_type: str, at_ns: int) -> None:
        call_id = text(payload.get("call_id")) or text(payload.get("id")) or str(at_ns)
        if call_id in self._tools:
            return
        name = text(payload.get("name")) or item_type.removesuffix("_call")
        span_id = self._tools[call_id] = self.turn.id_of("tool", call_id)
        attributes = {"call_id": call_id, "tool_name": name}
        span = self.turn.span(span_id, self._root, name, "tool", at_ns, attributes)
        is_done = item_type in _DONE_AT_ONCE
        self.turn.put(
            span._replace(
                status="ok" if is_done else "running",
                end_ns=at_ns if is_done else None,
                input=parsed(payload.get(_TOOLS[item_type])),
            )
        )

    def _result(self, payload: RowObject, at_ns: int) -> None:
        span = self.turn.get(self._tools.get(str(payload.get("call_id")), ""))
        if span is None:
            return
        output = parsed(payload.get("output"))
        output_text, failed = _outcome(output)
        refused = span.finish_reason == REFUSED or output_text.startswith(_DECLINED)
        failed = not refused and (failed or span.status == "error")
        self.turn.put(
            span._replace(
                status="error" if failed else "ok",
                end_ns=at_ns,
                output=output,
                finish_reason=REFUSED if refused else None,
                error_type=(span.error_type or "tool_error") if failed else None,
                error_message=output_text if failed else None,
            )
        )

    # Events

    def _event(self, event_type: str, payload: RowObject, at_ns: int) -> None:
        if event_type == "token_count" and not self._has_usage_rows:
            info = payload.get("info")
            if isinstance(info, dict) and info.get("total_token_usage") != self._total_usage:
                self._total_usage = info.get("total_token_usage")
                self._usage(info.get("last_token_usage"))
        elif event_type == "item_completed":
            self._item_completed(payload.get("item"))
        elif event_type == "error":
            self._fail(payload)
        elif event_type == "task_complete":
            self._last_ns = at_ns
            if isinstance(error := payload.get("error"), dict):
                self._fail(error)
            self._answer = self._answer or text(payload.get("last_agent_message"))
            self._end = "api_error" if self._error else "stop"
        elif event_type == "turn_aborted":
            self._last_ns, self._end = at_ns, _INTERRUPTED

    def _item_completed(self, item: Any) -> None:
        """Record how a command ended, which its output may not say."""
        if not isinstance(item, dict):
            return
        span = self.turn.get(self._tools.get(str(item.get("id")), ""))
        if span is None:
            return
        if item.get("status") == "declined":
            self.turn.put(span._replace(finish_reason=REFUSED))
        elif item.get("exit_code") not in (None, 0) or item.get("status") == "failed":
            self.turn.put(span._replace(status="error", error_type="tool_error"))

    def _fail(self, error_payload: RowObject) -> None:
        info = error_payload.get("codex_error_info")
        kind = text(info) or (next(iter(info), None) if isinstance(info, dict) else None)
        self._error = (
            kind or "api_error",
            text(error_payload.get("message")) or "The turn failed.",
        )


def _outcome(output: Any) -> tuple[str, bool]:
    """The output of a tool as text, and whether it reports a failure."""
    failed = False
    if isinstance(output, dict):
        metadata = output.get("metadata")
        code = metadata.get("exit_code") if isinstance(metadata, dict) else None
        failed = output.get("success") is False or code not in (None, 0)
        output = output.get("output", output.get("content", output))
    output_text = output if isinstance(output, str) else str(output)
    exit_match = _EXIT_CODE.search(output_text[:400])
    return output_text, failed or bool(exit_match and int(exit_match[1]) != 0)
