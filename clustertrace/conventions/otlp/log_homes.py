"""Which run a log record belongs to, or why it belongs to none.

Records that name a trace belong to it. Coding agents send many that do not (Claude Code all of
them while its traces are off, Codex those of its streams): ids of such a turn are derived from
the session, so that records that arrive twice, or in any order, end up in one place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.conventions.readers import boolean, number, parsed, text
from clustertrace.model import Log, Metric, TraceFacts

if TYPE_CHECKING:
    from clustertrace.conventions.otlp.logs import RawLog

__all__ = [
    "CLAUDE_CODE",
    "CODEX",
    "DETAILS",
    "USAGE_METRICS",
    "Place",
    "derived_id",
    "place_log",
    "session_trace_id",
    "turn_id",
]

CLAUDE_CODE: Final = "com.anthropic.claude_code"
CODEX: Final = "codex"
"""Beginnings of scopes."""

DETAILS: Final = "gen_ai.client.inference.operation.details"
"""A record of a model call; its attributes are those that its span would have."""

_EVALUATION: Final = "gen_ai.evaluation.result"

USAGE_METRICS: Final = frozenset(
    {"claude_code.token.usage", "claude_code.cost.usage", "gen_ai.client.token.usage"}
)
"""Metrics whose points are kept, as records, where they name their session."""

_NUMBER_KEY: Final = re.compile(r"(_ms|_tokens|_count|_bytes|_length|_code)\Z")
"""Names of attributes that are numbers."""

_JSON_KEYS: Final = frozenset({"body", "tool_input", "tool_parameters", "arguments"})
"""Attributes that are JSON: what is read before it is cut to size stays JSON."""

_STREAM_EVENT: Final = "codex.sse_event"
_STREAM_USAGE: Final = "input_token_count"


class Place(NamedTuple):
    """A record in its place, and what it says about the run as a whole."""

    log: Log
    run: TraceFacts | None = None
    score: TraceFacts | None = None
    """The metric that the result of an evaluation is."""


def place_log(raw: RawLog) -> Place | str:
    """Where a record belongs, or the reason why it is not kept."""
    attributes = raw.attributes
    turn = session = None
    name = raw.name
    if raw.scope.startswith(CLAUDE_CODE):
        name = f"claude_code.{raw.name.removeprefix('claude_code.')}"
        session, prompt = text(attributes.get("session.id")), text(attributes.get("prompt.id"))
        turn = turn_id(session, prompt) if session and prompt else None
        if turn is None and raw.trace_id is None:
            return f"{name}: it belongs to no prompt, and clustertrace keeps runs"
    elif raw.scope.startswith(CODEX):
        session = text(attributes.get("conversation.id"))
        turn = derived_id(CODEX, session) if session else None
        if raw.name == _STREAM_EVENT and _STREAM_USAGE not in attributes:
            return f"{name}: a stream's progress says nothing that its end does not say"
    trace_id, span_id = raw.trace_id or turn, raw.span_id if raw.trace_id else None
    if name == DETAILS and span_id is None:
        # A whole model call, reported while no span was recording.
        key = (raw.scope, str(raw.time_ns), str(attributes.get("gen_ai.response.id")))
        trace_id = trace_id or derived_id(name, *key)
        span_id = derived_id(trace_id, *key, digits=16)
    if trace_id is None:
        return f"log record {name or str(raw.body)[:40]!r}: it names no trace"
    log = Log(
        trace_id,
        span_id,
        raw.time_ns,
        name,
        raw.scope,
        raw.body,
        {**raw.shared, **(attributes if turn is None else _typed_attributes(attributes))},
        turn,
        session if raw.trace_id is None else None,
    )
    # A trace's root says what service it is of; a run that is known from logs alone has none.
    service = raw.shared.get("resource.service.name") if raw.trace_id is None else None
    tags = {"service": service} if isinstance(service, str) and service else {}
    run = TraceFacts(trace_id, session_id=session, tags=tags) if session or tags else None
    return Place(log, run, _score_facts(log) if name == _EVALUATION else None)


def turn_id(session: str, prompt: str) -> str:
    """The id of the run that a turn of Claude Code is where nobody names its trace.

    Its records and its transcript both come to it, so that a turn which is seen both ways is one.
    """
    return derived_id(CLAUDE_CODE, session, prompt)


def derived_id(*parts: str, digits: int = 32) -> str:
    """Hex digits that always are the same for the same parts; 32 for a trace, 16 for a span."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:digits]


def session_trace_id(session_id: str) -> str:
    """The id of the run that stands for a session of which only metrics are known."""
    return derived_id("metrics", session_id)


def _typed_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with numbers, truth values and JSON that agents write out in some records."""
    return {key: _typed_value(key, value) for key, value in attributes.items()}


def _typed_value(key: str, value: Any) -> Any:
    if key == "success":
        return boolean(value)
    if key in _JSON_KEYS:
        return parsed(value)
    is_number_text = (
        isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19
    )
    return int(value) if is_number_text and _NUMBER_KEY.search(key) else value


def _score_facts(log: Log) -> TraceFacts | None:
    name = text(log.attributes.get("gen_ai.evaluation.name"))
    score = number(log.attributes.get("gen_ai.evaluation.score.value"))
    if name is None or score is None:
        return None
    metric = Metric(name, score, log.time_ns, log.span_id)
    return TraceFacts(log.trace_id, metrics=(metric,))
