"""What the Gemini API and Vertex AI are asked and answer, as JSON.

Google counts cached tokens into the prompt, as we do, but thoughts beside the answer and the
results of its own tools beside the prompt: both are added here.
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
    """The model's name without where it is kept."""
    return str(path).rpartition("/")[2] or None


def _request(body: Mapping[str, Any]) -> Request:
    rest = {key: value for key, value in body.items() if not key.startswith("_")}
    model, tools = _name(rest.pop("model", None)), rest.pop("tools", None)
    said: list[Any] = []
    system = rest.pop("systemInstruction", None)
    if isinstance(system, Mapping):
        said.extend(_messages({**system, "role": "system"}))
    for content in rest.pop("contents", None) or ():
        said.extend(_messages(content))
    settings = section(rest, "generationConfig")
    rest.pop("generationConfig", None)
    return Request("generate_content", model, said, {**settings, **rest}, tools)


def _messages(content: Any) -> list[Any]:
    """A content in our shape; results of functions are messages of their own."""
    if not isinstance(content, Mapping):
        return [content]
    role = str(content.get("role") or "user")
    parts = [part for part in content.get("parts") or () if isinstance(part, Mapping)]
    made: list[Any] = [_result(part["functionResponse"]) for part in parts if _is_result(part)]
    rest = [part for part in parts if not _is_result(part)]
    if rest or not made:
        calls = [_call(part["functionCall"]) for part in rest if "functionCall" in part]
        said = [_part(part) for part in rest if "functionCall" not in part]
        made.append(message(_ROLES.get(role, role), said, calls))
    return made


def _is_result(part: Mapping[str, Any]) -> bool:
    return "functionResponse" in part


def _part(part: Mapping[str, Any]) -> Any:
    if "text" not in part:
        return part
    return thought_part(part["text"]) if part.get("thought") else text_part(part["text"])


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args") or {}}


def _result(told: Mapping[str, Any]) -> dict[str, Any]:
    result = told.get("response")
    return message("tool", [result], tool_call_id=told.get("id"), name=told.get("name"))


def _reply(body: Mapping[str, Any]) -> Reply:
    candidates = [one for one in body.get("candidates") or () if isinstance(one, Mapping)]
    usage = section(body, "usageMetadata")
    output = [
        said
        for one in candidates
        for said in _messages({"role": "model", **section(one, "content")})
    ]
    reasons = [one.get("finishReason") for one in candidates]
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
    told = [usage[name] for name in names if isinstance(usage.get(name), int)]
    return sum(told) if told else None


class _Assembler:
    """A reply from its chunks, each of which looks like a reply."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}
        self._candidates: dict[int, dict[str, Any]] = {}

    @property
    def complete(self) -> bool:
        known = self._candidates.values()
        return bool(known) and all(one.get("finishReason") for one in known)

    def add(self, chunk: Any) -> int:
        body = json.loads(chunk.body) if chunk.body else {}
        self._body |= {key: value for key, value in body.items() if key != "candidates"}
        return sum(map(self._add_candidate, body.get("candidates") or ()))

    def _add_candidate(self, told: Mapping[str, Any]) -> int:
        made = self._candidates.setdefault(told.get("index", 0), {"parts": []})
        made["finishReason"] = told.get("finishReason") or made.get("finishReason")
        return sum(_join(made["parts"], one) for one in section(told, "content").get("parts") or ())

    def reply(self) -> Reply:
        candidates = [
            {"content": {"parts": one["parts"]}, "finishReason": one["finishReason"]}
            for _, one in sorted(self._candidates.items())
        ]
        reply = _reply({**self._body, "candidates": candidates})
        return reply if any(one["parts"] for one in self._candidates.values()) else _silent(reply)


def _silent(reply: Reply) -> Reply:
    return reply._replace(output=None)


def _join(parts: list[dict[str, Any]], part: Mapping[str, Any]) -> int:
    """Add a part, or its text to that of the last; how many characters it brought."""
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
    """Whether a prediction asks for vectors; Vertex AI makes pictures in the same place."""
    instances = body.get("instances")
    return isinstance(instances, list) and all(
        isinstance(one, Mapping) and "content" in one for one in instances
    )


def _embedding_request(body: Mapping[str, Any]) -> Request:
    rest = {key: value for key, value in body.items() if not key.startswith("_")}
    model = _name(rest.pop("model", None))
    asked = [
        *(rest.pop("requests", None) or ()),
        *(rest.pop("instances", None) or ()),
        *([{"content": rest.pop("content")}] if "content" in rest else ()),
    ]
    return Request(
        "embeddings", model, [_embedded(one) for one in asked], _settings(rest), kind="embedding"
    )


def _settings(rest: Mapping[str, Any]) -> dict[str, Any]:
    return {**section(rest, "parameters"), **{k: v for k, v in rest.items() if k != "parameters"}}


def _embedded(one: Any) -> Any:
    """A text to embed, or what stands in for one."""
    content = one.get("content") if isinstance(one, Mapping) else one
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if isinstance(parts, list) and len(parts) == 1 and "text" in parts[0]:
        return parts[0]["text"]
    return content if parts is None else parts


def _embedding_reply(body: Mapping[str, Any]) -> Reply:
    vectors = [
        *(body.get("embeddings") or ()),
        *([body["embedding"]] if "embedding" in body else ()),
    ]
    predicted = [section(one, "embeddings") for one in body.get("predictions") or ()]
    told = [*vectors, *predicted]
    dimensions = len(told[0].get("values") or ()) if told else None
    counts = [section(one, "statistics").get("token_count") for one in told]
    known = [int(count) for count in counts if isinstance(count, int | float)]
    used = section(body, "usageMetadata").get("promptTokenCount")
    return Reply(
        output={"embeddings": len(told), "dimensions": dimensions},
        input_tokens=used if used is not None else sum(known) if known else None,
        attributes={"gen_ai.embeddings.dimension.count": dimensions} if dimensions else {},
    )


CONTENT: Final = Endpoint(_request, _reply, _Assembler, body_of)
EMBEDDINGS: Final = Endpoint(_embedding_request, _embedding_reply)
