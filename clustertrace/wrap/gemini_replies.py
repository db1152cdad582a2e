"""A recorded reply as Google's APIs would send it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clustertrace.record.playback import RecordedReply
from clustertrace.wrap.messages import parts_of

__all__ = ["body_of"]


def body_of(reply: RecordedReply) -> dict[str, Any]:
    """The JSON of a reply; a stream of it is one chunk of the same shape."""
    return {
        "responseId": reply.response_id,
        "modelVersion": reply.model,
        "candidates": [
            {
                "index": index,
                "finishReason": reply.finish_reason,
                "content": {"role": "model", "parts": [*_parts(message)]},
            }
            for index, message in enumerate(reply.output or ())
        ],
        "usageMetadata": {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": reply.output_tokens - reply.reasoning_tokens,
            "thoughtsTokenCount": reply.reasoning_tokens,
            "cachedContentTokenCount": reply.cache_read_tokens,
            "totalTokenCount": reply.input_tokens + reply.output_tokens,
        },
    }


def _parts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in parts_of(message):
        if part.get("type") == "text":
            yield {"text": part["text"]}
        elif part.get("type") == "thinking":
            yield {"text": part["thinking"], "thought": True}
        else:
            yield part
    for call in message.get("tool_calls") or ():
        function = {"name": call.get("name"), "args": call.get("arguments") or {}}
        yield {"functionCall": {**function, "id": call["id"]} if call.get("id") else function}
