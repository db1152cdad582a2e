"""What follows from the spans of a trace: its name, state, totals, failure and variant.

A pure function of the spans and of what was reported about the trace; the order of arrival does not
matter. The store keeps its result beside the trace and in the roll-ups that pages read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clustertrace.model import MODEL_KINDS, NS_PER_DAY, Span, TraceFacts, failed
from clustertrace.patterns.signature import Variant, in_order, root_of, variant
from clustertrace.payloads.conversation import is_cut
from clustertrace.telling.words import shortened
from clustertrace.understanding.calls import repeats
from clustertrace.understanding.endings import dead_end
from clustertrace.understanding.folding import internal, visible
from clustertrace.understanding.reports import is_unpriced

__all__ = [
    "Summary",
    "bucket_middle_ns",
    "duration_bucket",
    "prompt_of",
    "summarise",
]

PROMPT_LENGTH: Final = 240
"""Characters of the first prompt that a list of traces shows."""

INNER_LIFE: Final = "internal"
"""The name of the pattern of traces without a step, such as those of Codex's start."""

_BUCKETS_PER_DOUBLING: Final = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of one trace that lists, totals and patterns are made of."""

    name: str
    status: str
    failed: bool | None
    """None as long as nobody can tell (clustertrace.model.failed)."""
    start_ns: int
    end_ns: int | None
    duration_ns: int | None
    root_span_id: str
    span_count: int
    error_count: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float
    error: str | None
    prompt_span_id: str
    """The span whose payload holds the first prompt (see `prompt_of`)."""
    dead_end: str | None
    """How it came to a dead end (clustertrace.understanding.endings); None: not, or not yet."""
    variant: Variant
    calls: tuple[Span, ...] = ()
    """The model calls that count, in order."""

    @property
    def day(self) -> int:
        """Days since 1970-01-01 (UTC) of the start."""
        return self.start_ns // NS_PER_DAY


def summarise(spans: Sequence[Span], facts: TraceFacts, elsewhere: Sequence[Span] = ()) -> Summary:
    """Summarise a trace that has at least one span; payloads need not be loaded.

    `elsewhere` are model calls of other traces that may be among its own: each call counts once
    (clustertrace.understanding.calls).
    """
    ordered = in_order(spans)
    root = root_of(ordered)
    status = facts.status or root.status
    start, end = _extent(ordered, root, facts)
    again = repeats(ordered, elsewhere)
    models = [span for span in ordered if span.kind in MODEL_KINDS and span.span_id not in again]
    shown = visible(ordered, root)
    return Summary(
        name=root.name if facts.name is None else facts.name,
        status=status,
        failed=failed(facts.outcome, status),
        start_ns=start,
        end_ns=end,
        duration_ns=None if end is None else max(0, end - start),
        root_span_id=root.span_id,
        span_count=len(ordered),
        error_count=sum(1 for span in shown if span.status == "error"),
        llm_calls=sum(1 for span in models if span.kind == "llm"),
        unpriced_calls=sum(1 for span in models if is_unpriced(span)),
        input_tokens=sum(span.input_tokens or 0 for span in models),
        output_tokens=sum(span.output_tokens or 0 for span in models),
        cache_read_tokens=sum(span.cache_read_tokens or 0 for span in models),
        cache_write_tokens=sum(span.cache_write_tokens or 0 for span in models),
        reasoning_tokens=sum(span.reasoning_tokens or 0 for span in models),
        cost_usd=math.fsum(span.cost_usd or 0.0 for span in models),
        error=_error(shown, root),
        prompt_span_id=_prompt_span(ordered, root).span_id,
        dead_end=dead_end(facts.outcome, status, root, models),
        variant=_variant(shown, root),
        calls=tuple(models),
    )


def _extent(ordered: Sequence[Span], root: Span, facts: TraceFacts) -> tuple[int, int | None]:
    """Start and end: the root's; without a true root, from the first start to the last end."""
    start = facts.start_ns if facts.start_ns is not None else ordered[0].start_ns
    if facts.end_ns is not None:
        return start, facts.end_ns
    if root.status == "running" or root.parent_span_id is None:
        return start, root.end_ns
    return start, max((span.end_ns for span in ordered if span.end_ns is not None), default=None)


def _variant(shown: Sequence[Span], root: Span) -> Variant:
    """The variant; traces of nothing but inner life share one, whatever their only span is."""
    if len(shown) == 1 and internal(root):
        root = root._replace(name=INNER_LIFE)
        shown = [root]
    return variant(shown, root)


def _error(ordered: Sequence[Span], root: Span) -> str | None:
    for span in (root, *ordered):
        if span.status == "error":
            return span.error_message or span.error_type or f"{span.name} failed"
    return None


def _prompt_span(ordered: Sequence[Span], root: Span) -> Span:
    for kind in ("user", "llm"):
        for span in ordered:
            if span.kind == kind:
                return span
    return root


def prompt_of(kind: str, given: Any, result: Any) -> str | None:
    """The first words of the user in a span's payload, cut to one line of `PROMPT_LENGTH`."""
    payload = (result if given is None else given) if kind == "user" else given
    text = _words(payload)
    if text is None:
        return None
    return shortened(" ".join(text.split()), PROMPT_LENGTH)


def _words(payload: Any) -> str | None:
    if payload is None or isinstance(payload, str):
        return payload
    if isinstance(payload, list):
        return _first_user_message(payload)
    if isinstance(payload, Mapping):
        for key in ("messages", "prompt", "question", "query", "input", "text", "content"):
            if payload.get(key):
                return _words(payload[key])
    return json.dumps(payload, ensure_ascii=False)


def _first_user_message(messages: Sequence[Any]) -> str | None:
    for message in messages:
        if isinstance(message, Mapping) and message.get("role") == "user":
            return _words(message.get("content") or message.get("parts"))
    for part in messages:
        if isinstance(part, Mapping) and isinstance(part.get("text") or part.get("content"), str):
            return str(part.get("text") or part["content"])
        if isinstance(part, str) and not is_cut(part):
            return part
    return json.dumps(messages, ensure_ascii=False) if messages else None


def duration_bucket(duration_ns: int) -> int:
    """The histogram bucket of a duration: eight to a doubling, so 9 % wide."""
    return 0 if duration_ns < 1 else int(math.log2(duration_ns) * _BUCKETS_PER_DOUBLING) + 1


def bucket_middle_ns(bucket: int) -> float:
    """The geometric middle of a bucket: within 5 % of every duration in it."""
    return 0.0 if bucket == 0 else 2.0 ** ((bucket - 0.5) / _BUCKETS_PER_DOUBLING)
