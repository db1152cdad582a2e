"""A model that answers from a script, and is recorded, timed and counted as a real one would be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import clustertrace
from clustertrace.demo.simulation import ToolError, network

__all__ = ["Call", "Message", "Reply", "ScriptedModel", "converse"]

Message = dict[str, Any]

CHARS_PER_TOKEN = 4
TOOL_TOKENS = 1400
"""What the descriptions of an agent's tools cost in each request."""

SECONDS_TO_FIRST_TOKEN = 0.45
TOKENS_PER_SECOND = 70


class Call(NamedTuple):
    """A tool that the model wants called."""

    tool: str
    args: Mapping[str, Any]


class Reply(NamedTuple):
    """One answer of the model: a text, or tools to call first."""

    text: str = ""
    calls: tuple[Call, ...] = ()

    def message(self) -> Message:
        """The reply as the conversation keeps it."""
        message: Message = {"role": "assistant", "content": self.text}
        if self.calls:
            message["tool_calls"] = [
                {"name": call.tool, "arguments": dict(call.args)} for call in self.calls
            ]
        return message


class ScriptedModel:
    """Plays a list of replies. `name` and `provider` are those of the model that it stands for."""

    def __init__(self, name: str, provider: str, script: Iterable[Reply]) -> None:
        self.name = name
        self.provider = provider
        self._script = iter(script)
        self._cached = 0

    def ask(self, messages: list[Message]) -> Reply:
        """The next reply of the script; what it would have cost is recorded with it."""
        with clustertrace.span(
            f"chat {self.name}", kind="llm", input={"messages": messages}
        ) as span:
            reply = next(self._script)
            read = TOOL_TOKENS + _tokens(json.dumps(messages, ensure_ascii=False))
            written = _tokens(json.dumps(reply.message(), ensure_ascii=False))
            network.wait(SECONDS_TO_FIRST_TOKEN + written / TOKENS_PER_SECOND)
            span.set_output({"messages": [reply.message()]})
            span.set_usage(
                self.name,
                provider=self.provider,
                input_tokens=read,
                output_tokens=written,
                finish_reason="tool_calls" if reply.calls else "stop",
                **self._cache(read),
            )
        return reply

    def _cache(self, read: int) -> dict[str, int]:
        """Each request repeats the one before, which the provider has kept."""
        before, self._cached = self._cached, read
        if self.provider == "anthropic":
            return {"cache_read_tokens": before, "cache_write_tokens": read - before}
        return {"cache_read_tokens": before // 128 * 128}


def _tokens(text: str) -> int:
    return max(1, len(text) // CHARS_PER_TOKEN)


def converse(
    model: ScriptedModel, messages: list[Message], tools: Mapping[str, Callable[..., Any]]
) -> str:
    """Ask, call the tools that the model wants, and ask again, until it answers in words.

    A tool that raises ToolError is reported to the model, which may try something else.
    """
    while True:
        reply = model.ask(messages)
        messages.append(reply.message())
        if not reply.calls:
            return reply.text
        for call in reply.calls:
            try:
                result = tools[call.tool](**call.args)
            except ToolError as error:
                result = {"error": str(error)}
            messages.append({"role": "tool", "name": call.tool, "content": result})
