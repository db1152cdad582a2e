"""Streams that Logfire reports as two spans: the request, and the response once it is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clustertrace.model import Span
from clustertrace.understanding.pairing import Candidate, nearest_in_time, one_to_one
from clustertrace.understanding.reports import (
    Groups,
    identity,
    order,
    reporter,
    same_model,
)

__all__ = ["STREAMED", "is_stream", "join_streams", "streams_elsewhere"]

STREAMED: Final = "logfire"
"""Scopes that report a stream as two spans: the request, and the response once it is read."""

_RESPONSE_NAME: Final = "streaming response from "
"""How the names of such responses begin."""

_NEAREST: Final = 32
"""Requests that ended before and after a response began that may be its own."""


def join_streams(models: Sequence[Span], joined: Groups) -> None:
    """Logfire's requests, which know no tokens, with the responses that were read after them."""
    if not any(map(is_stream, models)):
        return
    requests: dict[Any, list[tuple[int, str, Span]]] = defaultdict(list)
    for span in models:
        if _may_be_request(span):
            ended = span.end_ns or span.start_ns
            requests[span.trace_id, reporter(span)].append((ended, span.span_id, span))
    for sorted_requests in requests.values():
        sorted_requests.sort()
    candidates = (
        Candidate(
            (abs(ended - response.start_ns), order(request), order(response)),
            (identity(request), identity(response)),
            request,
            response,
        )
        for response in models
        if is_stream(response)
        for ended, _, request in nearest_in_time(
            requests.get((response.trace_id, reporter(response)), ()), response.start_ns, _NEAREST
        )
        if request.start_ns <= response.start_ns and same_model(request.model, response.model)
    )
    for request, response in one_to_one(candidates):
        joined.join(request, response)


def is_stream(span: Span) -> bool:
    """Whether a span is a response that Logfire reports apart from its request."""
    return span.name.startswith(_RESPONSE_NAME) and reporter(span).startswith(STREAMED)


def _may_be_request(span: Span) -> bool:
    """Whether a span may be a request whose response was streamed."""
    return (
        span.kind == "llm"
        and (span.status, span.output_tokens) == ("ok", None)
        and reporter(span).startswith(STREAMED)
        and not span.name.startswith(_RESPONSE_NAME)
    )


def streams_elsewhere(
    models: Sequence[Span], trace_id: str, reasons: Mapping[str, str], joined: Groups
) -> Iterator[tuple[str, str]]:
    """Logfire's requests whose response is a trace of its own: only that one has the tokens."""
    grouped = {identity(span) for group in joined.groups() for span in group}
    for span in models:
        if (
            (span.trace_id, span.parent_span_id) == (trace_id, None)
            and _may_be_request(span)
            and identity(span) not in grouped
            and span.span_id not in reasons
        ):
            yield span.span_id, "its stream is reported in a trace of its own"
