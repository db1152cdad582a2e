"""A model call, whichever SDK made it: the request and the reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from clustertrace.model import EMPTY
from clustertrace.record.playback import RecordedReply

__all__ = ["Assembler", "Endpoint", "Reply", "Request", "named", "section"]


class Request(NamedTuple):
    """What was asked of a model."""

    operation: str
    """OpenTelemetry's name, such as "chat"; the span is named after it and the model."""
    model: str | None
    input: Any
    """Messages in clustertrace's shape (see clustertrace.wrap.messages), or texts to embed."""
    parameters: Mapping[str, Any] = EMPTY
    """Temperature and the like, under the provider's names."""
    tools: Any = None
    kind: str = "llm"


class Reply(NamedTuple):
    """What came back; None where not reported. `input_tokens` includes cache reads and writes."""

    output: Any = None
    model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    attributes: Mapping[str, Any] = EMPTY
    error: str | None = None
    """What went wrong, if the provider says so in a reply that is not an HTTP error."""
    missing: str | None = None
    """What is missing that replies usually have, and why."""


class Assembler(Protocol):
    """Assembles a streamed reply."""

    @property
    def complete(self) -> bool:
        """Whether the reply is complete, even if more chunks may come."""

    def add(self, chunk: Any) -> int:
        """Add a chunk; returns how many characters of content it had."""

    def reply(self) -> Reply:
        """The reply so far."""


class Endpoint(NamedTuple):
    """How to read the requests and replies of one kind of call."""

    request: Callable[[Mapping[str, Any]], Request]
    reply: Callable[[Mapping[str, Any]], Reply]
    assembler: Callable[[], Assembler] | None = None
    body_of: Callable[[RecordedReply], Mapping[str, Any]] | None = None
    """The JSON of a recorded reply; None if recordings don't hold enough to rebuild it."""
    events_of: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any] | str]] | None = None
    """The events that stream such JSON."""


_NAMES: Final = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "topP": "top_p",
    "topK": "top_k",
    "stop": "stop_sequences",
    "stopSequences": "stop_sequences",
    "n": "choice.count",
    "candidateCount": "choice.count",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "reasoning_effort": "reasoning.level",
}


def named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as `gen_ai.request.*`, under OpenTelemetry's names where it has one."""
    return {
        f"gen_ai.request.{_NAMES.get(key, key)}": value
        for key, value in parameters.items()
        if value is not None
    }


def section(value: Any, key: str) -> Mapping[str, Any]:
    """The object at a key, or an empty one."""
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else EMPTY
