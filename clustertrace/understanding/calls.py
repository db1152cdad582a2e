"""Which spans of a trace are model calls of their own, and which report one that counts already.

Two instrumentations often report the same call (the Anthropic SDK traces itself beside whatever
wraps it): one inside the other, side by side, or in traces of their own. Logfire alone reports a
stream twice. Each call counts once, by the report that says the most. Totals that agents' spans
repeat never count, since only spans of model calls are looked at.

A pure function of the spans; the order of arrival does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.understanding.reports import Groups, Identity, identity, order, reporter
from clustertrace.understanding.same_calls import join_scopes
from clustertrace.understanding.streams import STREAMED, join_streams, streams_elsewhere
from clustertrace.understanding.tree import ancestors

__all__ = ["repeats", "reports_again"]

_BOUNDARIES: Final = frozenset({"tool", "agent"})
"""What a call reaches through one of these is a call of its own."""

_PREPARATION_NAMES: Final = ("._prepare_chat_with_tools", "count_tokens")
"""What is reported as a call and is none: LlamaIndex makes a request, tokens are counted."""

_SAME_CALL: Final = "the same call as"


def repeats(own: Sequence[Span], elsewhere: Sequence[Span] = ()) -> Mapping[str, str]:
    """The spans of a trace's model calls that do not count, by id, each with the reason.

    `elsewhere` are model calls of other traces that may be the same: they ran at the same time
    and have as many input tokens. Payloads need not be loaded, except for the two attributes
    named above.
    """
    reasons = {
        span.span_id: "prepares a call"
        for span in own
        if span.kind == "llm"
        and span.output_tokens is None
        and span.name.endswith(_PREPARATION_NAMES)
    }
    models = sorted(
        (
            span
            for span in (*own, *elsewhere)
            if span.kind in MODEL_KINDS and span.span_id not in reasons
        ),
        key=order,
    )
    if not models:
        return reasons
    joined = Groups(models)
    join_streams(models, joined)
    wrappers = _join_wrappers(_wrapped_calls(own, frozenset(reasons)), joined)
    wrapper_ids = {identity(outer) for outer, _ in wrappers}
    join_scopes([span for span in models if identity(span) not in wrapper_ids], joined)
    # What was joined just now may leave a wrapper with a single call inside.
    sums: dict[Identity, str] = {}
    for outer, inner in _join_wrappers(wrappers, joined):
        if _alone_has_tokens(outer, inner):
            reason = f"part of {outer.span_id}, which has the tokens"
            reasons.update((span.span_id, reason) for span in inner)
        else:
            sums[identity(outer)] = f"holds {len(inner)} model calls, which count by themselves"
    reasons.update((span_id, reason) for (_, span_id), reason in sums.items())
    trace_id = own[0].trace_id
    for group in joined.groups():
        reasons.update(_reasons_in_group(group, trace_id, sums))
    reasons.update(streams_elsewhere(models, trace_id, reasons, joined))
    return reasons


def _join_wrappers(
    wrapped: Iterable[tuple[Span, list[Span]]], joined: Groups
) -> list[tuple[Span, list[Span]]]:
    """Join each span around a single call with it; returns those around several."""
    around_several = []
    for outer, inner in wrapped:
        if joined.calls(inner) == 1:
            joined.join(inner[0], outer)
        else:
            around_several.append((outer, inner))
    return around_several


def _reasons_in_group(
    group: Sequence[Span], trace_id: str, sums: Mapping[Identity, str]
) -> Iterator[tuple[str, str]]:
    """Why reports of one call do not count: all but one, or all if one of them reports a sum."""
    counted = min(group, key=_preference_key)
    sum_reason = next((sums[identity(span)] for span in group if identity(span) in sums), None)
    for span in group:
        if span.trace_id == trace_id and (sum_reason or span is not counted):
            yield span.span_id, sum_reason or _reason(span, counted)


def _wrapped_calls(
    own: Sequence[Span], excluded: frozenset[str]
) -> Iterator[tuple[Span, list[Span]]]:
    """Model calls with the model calls right inside them, whatever harmless stands between."""
    by_id = {span.span_id: span for span in own}
    inside: dict[str, list[Span]] = defaultdict(list)
    for span in own:
        if span.kind in MODEL_KINDS and span.span_id not in excluded:
            above = _call_above(span, by_id)
            if above is not None and above.kind == span.kind and above.span_id not in excluded:
                inside[above.span_id].append(span)
    return ((by_id[outer], inner) for outer, inner in inside.items())


def _call_above(span: Span, by_id: Mapping[str, Span]) -> Span | None:
    for above in ancestors(span, by_id):
        if above.kind in MODEL_KINDS:
            return above
        if above.kind in _BOUNDARIES:
            return None
    return None


def _alone_has_tokens(outer: Span, inner: Sequence[Span]) -> bool:
    """Whether a span around several calls, whose totals such spans repeat, alone knows any."""
    return outer.output_tokens is not None and all(span.output_tokens is None for span in inner)


def _preference_key(span: Span) -> tuple[Any, ...]:
    """The smallest counts: ended, with tokens, a cost and a reason; fewer tokens; the earliest."""
    facts = (
        *(span.output_tokens, span.cost_usd, span.cache_read_tokens, span.cache_write_tokens),
        *(span.reasoning_tokens, span.finish_reason),
    )
    return (
        span.status == "running",
        *(fact is None for fact in facts),
        span.output_tokens or 0,
        *order(span),
    )


def _reason(span: Span, counted: Span) -> str:
    if reporter(span) == reporter(counted) and reporter(span).startswith(STREAMED):
        return f"its stream is reported by {counted.span_id}"
    where = "" if span.trace_id == counted.trace_id else f" of trace {counted.trace_id}"
    reporter_name = reporter(counted) or "clustertrace"
    return f"{_SAME_CALL} {counted.span_id}{where}, reported by {reporter_name}"


def reports_again(reason: str, counted: Span) -> bool:
    """Whether a reason that `repeats` gave says that a span reports this call."""
    return reason.startswith(f"{_SAME_CALL} {counted.span_id}")
