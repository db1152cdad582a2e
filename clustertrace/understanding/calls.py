"""Which spans of a trace are model calls of their own, and which report one that counts already.

Two instrumentations often report the same call (the Anthropic SDK traces itself beside whatever
wraps it): one inside the other, side by side, or in traces of their own. Logfire alone reports a
stream twice. Each call counts once, by the report that says the most. Totals that agents' spans
repeat never count, since only spans of model calls are looked at.

A pure function of the spans; the order of arrival does not matter.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from clustertrace.model import MODEL_KINDS, Span

__all__ = [
    "RESPONSE_ID",
    "SCOPE",
    "TOGETHER_NS",
    "is_stream",
    "is_unpriced",
    "repeats",
    "reporter",
    "reports_again",
    "response_id",
]

SCOPE: Final = "scope.name"
RESPONSE_ID: Final = "gen_ai.response.id"
"""The attributes that are looked at."""

TOGETHER_NS: Final = 2 * 10**9
"""Reports of one call in different traces begin at most so far apart."""

_STREAMED: Final = "logfire"
"""Scopes that report a stream as two spans: the request, and the response once it is read."""

_STREAM: Final = "streaming response from "
"""How the names of such responses begin."""

_BOUNDARIES: Final = frozenset({"tool", "agent"})
"""What a call reaches through one of these is a call of its own."""

_PREPARING: Final = ("._prepare_chat_with_tools", "count_tokens")
"""What is reported as a call and is none: LlamaIndex makes a request, tokens are counted."""

_EDITION: Final = re.compile(r"([-@](20[0-9-]+|[0-9]{4}|latest|v[0-9].*))?")
"""What may stand behind a model's name: a date, a version."""

_SAME: Final = "the same call as"

_NEAREST: Final = 32
"""Requests that ended before and after a response began that may be its own."""

Identity = tuple[str, str]


def response_id(span: Span) -> str | None:
    """The id of the response that a call got. It may come again: alone it proves nothing."""
    told = span.attributes.get(RESPONSE_ID)
    return told if isinstance(told, str) and told else None


def reporter(span: Span) -> str:
    """The scope of the instrumentation that reports a span; empty for this program's own."""
    scope = span.attributes.get(SCOPE)
    return scope if isinstance(scope, str) else ""


def repeats(own: Sequence[Span], elsewhere: Sequence[Span] = ()) -> Mapping[str, str]:
    """The spans of a trace's model calls that do not count, by id, each with the reason.

    `elsewhere` are model calls of other traces that may be the same: they ran at the same time
    and have as many input tokens. Payloads need not be loaded, except for the two attributes
    named above.
    """
    told = {
        span.span_id: "prepares a call"
        for span in own
        if span.kind == "llm" and span.output_tokens is None and span.name.endswith(_PREPARING)
    }
    models = sorted(
        (
            span
            for span in (*own, *elsewhere)
            if span.kind in MODEL_KINDS and span.span_id not in told
        ),
        key=_order,
    )
    if not models:
        return told
    joined = _Groups(models)
    _join_streams(models, joined)
    around: list[tuple[Span, list[Span]]] = []
    for outer, inner in _wrapped(own, frozenset(told)):
        if joined.calls(inner) == 1:
            joined.join(inner[0], outer)
        else:
            around.append((outer, inner))
    outers = {_identity(outer) for outer, _ in around}
    _join_scopes([span for span in models if _identity(span) not in outers], joined)
    sums: dict[Identity, str] = {}
    for outer, inner in around:
        if joined.calls(inner) == 1:
            joined.join(inner[0], outer)
        elif _alone_knows(outer, inner):
            part = f"part of {outer.span_id}, which has the tokens"
            told.update((span.span_id, part) for span in inner)
        else:
            sums[_identity(outer)] = f"holds {len(inner)} model calls, which count by themselves"
    told.update((span_id, reason) for (_, span_id), reason in sums.items())
    here = own[0].trace_id
    for group in joined.groups():
        counted = min(group, key=_preference)
        # Whatever reports a sum as well is one.
        sum_of = next((sums[_identity(span)] for span in group if _identity(span) in sums), None)
        told.update(
            (span.span_id, sum_of or _reason(span, counted))
            for span in group
            if span.trace_id == here and (sum_of or span is not counted)
        )
    told.update(_streams_elsewhere(models, here, told, joined))
    return told


