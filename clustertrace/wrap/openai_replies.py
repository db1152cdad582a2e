"""A recorded reply as OpenAI's APIs would send it, whole or in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clustertrace.record.playback import RecordedReply
from clustertrace.wrap.messages import parts_of

__all__ = ["chat_body", "chat_chunks", "ending_of", "response_body", "response_events"]

_CREATED: Final = 0
"""When the reply was made, in seconds since 1970; recordings don't hold this time."""

_REFUSED: Final = "refusal"
_FINISHED: Final = ("stop", "completed")


def ending_of(output: Iterable[Mapping[str, Any]] | None, reason: str | None) -> str | None:
    """Why a reply ended. Of a refusal OpenAI gives the reason of any answer; the message tells."""
    parts = [part for message in output or () for part in parts_of(message)]
    is_refusal = any(part.get("type") == _REFUSED for part in parts)
    return _REFUSED if is_refusal and reason in _FINISHED else reason


def chat_body(reply: RecordedReply) -> dict[str, Any]:
    """The JSON of a chat completion."""
    return {
        "id": reply.response_id or "chatcmpl-recorded",
        "object": "chat.completion",
        "created": _CREATED,
        "model": reply.model,
        "choices": [
            {
                "index": index,
                "finish_reason": "stop" if reply.finish_reason == _REFUSED else reply.finish_reason,
                "message": _chat_message(message),
            }
            for index, message in enumerate(reply.output or ())
        ],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "prompt_tokens_details": {"cached_tokens": reply.cache_read_tokens},
            "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        },
    }


def _chat_message(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = parts_of(message)
    texts = [part["text"] for part in parts if part.get("type") == "text"]
    refusals = [part["refusal"] for part in parts if part.get("type") == "refusal"]
    chat_message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    calls = message.get("tool_calls")
    if calls:
        chat_message["tool_calls"] = [
            {
                "id": call.get("id"),
                "type": "function",
                "function": {
                    "name": call.get("name"),
                    "arguments": json.dumps(call.get("arguments")),
                },
            }
            for call in calls
        ]
    return chat_message


def chat_chunks(body: Mapping[str, Any]) -> Iterator[dict[str, Any] | str]:
    """The chunks that stream this completion, with each choice in one piece."""
    head = {
        **{key: body[key] for key in ("id", "created", "model")},
        "object": "chat.completion.chunk",
    }
    for choice in body["choices"]:
        message = choice["message"]
        calls = [
            {"index": index, **call} for index, call in enumerate(message.get("tool_calls") or ())
        ]
        delta = {**message, "tool_calls": calls} if calls else message
        yield {**head, "choices": [{"index": choice["index"], "delta": delta}]}
        ending = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield {**head, "choices": [ending]}
    yield {**head, "choices": [], "usage": body["usage"]}
    yield "[DONE]"


def response_body(reply: RecordedReply) -> dict[str, Any]:
    """The JSON of a response."""
    cut_short = reply.finish_reason not in (None, "completed", _REFUSED)
    return {
        "id": reply.response_id or "resp_recorded",
        "object": "response",
        "created_at": _CREATED,
        "status": "incomplete" if cut_short else "completed",
        "error": None,
        "incomplete_details": {"reason": reply.finish_reason} if cut_short else None,
        "model": reply.model,
        "output": [item for message in reply.output or () for item in _items(message)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "input_tokens_details": {"cached_tokens": reply.cache_read_tokens},
            "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        },
    }


def _items(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    content = []
    for part in parts_of(message):
        if part.get("type") == "thinking":
            thought = [{"type": "summary_text", "text": part["thinking"]}]
            yield {"id": "rs_recorded", "type": "reasoning", "summary": thought}
        elif part.get("type") == "text":
            content.append({"type": "output_text", "text": part["text"], "annotations": []})
        elif part.get("type") == "refusal":
            content.append(part)
        else:
            yield part
    if content:
        yield {
            "id": "msg_recorded",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": content,
        }
    for call in message.get("tool_calls") or ():
        yield {
            "id": f"fc_{call.get('id')}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.get("id"),
            "name": call.get("name"),
            "arguments": json.dumps(call.get("arguments")),
        }


def response_events(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that stream this response, with each text in one piece."""
    events = [{"type": "response.created", "response": {**body, "output": [], "usage": None}}]
    for index, item in enumerate(body["output"]):
        events += _item_events(index, item)
    ending = "response.completed" if body["status"] == "completed" else "response.incomplete"
    events.append({"type": ending, "response": dict(body)})
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _item_events(index: int, item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    of_item = {"output_index": index, "item_id": item.get("id")}
    texts = item["content"] if item.get("type") == "message" else []
    start: dict[str, Any] = {**item, "content": []} if texts else dict(item)
    if item.get("type") == "function_call":
        start["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": index, "item": start}
    for number, part in enumerate(texts):
        place = {**of_item, "content_index": number}
        field = "text" if part["type"] == "output_text" else "refusal"
        name = "output_text" if field == "text" else "refusal"
        extra: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        empty = {**part, field: ""}
        yield {"type": "response.content_part.added", **place, "part": empty}
        yield {"type": f"response.{name}.delta", **place, **extra, "delta": part[field]}
        yield {"type": f"response.{name}.done", **place, **extra, field: part[field]}
        yield {"type": "response.content_part.done", **place, "part": part}
    if item.get("type") == "function_call":
        kind = "response.function_call_arguments"
        yield {"type": f"{kind}.delta", **of_item, "delta": item["arguments"]}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": f"{kind}.done", **of_item, **done}
    yield {"type": "response.output_item.done", "output_index": index, "item": dict(item)}
