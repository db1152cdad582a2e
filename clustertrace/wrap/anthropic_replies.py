"""A recorded reply as Anthropic's API would send it, whole or as events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clustertrace.record.playback import RecordedReply
from clustertrace.wrap.messages import parts_of

__all__ = ["body_of", "events_of"]


def body_of(reply: RecordedReply) -> dict[str, Any]:
    """The JSON of a message."""
    return {
        "id": reply.response_id or "msg_recorded",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [*_blocks(reply.output or ())],
        "stop_reason": reply.finish_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": max(
                0, reply.input_tokens - reply.cache_read_tokens - reply.cache_write_tokens
            ),
            "output_tokens": reply.output_tokens,
            "cache_read_input_tokens": reply.cache_read_tokens,
            "cache_creation_input_tokens": reply.cache_write_tokens,
        },
    }


def _blocks(messages: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        for part in parts_of(message):
            yield {"signature": "", **part} if part.get("type") == "thinking" else part
        for call in message.get("tool_calls") or ():
            yield {
                "type": "tool_use",
                "id": call.get("id"),
                "name": call.get("name"),
                "input": call.get("arguments") or {},
            }


def events_of(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that stream this message, with each block in one piece."""
    start = {**body, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(body["content"]):
        kind = block.get("type")
        empty, deltas = dict(block), []
        if kind == "text":
            empty["text"] = ""
            deltas = [{"type": "text_delta", "text": block["text"]}]
        elif kind == "thinking":
            empty["thinking"] = ""
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
        elif kind == "tool_use":
            empty["input"] = {}
            input_json = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": input_json}]
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": body["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": body["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}