class _Groups:
    """Spans that report the same call (a disjoint-set forest)."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._above = {_identity(span): _identity(span) for span in spans}

    def join(self, one: Span, other: Span) -> None:
        """Say that both report one call."""
        self._above[self._top(_identity(one))] = self._top(_identity(other))

    def together(self, one: Span, other: Span) -> bool:
        """Whether both are known to report one call."""
        return self._top(_identity(one)) == self._top(_identity(other))

    def calls(self, spans: Iterable[Span]) -> int:
        """How many calls these are reports of, as far as is known."""
        return len({self._top(_identity(span)) for span in spans})

    def groups(self) -> Iterable[list[Span]]:
        """All groups of more than one."""
        groups: dict[Identity, list[Span]] = defaultdict(list)
        for span in self._spans:
            groups[self._top(_identity(span))].append(span)
        return [group for group in groups.values() if len(group) > 1]

    def _top(self, at: Identity) -> Identity:
        while self._above[at] != at:
            at = self._above[at]
        return at


def _wrapped(own: Sequence[Span], without: frozenset[str]) -> Iterator[tuple[Span, list[Span]]]:
    """Model calls with the model calls right inside them, whatever harmless stands between."""
    by_id = {span.span_id: span for span in own}
    inside: dict[str, list[Span]] = defaultdict(list)
    for span in own:
        if span.kind in MODEL_KINDS and span.span_id not in without:
            above = _call_above(span, by_id)
            if above is not None and above.kind == span.kind and above.span_id not in without:
                inside[above.span_id].append(span)
    return ((by_id[outer], inner) for outer, inner in inside.items())


def _call_above(span: Span, by_id: Mapping[str, Span]) -> Span | None:
    above, seen = by_id.get(span.parent_span_id or ""), {span.span_id}
    while above is not None and above.span_id not in seen:
        if above.kind in MODEL_KINDS:
            return above
        if above.kind in _BOUNDARIES:
            return None
        seen.add(above.span_id)
        above = by_id.get(above.parent_span_id or "")
    return None


def _join_streams(models: Sequence[Span], joined: _Groups) -> None:
    """Logfire's requests, which know no tokens, with the responses that were read after them."""
    requests: dict[Any, list[tuple[int, str, Span]]] = defaultdict(list)
    for span in models:
        if _asks_logfire(span):
            ended = span.end_ns or span.start_ns
            requests[span.trace_id, reporter(span)].append((ended, span.span_id, span))
    for ends in requests.values():
        ends.sort()
    candidates = sorted(
        (
            (abs(ended - read.start_ns), _order(asked), _order(read), asked, read)
            for read in models
            if is_stream(read)
            for ended, _, asked in _nearest(
                requests.get((read.trace_id, reporter(read)), ()), read.start_ns
            )
            if asked.start_ns <= read.start_ns and _same_model(asked.model, read.model)
        ),
        key=lambda candidate: candidate[:3],
    )
    taken: set[Identity] = set()
    for _, _, _, asked, read in candidates:
        pair = {_identity(asked), _identity(read)}
        if not pair & taken:
            taken |= pair
            joined.join(asked, read)


def _nearest(
    ends: Sequence[tuple[int, str, Span]], time_ns: int
) -> Sequence[tuple[int, str, Span]]:
    at = bisect(ends, time_ns, key=lambda end: end[0])
    return ends[max(0, at - _NEAREST) : at + _NEAREST]


def is_unpriced(span: Span) -> bool:
    """A call that answered and whose price nobody knows; a call that failed outright is free."""
    return span.cost_usd is None and (span.status != "error" or span.output_tokens is not None)


def is_stream(span: Span) -> bool:
    """Whether a span is a response that Logfire reports apart from its request."""
    return reporter(span).startswith(_STREAMED) and span.name.startswith(_STREAM)


def _asks_logfire(span: Span) -> bool:
    """Whether a span may be a request whose response was streamed."""
    return (
        span.kind == "llm"
        and (span.status, span.output_tokens) == ("ok", None)
        and reporter(span).startswith(_STREAMED)
        and not span.name.startswith(_STREAM)
    )


