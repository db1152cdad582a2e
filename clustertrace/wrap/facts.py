"""What a model call is, whichever SDK made it: what was asked, and what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from clustertrace.model import EMPTY
from clustertrace.record.playback import RecordedReply

__all__ = ["Assembler", "Endpoint", "Reply", "Request", "named", "section"]


class Request(NamedTuple):
    """What was asked of a model."""

    operation: str
    """OpenTelemetry's word for it, such as "chat"; with the model it is the span's name."""
    model: str | None
    input: Any
    """Messages in clustertrace's shape (see clustertrace.wrap.messages), or texts to embed."""
    parameters: Mapping[str, Any] = EMPTY
    """Temperature and the like, by their provider's names."""
    tools: Any = None
    kind: str = "llm"


class Reply(NamedTuple):
    """What came back; a null was not told. `input_tokens` includes cache reads and writes."""

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
    """What went wrong, where the provider says so in a reply that is no HTTP error."""
    missing: str | None = None
    """What the reply lacks that replies usually have, and why."""


class Assembler(Protocol):
    """Puts a streamed reply together."""

    @property
    def complete(self) -> bool:
        """Whether the reply is whole, although more chunks might come."""

    def add(self, chunk: Any) -> int:
        """Take a chunk; how many characters of content it brought."""

    def reply(self) -> Reply:
        """The reply as far as it has come."""


class Endpoint(NamedTuple):
    """How to read the requests and replies of one kind of call."""

    request: Callable[[Mapping[str, Any]], Request]
    reply: Callable[[Mapping[str, Any]], Reply]
    assembler: Callable[[], Assembler] | None = None
    body_of: Callable[[RecordedReply], Mapping[str, Any]] | None = None
    """The JSON that a recorded reply was; None where a recording does not hold enough of it."""
    events_of: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any] | str]] | None = None
    """The events that such JSON is streamed as."""


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
    """Parameters under OpenTelemetry's names, and those that it has none for in the same place."""
    return {
        f"gen_ai.request.{_NAMES.get(key, key)}": value
        for key, value in parameters.items()
        if value is not None
    }


def section(value: Any, key: str) -> Mapping[str, Any]:
    """An object inside an object; an empty one where there is none."""
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else EMPTY
