"""The Responses API: requests, replies, and replies as events.

Its count of input tokens includes cached ones, as ours does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clustertrace.wrap.facts import Endpoint, Reply, Request, section
from clustertrace.wrap.messages import arguments, message, plain, text_part, thought_part
from clustertrace.wrap.openai_replies import ending_of, response_body, response_events

__all__ = ["RESPONSES"]

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _request(body: Mapping[str, Any]) -> Request:
    rest = dict(body)
    model, tools, input_items = (
        rest.pop("model", None),
        rest.pop("tools", None),
        rest.pop("input", None),
    )
    instructions = rest.pop("instructions", None)
    conversation = [message("system", [text_part(instructions)])] if instructions else []
    if isinstance(input_items, str):
        conversation.append(message("user", [text_part(input_items)]))
    else:
        conversation.extend(_item(plain(item)) for item in input_items or ())
    effort = section(rest, "reasoning").get("effort")
    return Request("chat", model, conversation, {**rest, "reasoning_effort": effort}, tools)


def _item(item: Any) -> Any:
    """An item of a conversation as a message."""
    if not isinstance(item, Mapping):
        return item
    kind = item.get("type", "message")
    if kind in _CALLS:
        return message("assistant", [], [_call(item)])
    if kind in _RESULTS:
        output = item.get("output")
        parts = [text_part(output)] if isinstance(output, str) else _parts(output)
        return message("tool", parts, tool_call_id=item.get("call_id"))
    if kind == "message" and "role" in item:
        content = item.get("content")
        parts = [text_part(content)] if isinstance(content, str) else _parts(content)
        return message(str(item["role"]), parts)
    return message("assistant", _model_parts(item))


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    parsed = arguments(item.get("arguments", item.get("input")))
    return {"id": item.get("call_id"), "name": item.get("name"), "arguments": parsed}


def _parts(content: Any) -> list[Any]:
    if not isinstance(content, list | tuple):
        return [] if content is None else [content]
    return [_part(plain(part)) for part in content]


def _part(part: Any) -> Any:
    if isinstance(part, Mapping) and part.get("type") in _TEXTS:
        return text_part(part.get("text"))
    return part


def _model_parts(item: Mapping[str, Any]) -> list[Any]:
    """The parts of an item that the model produced; calls of the program's tools are apart."""
    kind = item.get("type")
    if kind == "message":
        return _parts(item.get("content"))
    if kind == "reasoning":
        thoughts = [*(item.get("summary") or ()), *(item.get("content") or ())]
        return [thought_part(plain(thought).get("text")) for thought in thoughts]
    return [item]


def _output(items: Iterable[Mapping[str, Any]]) -> list[Any] | None:
    """All items of a reply as one message."""
    parts: list[Any] = []
    calls: list[Any] = []
    for item in items:
        if item.get("type") in _CALLS:
            calls.append(_call(item))
        else:
            parts.extend(_model_parts(item))
    return [message("assistant", parts, calls)] if parts or calls else None


def _reply(body: Mapping[str, Any]) -> Reply:
    usage = section(body, "usage")
    read, error = section(usage, "input_tokens_details"), section(body, "error")
    status = body.get("status")
    final_status = status if status not in ("in_progress", "queued") else None
    output = _output(item for item in body.get("output") or () if isinstance(item, Mapping))
    reason = section(body, "incomplete_details").get("reason") or final_status
    return Reply(
        output=output,
        model=body.get("model"),
        response_id=body.get("id"),
        finish_reason=ending_of(output, reason),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        cache_read_tokens=read.get("cached_tokens"),
        cache_write_tokens=read.get("cache_write_tokens"),
        reasoning_tokens=section(usage, "output_tokens_details").get("reasoning_tokens"),
        attributes=_attributes(body),
        error=str(error.get("message") or error.get("code")) if error else None,
    )


def _attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    conversation = section(body, "conversation").get("id")
    attributes = {
        "openai.response.service_tier": body.get("service_tier"),
        "gen_ai.conversation.id": conversation,
    }
    return {key: value for key, value in attributes.items() if value is not None}


class _Assembler:
    """Assembles a response from its events; the last event alone holds all of it."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}
        self.complete = False

    def add(self, event: Any) -> int:
        kind = str(getattr(event, "type", ""))
        if kind in _ENDS or kind in ("response.created", "response.queued"):
            self._body = dict(plain(event.response))
            self.complete = kind in _ENDS
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._items[event.output_index] = dict(plain(event.item))
            if kind.endswith("done"):
                self._forget(event.output_index)
        elif kind.endswith(".delta") and isinstance(getattr(event, "delta", None), str):
            return self._delta(kind, event)
        elif kind == "error":
            self._body["error"] = {"message": event.message, "code": event.code}
            self.complete = True
        return 0

    def _delta(self, kind: str, event: Any) -> int:
        index = getattr(event, "output_index", 0)
        self._texts.setdefault((index, kind), []).append(event.delta)
        return len(event.delta)

    def _forget(self, index: int) -> None:
        """Drop an item's pieces once the whole item has arrived."""
        for key in [key for key in self._texts if key[0] == index]:
            del self._texts[key]

    def reply(self) -> Reply:
        if self.complete and self._body.get("output"):
            return _reply(self._body)
        for (index, kind), pieces in self._texts.items():
            item, text = self._items.setdefault(index, {"type": "message"}), "".join(pieces)
            if "arguments" in kind or "custom_tool_call_input" in kind:
                item["arguments"] = text
            elif "reasoning" in kind:
                item["summary"] = [*(item.get("summary") or ()), {"text": text}]
            else:
                item["content"] = [{"type": "output_text", "text": text}]
        self._texts.clear()
        return _reply({**self._body, "output": [item for _, item in sorted(self._items.items())]})


RESPONSES: Final = Endpoint(_request, _reply, _Assembler, response_body, response_events)
