"""The requests and replies of the Gemini API and Vertex AI, as JSON.

Google counts cached tokens as part of the prompt, as we do, but reports thoughts apart from the
answer, and its own tools' results apart from the prompt: both are added here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.wrap.facts import Endpoint, Reply, Request, section
from clustertrace.wrap.gemini_replies import body_of
from clustertrace.wrap.messages import message, text_part, thought_part

__all__ = ["CONTENT", "EMBEDDINGS", "is_embedding"]

_ROLES: Final = {"model": "assistant", "function": "tool"}


def _name(path: Any) -> str | None:
    """The model's name, without the resource path before it."""
    return str(path).rpartition("/")[2] or None


def _request(body: Mapping[str, Any]) -> Request:
    rest = {key: value for key, value in body.items() if not key.startswith("_")}
    model, tools = _name(rest.pop("model", None)), rest.pop("tools", None)
    conversation: list[Any] = []
    system = rest.pop("systemInstruction", None)
    if isinstance(system, Mapping):
        conversation.extend(_messages({**system, "role": "system"}))
    for content in rest.pop("contents", None) or ():
        conversation.extend(_messages(content))
    settings = section(rest, "generationConfig")
    rest.pop("generationConfig", None)
    return Request("generate_content", model, conversation, {**settings, **rest}, tools)


def _messages(content: Any) -> list[Any]:
    """One of Google's contents in our shape; each function result becomes its own message."""
    if not isinstance(content, Mapping):
        return [content]
    role = str(content.get("role") or "user")
    parts = [part for part in content.get("parts") or () if isinstance(part, Mapping)]
    messages: list[Any] = [_result(part["functionResponse"]) for part in parts if _is_result(part)]
    rest = [part for part in parts if not _is_result(part)]
    if rest or not messages:
        calls = [_call(part["functionCall"]) for part in rest if "functionCall" in part]
        kept = [_part(part) for part in rest if "functionCall" not in part]
        messages.append(message(_ROLES.get(role, role), kept, calls))
    return messages


def _is_result(part: Mapping[str, Any]) -> bool:
    return "functionResponse" in part


def _part(part: Mapping[str, Any]) -> Any:
    if "text" not in part:
        return part
    return thought_part(part["text"]) if part.get("thought") else text_part(part["text"])


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args") or {}}


def _result(response: Mapping[str, Any]) -> dict[str, Any]:
    value = response.get("response")
    return message("tool", [value], tool_call_id=response.get("id"), name=response.get("name"))


def _reply(body: Mapping[str, Any]) -> Reply:
    candidates = [
        candidate for candidate in body.get("candidates") or () if isinstance(candidate, Mapping)
    ]
    usage = section(body, "usageMetadata")
    output = [
        message
        for candidate in candidates
        for message in _messages({"role": "model", **section(candidate, "content")})
    ]
    reasons = [candidate.get("finishReason") for candidate in candidates]
    blocked = section(body, "promptFeedback").get("blockReason")
    return Reply(
        output=output or None,
        model=body.get("modelVersion"),
        response_id=body.get("responseId"),
        finish_reason=reasons[0] if reasons else blocked,
        input_tokens=_sum(usage, "promptTokenCount", "toolUsePromptTokenCount"),
        output_tokens=_sum(usage, "candidatesTokenCount", "thoughtsTokenCount"),
        cache_read_tokens=usage.get("cachedContentTokenCount"),
        reasoning_tokens=usage.get("thoughtsTokenCount"),
        attributes={"gen_ai.response.finish_reasons": reasons} if len(reasons) > 1 else {},
    )


def _sum(usage: Mapping[str, Any], *names: str) -> int | None:
    counts = [usage[name] for name in names if isinstance(usage.get(name), int)]
    return sum(counts) if counts else None