def _streams_elsewhere(
    models: Sequence[Span], here: str, told: Mapping[str, str], joined: _Groups
) -> Iterator[tuple[str, str]]:
    """Logfire's requests whose response is a trace of its own: only that one has the tokens."""
    grouped = {_identity(span) for group in joined.groups() for span in group}
    for span in models:
        if (
            (span.trace_id, span.parent_span_id) == (here, None)
            and _asks_logfire(span)
            and _identity(span) not in grouped
            and span.span_id not in told
        ):
            yield span.span_id, "its stream is reported in a trace of its own"


def _join_scopes(models: Sequence[Span], joined: _Groups) -> None:
    """Reports of different instrumentations that say the same of the same time, one to one."""
    candidates = sorted(
        (
            (abs(one.start_ns - other.start_ns), _order(one), _order(other), one, other)
            for at, one in enumerate(models)
            for other in _while_it_ran(models, at)
            if _same_call(one, other)
        ),
        key=lambda candidate: candidate[:3],
    )
    taken: set[tuple[Identity, str]] = set()
    for _, _, _, one, other in candidates:
        ends = {(_identity(one), reporter(other)), (_identity(other), reporter(one))}
        if not ends & taken and not joined.together(one, other):
            taken |= ends
            joined.join(one, other)


def _while_it_ran(models: Sequence[Span], at: int) -> Iterator[Span]:
    """The spans after the one at `at` that begin while it runs."""
    end = models[at].end_ns
    for index in range(at + 1, len(models)):
        if end is not None and models[index].start_ns > end:
            return
        yield models[index]


def _same_call(one: Span, other: Span) -> bool:
    if one.kind != other.kind or reporter(one) == reporter(other):
        return False
    if one.trace_id != other.trace_id and abs(one.start_ns - other.start_ns) > TOGETHER_NS:
        return False
    ids = response_id(one), response_id(other)
    if None not in ids:
        return ids[0] == ids[1]
    if not _same_model(one.model, other.model):
        return False
    said, said_too = one.output_tokens, other.output_tokens
    if one.trace_id != other.trace_id:
        if None not in (one.parent_span_id, other.parent_span_id):
            return False
        if said is said_too is None and one.status == other.status == "error":
            return one.input_tokens == other.input_tokens
    if said is None or said_too is None:
        return (one.trace_id, one.parent_span_id) == (other.trace_id, other.parent_span_id)
    # A stream's first chunk announces a token that some count on top.
    return one.input_tokens == other.input_tokens and abs(said - said_too) <= 1


def _same_model(one: str | None, other: str | None) -> bool:
    """Whether names mean the same model: one may carry a vendor before it or a date behind it."""
    if one is None or other is None:
        return False
    short, long = sorted(
        (one.rpartition("/")[2].lower(), other.rpartition("/")[2].lower()), key=len
    )
    return long.startswith(short) and _EDITION.fullmatch(long[len(short) :]) is not None


def _alone_knows(outer: Span, inner: Sequence[Span]) -> bool:
    """Whether a span around several calls, whose totals such spans repeat, alone knows any."""
    return outer.output_tokens is not None and all(span.output_tokens is None for span in inner)


def _preference(span: Span) -> tuple[Any, ...]:
    """The smallest counts: ended, with tokens, a cost and a reason; fewer tokens; the earliest."""
    facts = (
        *(span.output_tokens, span.cost_usd, span.cache_read_tokens, span.cache_write_tokens),
        *(span.reasoning_tokens, span.finish_reason),
    )
    return (
        span.status == "running",
        *(fact is None for fact in facts),
        span.output_tokens or 0,
        *_order(span),
    )


def _reason(span: Span, counted: Span) -> str:
    if reporter(span) == reporter(counted) and reporter(span).startswith(_STREAMED):
        return f"its stream is reported by {counted.span_id}"
    where = "" if span.trace_id == counted.trace_id else f" of trace {counted.trace_id}"
    by = reporter(counted) or "clustertrace"
    return f"{_SAME} {counted.span_id}{where}, reported by {by}"


def reports_again(reason: str, counted: Span) -> bool:
    """Whether a reason that `repeats` gave says that a span reports this call."""
    return reason.startswith(f"{_SAME} {counted.span_id}")


def _identity(span: Span) -> Identity:
    return span.trace_id, span.span_id


def _order(span: Span) -> tuple[int, str, str]:
    return span.start_ns, span.trace_id, span.span_id
