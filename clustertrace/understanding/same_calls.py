"""Reports of one call by different instrumentations, found by what both of them say."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import combinations
from typing import Any, Final

from clustertrace.model import Span
from clustertrace.understanding.pairing import Candidate, one_to_one
from clustertrace.understanding.reports import (
    Groups,
    Identity,
    identity,
    order,
    reporter,
    response_id,
    same_model,
)

__all__ = [
    "NEAREST",
    "TOGETHER_NS",
    "candidate_pairs",
    "common_keys",
    "distinctive_keys",
    "group_by_key",
    "join_scopes",
    "nearest_by_start",
    "nearest_to",
]

TOGETHER_NS: Final = 2 * 10**9
"""Reports of one call in different traces begin at most so far apart."""

NEAREST: Final = 16
"""So many before and after a report, in time, may be another one of the same call."""

_MANY: Final = 128
"""Of more reports than these, direct neighbours are paired first. It takes a tenth of the time, and
may pair one in fifty otherwise where dozens of calls that say the same overlap."""

_REPORTER_LIMIT: Final = 8
"""Nobody traces calls with more programs than that at once."""

End = tuple[Identity, str]
"""A report, and the reporter of another one of the same call."""

Keys = Callable[[Span], Iterable[Any]]
"""What a report must share with another one of the same call: one of these at least."""

Nearness = Callable[[Sequence[Span], Sequence[Span]], Iterable[tuple[Span, Span]]]
"""Of two reporters' spans, each in its order, those that may be reports of one call: which begin
nearest (`nearest_by_start`), or the first with the first and so on (`zip`)."""


def join_scopes(models: Sequence[Span], joined: Groups) -> None:
    """Reports of different instrumentations that say the same of the same time, one to one.

    Those first that agree in a response's id or in what was read and written: many calls at once
    may have the same prompt, and one stream is counted a token longer by some. Of these, those that
    begin nearest to each other; what is left is taken in its order, since one reporter may tell of
    all calls that begin together before the other tells of the first.
    """
    if len({reporter(span) for span in models}) < 2:
        return
    taken: set[End] = set()
    steps: tuple[Nearness, ...] = (nearest_by_start, zip)
    if len(models) > _MANY:
        steps = (partial(nearest_by_start, count=1), *steps)
    for keys in (distinctive_keys, common_keys):
        for nearness in steps:
            _join_pairs(candidate_pairs(models, nearness, keys, taken), joined, taken)


def _join_pairs(found_pairs: Iterator[tuple[Span, Span]], joined: Groups, taken: set[End]) -> None:
    """Join what is the same call; `taken` has the reports that were joined, and takes these."""
    candidates = (
        Candidate(
            (abs(one.start_ns - other.start_ns), order(one), order(other)),
            ((identity(one), reporter(other)), (identity(other), reporter(one))),
            one,
            other,
        )
        for one, other in found_pairs
        if _overlap(one, other) and _same_call(one, other)
    )
    for one, other in one_to_one(candidates, taken, unless=joined.together):
        joined.join(one, other)


def candidate_pairs(
    models: Sequence[Span], nearness: Nearness, keys: Keys, taken: Set[End] = frozenset()
) -> Iterator[tuple[Span, Span]]:
    """Pairs of different reporters that share a key and are not taken, the earlier one first.

    An agent may make thousands of calls at once, and to compare all of them with all others would
    hold up everybody who writes: `nearness` names the few that are worth it.
    """
    seen: set[tuple[Identity, Identity]] = set()
    for reports in group_by_key(models, keys).values():
        busiest = sorted(reports.items(), key=lambda item: -len(item[1]))[:_REPORTER_LIMIT]
        for (name, spans), (other_name, others) in combinations(busiest, 2):
            left = [span for span in spans if (identity(span), other_name) not in taken]
            right = [span for span in others if (identity(span), name) not in taken]
            for span, candidate in nearness(left, right):
                one, other = sorted((span, candidate), key=order)
                pair = (identity(one), identity(other))
                if pair not in seen:
                    seen.add(pair)
                    yield one, other


def nearest_by_start(
    spans: Sequence[Span], others: Sequence[Span], count: int = NEAREST
) -> Iterator[tuple[Span, Span]]:
    """Each of some with those of the others that begin nearest."""
    return ((span, candidate) for span in spans for candidate in nearest_to(span, others, count))


def nearest_to(span: Span, others: Sequence[Span], count: int = NEAREST) -> Sequence[Span]:
    """Of some in their order, those that begin nearest, so many before and as many after."""
    at = bisect_left(others, order(span), key=order)
    return others[max(0, at - count) : at + count]


def distinctive_keys(span: Span) -> Iterator[Any]:
    """What tells a call from most others."""
    response = response_id(span)
    if response is not None:
        yield "response", span.kind, response
    if span.output_tokens is not None:
        yield "counts", span.kind, span.input_tokens, span.output_tokens


def common_keys(span: Span) -> Iterator[Any]:
    """What two reports of one call share at least, where they have no response's id."""
    yield "tokens", span.kind, span.input_tokens
    yield "place", span.kind, span.trace_id, span.parent_span_id


def group_by_key(models: Sequence[Span], keys: Keys) -> Mapping[Any, Mapping[str, list[Span]]]:
    """Calls by each key of theirs, and by reporter, in their order."""
    shared: dict[Any, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for span in models:
        for key in keys(span):
            shared[key][reporter(span)].append(span)
    return shared


def _overlap(one: Span, other: Span) -> bool:
    """Whether the second begins while the first runs."""
    return one.end_ns is None or other.start_ns <= one.end_ns


def _same_call(one: Span, other: Span) -> bool:
    if one.kind != other.kind or reporter(one) == reporter(other):
        return False
    if one.trace_id != other.trace_id and abs(one.start_ns - other.start_ns) > TOGETHER_NS:
        return False
    ids = response_id(one), response_id(other)
    if None not in ids:
        return ids[0] == ids[1]
    if not same_model(one.model, other.model):
        return False
    tokens, other_tokens = one.output_tokens, other.output_tokens
    if one.trace_id != other.trace_id:
        if None not in (one.parent_span_id, other.parent_span_id):
            return False
        if tokens is other_tokens is None and one.status == other.status == "error":
            return one.input_tokens == other.input_tokens
    if tokens is None or other_tokens is None:
        return (one.trace_id, one.parent_span_id) == (other.trace_id, other.parent_span_id)
    # A stream's first chunk announces a token that some count on top.
    return one.input_tokens == other.input_tokens and abs(tokens - other_tokens) <= 1
