"""Logfire and Pydantic AI, which use OpenTelemetry GenAI and names of their own.

https://logfire.pydantic.dev, https://ai.pydantic.dev/logfire. The name of a Logfire span is a
template; of a model call its filled form is shown, of others the template, which is the same for
every run. A stream is reported twice: as the request and, once read, as a log of no duration that
has the output and the tokens (clustertrace.understanding.calls joins them); here it lasts as
long as it took.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.raw import RawSpan
from clustertrace.conventions.readers import dollars, parsed, word
from clustertrace.conventions.usage import usage
from clustertrace.model import Span

__all__ = ["LOGFIRE"]


def _request_messages(value: Any) -> Any:
    """The messages of a request, not its parameters."""
    request = parsed(value)
    if not isinstance(request, Mapping):
        return None
    return next((request[key] for key in ("messages", "input", "prompt") if request.get(key)), None)


def _response_fields(value: Any) -> Iterator[tuple[Field, Any]]:
    """A response as older releases kept it."""
    response = parsed(value)
    if not isinstance(response, Mapping):
        return
    for key in ("message", "combined_chunk_content", "text", "content"):
        if response.get(key):
            yield Field.BARE_OUTPUT, response[key]
    yield from usage(response.get("usage"))


def _conversation_fields(value: Any) -> Iterator[tuple[Field, Any]]:
    """Messages as older releases kept them: a list of events, each with its name."""
    events = parsed(value)
    if not isinstance(events, list) or not all(isinstance(event, Mapping) for event in events):
        return
    asked, answered = [], []
    for event in events:
        message = {key: value for key, value in event.items() if not key.startswith("event.")}
        if event.get("event.name") == "gen_ai.choice":
            answered.append(message.get("message", message))
        else:
            asked.append(message)
    yield Field.INPUT, asked or None
    yield Field.OUTPUT, answered or None


def _message_without_time(value: Any) -> str | None:
    """The filled template, without how long it took."""
    name = word(value)
    return name and _DURATION_SUFFIX.sub("", name)


_DURATION_SUFFIX: Final = re.compile(r" took [0-9.]+m?s$")


def _with_stream_times(span: Span, raw: RawSpan) -> Span:
    """A response that was logged when it had been read lasted until then."""
    lasted = dollars(raw.attributes.get("duration"))
    if span.kind != "llm" or raw.attributes.get("logfire.span_type") != "log" or lasted is None:
        return span
    start = span.start_ns - round(lasted * 1e9)
    if start <= 0:
        return span
    return span._replace(start_ns=start, attributes={**span.attributes, LOGGED_AT: span.start_ns})


LOGGED_AT: Final = "otel.start_time_unix_nano"
"""The attribute that keeps the time of a log which stands for the time before it."""


LOGFIRE: Final = Dialect(
    title="Logfire, Pydantic AI",
    known_by="scopes `logfire*`, `pydantic-ai`",
    scopes=("logfire", "pydantic-ai", "pydantic_ai"),
    keys={
        Field.INPUT: ("tool_arguments",),
        Field.OUTPUT: ("tool_response",),
        Field.BARE_INPUT: ("request_data",),
        Field.BARE_OUTPUT: ("final_result", "pydantic_ai.all_messages", "all_messages_events"),
        Field.COST_USD: ("operation.cost",),
        Field.AGENT_NAME: ("agent_name",),
        Field.CALL_NAME: ("logfire.msg",),
    },
    readers={"request_data": _request_messages, "logfire.msg": _message_without_time},
    keeps=frozenset({"request_data"}),
    composites={
        "gen_ai.usage.raw": usage,
        "response_data": _response_fields,
        "events": _conversation_fields,
    },
    refine=_with_stream_times,
)
