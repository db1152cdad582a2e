"""Chat Completions: requests, replies, and replies in chunks.

OpenAI's count of prompt tokens includes cached ones, as ours does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clustertrace.wrap.facts import Endpoint, Reply, Request, section
from clustertrace.wrap.messages import arguments, message, plain, text_part, thought_part
from clustertrace.wrap.openai_replies import chat_body, chat_chunks, ending_of

__all__ = ["CHAT"]

_HANDLED: Final = frozenset("role content tool_calls reasoning_content reasoning refusal".split())
_NO_USAGE: Final = (
    'tokens: OpenAI streams them only when asked to, with stream_options={"include_usage": True}'
)


def _request(body: Mapping[str, Any]) -> Request:
    rest = dict(body)
    model, tools = rest.pop("model", None), rest.pop("tools", None) or rest.pop("functions", None)
    conversation = [_message(plain(turn)) for turn in rest.pop("messages", None) or ()]
    return Request("chat", model, conversation, rest, tools)


def _message(sent: Any) -> Any:
    if not isinstance(sent, Mapping):
        return sent
    parts, content = [], sent.get("content")
    for thought in (sent.get("reasoning_content"), sent.get("reasoning")):
        if isinstance(thought, str) and thought:
            parts.append(thought_part(thought))
    if isinstance(content, str):
        parts.append(text_part(content))
    elif content is not None:
        parts.extend(map(plain, content) if isinstance(content, list | tuple) else [content])
    if sent.get("refusal"):
        parts.append({"type": "refusal", "refusal": sent["refusal"]})
    calls = [_call(plain(call)) for call in sent.get("tool_calls") or ()]
    others = {
        key: value for key, value in sent.items() if key not in _HANDLED and value is not None
    }
    others.pop("parsed", None)
    return message(str(sent.get("role")), parts, calls, **others)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = section(call, "function") or section(call, "custom")
    arguments_text = function.get("arguments", function.get("input"))
    return {
        "id": call.get("id"),
        "name": function.get("name"),
        "arguments": arguments(arguments_text),
    }


def _reply(body: Mapping[str, Any]) -> Reply:
    choices = [choice for choice in body.get("choices") or () if isinstance(choice, Mapping)]
    reasons = [choice.get("finish_reason") for choice in choices]
    attributes = {
        "openai.response.service_tier": body.get("service_tier"),
        "openai.response.system_fingerprint": body.get("system_fingerprint"),
        "gen_ai.response.finish_reasons": reasons if len(reasons) > 1 else None,
    }
    output = [_message({"role": "assistant", **section(choice, "message")}) for choice in choices]
    return Reply(
        output=output,
        model=body.get("model"),
        response_id=body.get("id"),
        finish_reason=ending_of(output[:1], reasons[0]) if reasons else None,
        attributes={key: value for key, value in attributes.items() if value is not None},
        **_usage(section(body, "usage")),
    )


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    read = section(usage, "prompt_tokens_details")
    return {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "cache_read_tokens": read.get("cached_tokens"),
        "cache_write_tokens": read.get("cache_write_tokens"),
        "reasoning_tokens": section(usage, "completion_tokens_details").get("reasoning_tokens"),
    }


class _Assembler:
    """Assembles a completion from its chunks."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    @property
    def complete(self) -> bool:
        choices = self._choices.values()
        return bool(choices) and all(choice.finish_reason for choice in choices)

    def add(self, chunk: Any) -> int:
        for field in ("id", "model", "service_tier", "system_fingerprint"):
            value = getattr(chunk, field, None)
            if value:
                self._body[field] = value
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self._body["usage"] = plain(usage)
        size = 0
        for choice in getattr(chunk, "choices", None) or ():
            size += self._choices.setdefault(choice.index, _Choice()).add(choice)
        return size

    def reply(self) -> Reply:
        choices = [choice.as_json() for _, choice in sorted(self._choices.items())]
        reply = _reply({**self._body, "choices": choices})
        if self.complete and "usage" not in self._body:
            reply = reply._replace(missing=_NO_USAGE)
        return reply if choices else reply._replace(output=None)


class _Choice:
    """One of the completion's choices, as far as it has been streamed."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._texts: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, choice: Any) -> int:
        self.finish_reason = choice.finish_reason or self.finish_reason
        delta, size = choice.delta, 0
        for field in ("content", "refusal", "reasoning_content", "reasoning"):
            piece = getattr(delta, field, None)
            if isinstance(piece, str) and piece:
                self._texts.setdefault(field, []).append(piece)
                size += len(piece)
        return size + self._add_calls(getattr(delta, "tool_calls", None) or ())

    def _add_calls(self, pieces: Iterable[Any]) -> int:
        size = 0
        for piece in pieces:
            call = self._calls.setdefault(piece.index, {"id": None, "name": "", "arguments": []})
            call["id"] = call["id"] or piece.id
            if piece.function is not None:
                call["name"] += piece.function.name or ""
                call["arguments"].append(piece.function.arguments or "")
                size += len(piece.function.arguments or "")
        return size

    def as_json(self) -> dict[str, Any]:
        texts: dict[str, Any] = {key: "".join(pieces) for key, pieces in self._texts.items()}
        calls = [
            {
                "id": call["id"],
                "function": {"name": call["name"], "arguments": "".join(call["arguments"])},
            }
            for _, call in sorted(self._calls.items())
        ]
        return {"finish_reason": self.finish_reason, "message": {**texts, "tool_calls": calls}}


CHAT: Final = Endpoint(_request, _reply, _Assembler, chat_body, chat_chunks)
