"""A recorded reply as Google's APIs would send it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clustertrace.record.playback import RecordedReply
from clustertrace.wrap.messages import parts_of

__all__ = ["body_of"]


def body_of(reply: RecordedReply) -> dict[str, Any]:
    """The JSON of a reply; it is streamed as one chunk of the same shape."""
    return {
        "responseId": reply.response_id,
        "modelVersion": reply.model,
        "candidates": [
            {
                "index": index,
                "finishReason": reply.finish_reason,
                "content": {"role": "model", "parts": [*_parts(said)]},
            }
            for index, said in enumerate(reply.output or ())
        ],
        "usageMetadata": {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": reply.output_tokens - reply.reasoning_tokens,
            "thoughtsTokenCount": reply.reasoning_tokens,
            "cachedContentTokenCount": reply.cache_read_tokens,
            "totalTokenCount": reply.input_tokens + reply.output_tokens,
        },
    }


def _parts(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in parts_of(said):
        if part.get("type") == "text":
            yield {"text": part["text"]}
        elif part.get("type") == "thinking":
            yield {"text": part["thinking"], "thought": True}
        else:
            yield part
    for call in said.get("tool_calls") or ():
        told = {"name": call.get("name"), "args": call.get("arguments") or {}}
        yield {"functionCall": {**told, "id": call["id"]} if call.get("id") else told}