class _Assembler:
    """Assembles a reply from its chunks, each of which has the shape of a reply."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}
        self._candidates: dict[int, dict[str, Any]] = {}

    @property
    def complete(self) -> bool:
        known = self._candidates.values()
        return bool(known) and all(candidate.get("finishReason") for candidate in known)

    def add(self, chunk: Any) -> int:
        body = json.loads(chunk.body) if chunk.body else {}
        self._body |= {key: value for key, value in body.items() if key != "candidates"}
        return sum(map(self._add_candidate, body.get("candidates") or ()))

    def _add_candidate(self, chunk: Mapping[str, Any]) -> int:
        candidate = self._candidates.setdefault(chunk.get("index", 0), {"parts": []})
        candidate["finishReason"] = chunk.get("finishReason") or candidate.get("finishReason")
        return sum(
            _join(candidate["parts"], part) for part in section(chunk, "content").get("parts") or ()
        )

    def reply(self) -> Reply:
        candidates = [
            {"content": {"parts": candidate["parts"]}, "finishReason": candidate["finishReason"]}
            for _, candidate in sorted(self._candidates.items())
        ]
        reply = _reply({**self._body, "candidates": candidates})
        spoken = any(candidate["parts"] for candidate in self._candidates.values())
        return reply if spoken else reply._replace(output=None)


def _join(parts: list[dict[str, Any]], part: Mapping[str, Any]) -> int:
    """Append a part, or its text to the last part; returns how many characters it had."""
    text = part.get("text")
    if not isinstance(text, str):
        parts.append(dict(part))
        return len(json.dumps(part.get("functionCall"))) if "functionCall" in part else 0
    last = parts[-1] if parts else {}
    if isinstance(last.get("text"), str) and last.get("thought") == part.get("thought"):
        last["text"] += text
    elif text:
        parts.append(dict(part))
    return len(text)


def is_embedding(body: Mapping[str, Any]) -> bool:
    """Whether a prediction asks for vectors; Vertex AI makes images at the same path."""
    instances = body.get("instances")
    return isinstance(instances, list) and all(
        isinstance(instance, Mapping) and "content" in instance for instance in instances
    )


def _embedding_request(body: Mapping[str, Any]) -> Request:
    rest = {key: value for key, value in body.items() if not key.startswith("_")}
    model = _name(rest.pop("model", None))
    items = [
        *(rest.pop("requests", None) or ()),
        *(rest.pop("instances", None) or ()),
        *([{"content": rest.pop("content")}] if "content" in rest else ()),
    ]
    return Request(
        "embeddings", model, [_embedded(item) for item in items], _settings(rest), kind="embedding"
    )


def _settings(rest: Mapping[str, Any]) -> dict[str, Any]:
    return {**section(rest, "parameters"), **{k: v for k, v in rest.items() if k != "parameters"}}


def _embedded(item: Any) -> Any:
    """The text to embed, or the raw content if it is no plain text."""
    content = item.get("content") if isinstance(item, Mapping) else item
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if isinstance(parts, list) and len(parts) == 1 and "text" in parts[0]:
        return parts[0]["text"]
    return content if parts is None else parts


def _embedding_reply(body: Mapping[str, Any]) -> Reply:
    vectors = [
        *(body.get("embeddings") or ()),
        *([body["embedding"]] if "embedding" in body else ()),
    ]
    predicted = [section(result, "embeddings") for result in body.get("predictions") or ()]
    results = [*vectors, *predicted]
    dimensions = len(results[0].get("values") or ()) if results else None
    counts = [section(result, "statistics").get("token_count") for result in results]
    known = [int(count) for count in counts if isinstance(count, int | float)]
    used = section(body, "usageMetadata").get("promptTokenCount")
    return Reply(
        output={"embeddings": len(results), "dimensions": dimensions},
        input_tokens=used if used is not None else sum(known) if known else None,
        attributes={"gen_ai.embeddings.dimension.count": dimensions} if dimensions else {},
    )


CONTENT: Final = Endpoint(_request, _reply, _Assembler, body_of)
EMBEDDINGS: Final = Endpoint(_embedding_request, _embedding_reply)
