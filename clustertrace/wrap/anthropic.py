"""Anthropic's clients, on its own API, Amazon Bedrock, Google Vertex AI and Microsoft Foundry.

Anthropic counts input tokens without cache reads and writes; here they are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from clustertrace.wrap.anthropic_replies import body_of, events_of
from clustertrace.wrap.facts import Endpoint, Reply, Request, section
from clustertrace.wrap.messages import arguments, message, plain, text_part, thought_part
from clustertrace.wrap.stainless import wrapped_client

__all__ = ["wrap_anthropic"]

C = TypeVar("C")

_PROVIDERS: Final = (
    ("Bedrock", "aws.bedrock"),
    ("Vertex", "gcp.vertex_ai"),
    ("Foundry", "azure"),
)


def wrap_anthropic(client: C) -> C:
    """A copy of an Anthropic client whose model calls are recorded, one span each.

    Takes Anthropic, AnthropicBedrock, AnthropicVertex and AnthropicFoundry, sync or async. The copy
    is of the same type and shares the client's connections; the client itself stays unrecorded.
    Raises UsageError for anything else.

        client = clustertrace.wrap_anthropic(anthropic.Anthropic())
    """
    return wrapped_client(
        client, "anthropic", "wrap_anthropic", {"/v1/messages": _MESSAGES}, _provider
    )


def _provider(client: Any) -> str:
    names = [kind.__name__ for kind in type(client).__mro__]
    return next(
        (provider for mark, provider in _PROVIDERS if any(mark in name for name in names)),
        "anthropic",
    )


def _request(body: Mapping[str, Any]) -> Request:
    rest = dict(body)
    model, tools, system = (
        rest.pop("model", None),
        rest.pop("tools", None),
        rest.pop("system", None),
    )
    conversation: list[Any] = []
    if system:
        parts = [text_part(system)] if isinstance(system, str) else list(map(_part, system))
        conversation.append(message("system", parts))
    for turn in rest.pop("messages", None) or ():
        conversation.extend(_messages(plain(turn)))
    return Request("chat", model, conversation, rest, tools)


def _messages(turn: Any) -> list[Any]:
    """One of Anthropic's messages in our shape; each tool result becomes a message of its own."""
    if not isinstance(turn, Mapping):
        return [turn]
    role, content = str(turn.get("role")), turn.get("content")
    if not isinstance(content, list | tuple):
        return [{"role": role, "content": content}]
    blocks = [plain(block) for block in content]
    messages: list[Any] = [_result(block) for block in blocks if _type(block) == "tool_result"]
    rest = [block for block in blocks if _type(block) != "tool_result"]
    if rest or not messages:
        messages.append(_message_of(role, rest))
    return messages


def _message_of(role: str, blocks: list[Any]) -> dict[str, Any]:
    calls = [block for block in blocks if _type(block) == "tool_use"]
    parts = [_part(block) for block in blocks if _type(block) != "tool_use"]
    return message(role, parts, [_call(call) for call in calls])


def _type(block: Any) -> Any:
    return block.get("type") if isinstance(block, Mapping) else None


def _part(block: Any) -> Any:
    kind = _type(block)
    if kind == "text":
        return text_part(block.get("text"))
    return thought_part(block.get("thinking")) if kind == "thinking" else block


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": block.get("id"), "name": block.get("name"), "arguments": block.get("input")}


def _result(block: Mapping[str, Any]) -> dict[str, Any]:
    content = block.get("content")
    parts = [text_part(content)] if isinstance(content, str) else list(map(_part, content or ()))
    more: dict[str, Any] = {"is_error": True} if block.get("is_error") else {}
    return message("tool", parts, tool_call_id=block.get("tool_use_id"), **more)


def _reply(body: Mapping[str, Any]) -> Reply:
    usage, blocks = section(body, "usage"), body.get("content") or []
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    fresh = usage.get("input_tokens")
    output = [_message_of("assistant", list(blocks))] if blocks else None
    return Reply(
        output=output,
        model=body.get("model"),
        response_id=body.get("id"),
        finish_reason=body.get("stop_reason"),
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=usage.get("output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=section(usage, "output_tokens_details").get("thinking_tokens"),
        attributes=_usage_attributes(usage),
    )


def _usage_attributes(usage: Mapping[str, Any]) -> dict[str, Any]:
    """What prices depend on besides token counts, under the names that Anthropic's spans use."""
    cache_writes = section(usage, "cache_creation")
    attributes = {
        f"anthropic.usage.cache_creation.{name}": count for name, count in cache_writes.items()
    }
    attributes["anthropic.usage.service_tier"] = usage.get("service_tier")
    attributes["speed"] = usage.get("speed")
    for name, count in section(usage, "server_tool_use").items():
        attributes[f"anthropic.usage.server_tool_use.{name}"] = count
    return {key: value for key, value in attributes.items() if value is not None}


class _Assembler:
    """Assembles a message from its stream of events."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}
        self.complete = False

    def add(self, event: Any) -> int:
        kind = _get(event, "type")
        if kind == "content_block_delta":
            return self._delta(_get(event, "index"), _get(event, "delta"))
        if kind == "message_start":
            self._message = dict(plain(_get(event, "message")))
            # Its output count is a first guess; the last event has the real one.
            self._message["usage"] = {**section(self._message, "usage"), "output_tokens": None}
        elif kind == "content_block_start":
            self._blocks[_get(event, "index")] = dict(plain(_get(event, "content_block")))
        elif kind == "message_delta":
            usage = {k: v for k, v in (plain(_get(event, "usage")) or {}).items() if v is not None}
            self._message["usage"] = {**section(self._message, "usage"), **usage}
            self._message["stop_reason"] = _get(_get(event, "delta"), "stop_reason")
        elif kind == "message_stop":
            self.complete = True
        return 0

    def _delta(self, index: int, delta: Any) -> int:
        for field in ("text", "partial_json", "thinking"):
            piece = _get(delta, field)
            if isinstance(piece, str):
                self._texts.setdefault((index, field), []).append(piece)
                return len(piece)
        return 0

    def reply(self) -> Reply:
        for (index, field), pieces in self._texts.items():
            block, text = self._blocks.setdefault(index, {"type": field}), "".join(pieces)
            if field == "partial_json":
                block["input"] = arguments(text)
            else:
                block[field] = f"{block.get(field) or ''}{text}"
        self._texts.clear()
        blocks = [block for _, block in sorted(self._blocks.items())]
        return _reply({**self._message, "content": blocks})


def _get(value: Any, name: str) -> Any:
    """A field of an SDK object, or of the JSON that the object represents."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


_MESSAGES: Final = Endpoint(_request, _reply, _Assembler, body_of, events_of)
