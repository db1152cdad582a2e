"""The neutral record that every input produces and everything else understands.

Ids are lower-case hex here and binary inside the database. Times are integers, nanoseconds
since the Unix epoch. Costs are US dollars. `input_tokens` is everything the model read, cache
reads and writes included: dialects that count otherwise are converted where they are read.

Spans travel by the ten thousand, so the records are named tuples: as immutable as a frozen
dataclass, and five times faster to create (1 µs against 5 µs for these fields).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

__all__ = [
    "EMPTY",
    "INTERNAL",
    "KINDS",
    "MODEL_KINDS",
    "NS_PER_DAY",
    "REPLAY_OF",
    "SPAN_STATUSES",
    "TRACE_STATUSES",
    "Batch",
    "Log",
    "Metric",
    "Span",
    "Trace",
    "TraceFacts",
    "failed",
]

EMPTY: Final[Mapping[str, Any]] = {}

NS_PER_DAY: Final = 86_400 * 10**9

KINDS: Final = frozenset(
    [
        "agent",
        "llm",
        "tool",
        "retriever",
        "embedding",
        "reranker",
        "guardrail",
        "evaluator",
        "chain",
        "user",
    ]
)
"""Span kinds: OpenInference's, in lower case. A decorated function is a `chain` unless told."""

MODEL_KINDS: Final = frozenset({"llm", "embedding"})
"""Kinds of spans that are model calls."""

INTERNAL: Final = "clustertrace.internal"
"""The attribute of a span that is internal to an instrumentation and not a step of the run.

It is stored and searchable like any other, and folded where steps are shown or compared."""

SPAN_STATUSES: Final = frozenset({"ok", "error", "running", "incomplete"})
"""`running` has not ended yet; `incomplete` never will, because its process is gone."""

REPLAY_OF: Final = "replay_of"
"""The tag of a run that repeats another: the id of that one.

It is kept, shown and compared like any other, and counted nowhere: whoever replays a failure ten
times has not seen ten failures."""

TRACE_STATUSES: Final = SPAN_STATUSES


class Span(NamedTuple):
    """One step of a run. `input` and `output` are plain JSON values."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    status: str
    start_ns: int
    end_ns: int | None
    input: Any = None
    output: Any = None
    error_type: str | None = None
    error_message: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    attributes: Mapping[str, Any] = EMPTY
    extra: Mapping[str, Any] = EMPTY
    """Keys of a native record that this version does not know; they survive a round trip."""
    ordinal: int = 0
    """Orders spans that start in the same nanosecond: their position in the incoming record."""

    @property
    def duration_ns(self) -> int | None:
        """How long it took, never negative; None while it has no end."""
        return None if self.end_ns is None else max(0, self.end_ns - self.start_ns)

    @property
    def has_token_counts(self) -> bool:
        """Whether anything counted the tokens that it read, or those that it wrote."""
        return self.input_tokens is not None or self.output_tokens is not None


class Metric(NamedTuple):
    """A number that the user attached to a run, or to one span of it."""

    name: str
    value: float
    time_ns: int
    span_id: str | None = None


class TraceFacts(NamedTuple):
    """What was said about a run as a whole, as opposed to what follows from its spans.

    A null says nothing. Facts of one trace may come in pieces and in any order; tags add up.
    """

    trace_id: str
    name: str | None = None
    status: str | None = None
    outcome: str | None = None
    outcome_reason: str | None = None
    session_id: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    tags: Mapping[str, str] = EMPTY
    metrics: tuple[Metric, ...] = ()
    extra: Mapping[str, Any] = EMPTY
    by_hand: bool = False
    """The outcome is the user's verdict, given afterwards: it overrides what the run reported."""
    starred: bool = False
    note: str | None = None


class Log(NamedTuple):
    """A log record, or a point of a metric, that says something about a run.

    What it says reaches the run's spans when the run is settled (clustertrace.joining), whichever
    came first.
    """

    trace_id: str
    """The trace that it names, else one derived from what it belongs to (`turn`)."""
    span_id: str | None
    time_ns: int
    name: str
    """The event, such as `claude_code.api_request`."""
    scope: str
    body: Any = None
    attributes: Mapping[str, Any] = EMPTY
    """With those of its resource and scope under `resource.` and `scope.`."""
    turn: str | None = None
    """Joins records of which only some name their trace: 32 hex digits derived from a session."""
    session_id: str | None = None
    """For a record that names no trace: the session whose spans it may belong to."""
    ordinal: int = 0
    """Its position among the records that it arrived with, to order those of the same time."""


class Batch(NamedTuple):
    """What a writer gets at once. `origin` names the spool segment of a live process."""

    spans: list[Span]
    facts: list[TraceFacts]
    origin: str | None = None
    logs: Sequence[Log] = ()


class Trace(NamedTuple):
    """A whole run as it leaves the store, spans in order of their start."""

    trace_id: str
    name: str
    status: str
    outcome: str | None
    outcome_reason: str | None
    start_ns: int
    end_ns: int | None
    session_id: str | None
    tags: Mapping[str, str]
    metrics: tuple[Metric, ...]
    spans: tuple[Span, ...]
    extra: Mapping[str, Any] = EMPTY
    by_hand: bool = False
    """The outcome, or that there is none, is the user's own word, given afterwards."""
    starred: bool = False
    note: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is known to have failed (`failed`)."""
        return failed(self.outcome, self.status) is True


def failed(outcome: str | None, status: str) -> bool | None:
    """Whether a run failed: by the user's verdict, or without one by how its root span ended.

    None while it is not known: it runs, or its process vanished, and no outcome is set.
    """
    if outcome is not None:
        return outcome == "fail"
    return {"ok": False, "error": True}.get(status)
