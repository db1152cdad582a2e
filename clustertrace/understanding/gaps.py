"""What a trace lacks, tokens, costs or content, and why where that can be known.

A pure function of a whole trace. Each sentence stands for all the calls that lack the same for the
same reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from clustertrace.content import CAPTURE
from clustertrace.conventions.dialect import STANDARD, Field
from clustertrace.conventions.raw import DROPPED
from clustertrace.conventions.readers import parsed
from clustertrace.model import MODEL_KINDS, Span
from clustertrace.pricing import tokens_known
from clustertrace.understanding.calls import repeats, reports_again
from clustertrace.understanding.reports import reporter
from clustertrace.understanding.streams import is_stream

__all__ = ["gaps"]

_MISSING: Final = "clustertrace.missing"
"""The attribute in which a recorder tells what it could not get, and why."""

_DROPPED_BY_SDK: Final = (
    "the sender's SDK dropped them, and with them parts of a long conversation; set "
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT there to more than its 128"
)

_NONE_SENT: Final = "what reported them sent none"
_NONE_SENT_WITH_ONE: Final = "what reported it sent none"

_WITHOUT_TOKENS: Final = (
    ("openinference.instrumentation.llama_index", "OpenInference reads none from LlamaIndex"),
    ("openinference.instrumentation.dspy", "OpenInference reads none from DSPy"),
)

_UNFINISHED: Final = (None, "error")
"""Finish reasons of streams that were left half way."""

_PROVIDERS_TELLING_TOKENS: Final = ("anthropic", "google", "gcp.vertex_ai", "aws.bedrock")
_USAGE_NOT_ASKED: Final = (
    'a stream reports them only on request: set stream_options={"include_usage": True}'
)

_WITHOUT_CONTENT: Final = (
    (
        "com.anthropic.claude_code",
        "Claude Code sends it in its logs only: export them too (OTEL_LOGS_EXPORTER=otlp)",
    ),
    (
        "codex",
        "Codex sends only prompts and tool results, in its logs: set `exporter` under [otel] in "
        "its config.toml",
    ),
    ("com.anthropic.sdk", "the Anthropic SDK's own spans carry none unless configured to"),
    (
        "gcp.vertex.agent",
        "Google ADK sends it in its logs only: export them too",
    ),
    ("strands", "Strands sends it in span events, and none came"),
    (
        "opentelemetry.instrumentation",
        "its instrumentation leaves it out: set "
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY (TRACELOOP_TRACE_CONTENT=true"
        " for Traceloop)",
    ),
    ("openinference", "it was hidden (OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUTS)"),
)
"""Beginnings of the names of scopes, and why their calls have no content."""

_SILENT_ON_EMBEDDINGS: Final = (
    "opentelemetry.instrumentation.genai",
    "opentelemetry.instrumentation.google_genai",
)

_COST_FROM_LOGS: Final = "cost_usd_micros"
"""An attribute of Claude Code's log records: they came, and have put it there."""

_NO_CONTENT_IN_LOGS: Final = "Claude Code's logs leave it out: set OTEL_LOG_RAW_API_BODIES=1"


def gaps(spans: Sequence[Span]) -> tuple[str, ...]:
    """Sentences on what the model calls of a trace lack, given with their payloads."""
    if not spans:
        return ()
    repeat_reasons = repeats(spans)
    calls = [
        span for span in spans if span.kind in MODEL_KINDS and span.span_id not in repeat_reasons
    ]
    answered = [span for span in calls if span.status == "ok"]
    content_elsewhere = _with_content_elsewhere(spans, answered, repeat_reasons)
    missing = Counter(
        (span.kind, what, why)
        for span in answered
        for what, why in _gaps_of_call(span)
        if what != "content" or span.span_id not in content_elsewhere
    )
    missing_by_recorder = Counter(
        (span.kind, reason)
        for span in calls
        if isinstance(reason := span.attributes.get(_MISSING), str)
    )
    return (
        *(
            f"{_calls_words(kind, count)} without {what}: "
            f"{_NONE_SENT_WITH_ONE if count == 1 and why == _NONE_SENT else why}."
            for (kind, what, why), count in missing.items()
        ),
        *(
            f"{_calls_words(kind, count)} without {reason}."
            for (kind, reason), count in missing_by_recorder.items()
        ),
    )


def _gaps_of_call(span: Span) -> Iterator[tuple[str, str]]:
    """What a call lacks, and why."""
    if DROPPED in span.attributes:
        yield "some attributes", _DROPPED_BY_SDK
    yield from _token_gaps(span)
    yield from _cost_gaps(span)
    yield from _content_gaps(span)


def _with_content_elsewhere(
    spans: Sequence[Span], calls: Sequence[Span], repeat_reasons: Mapping[str, str]
) -> set[str]:
    """The ids of the calls whose content another report of them has."""
    reasons = [
        repeat_reasons[span.span_id]
        for span in spans
        if span.span_id in repeat_reasons and _has_content(span)
    ]
    return {
        call.span_id for call in calls if any(reports_again(reason, call) for reason in reasons)
    }


def _calls_words(kind: str, count: int) -> str:
    noun = "embedding" if kind == "embedding" else "model call"
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def _token_gaps(span: Span) -> Iterator[tuple[str, str]]:
    if not span.has_token_counts and _MISSING not in span.attributes:
        yield (
            "token counts",
            _why_stream_lacks_tokens(span) or _reason_by_scope(span, _WITHOUT_TOKENS),
        )


def _why_stream_lacks_tokens(span: Span) -> str | None:
    """Why a stream told no tokens, if it was one."""
    attributes = span.attributes
    parameters = parsed(attributes.get("llm.invocation_parameters"))
    streamed = (
        attributes.get(STANDARD[Field.STREAM]) is True
        or STANDARD[Field.FIRST_TOKEN_SECONDS] in attributes
        or (isinstance(parameters, dict) and parameters.get("stream") is True)
        or is_stream(span)
    )
    if not streamed:
        return None
    if span.finish_reason in _UNFINISHED:
        return "their stream was not read to its end"
    return None if span.provider in _PROVIDERS_TELLING_TOKENS else _USAGE_NOT_ASKED


def _cost_gaps(span: Span) -> Iterator[tuple[str, str]]:
    if span.cost_usd is not None or not span.has_token_counts:
        return
    if not tokens_known(span):
        half = "written" if span.output_tokens is None else "read"
        if _MISSING not in span.attributes:  # else the recorder has said why
            yield "a cost", f"the number of tokens {half} is not known"
    elif span.model is None:
        yield "a cost", "no model is named"
    else:
        yield "a cost", f"no price of {span.model} is known (docs/cost.md says how to add one)"


def _content_gaps(span: Span) -> Iterator[tuple[str, str]]:
    if _has_content(span):
        return
    if span.attributes.get(CAPTURE) == "metadata":
        yield "content", "CLUSTERTRACE_CAPTURE=metadata keeps none"
    elif _COST_FROM_LOGS in span.attributes:
        yield "content", _NO_CONTENT_IN_LOGS
    elif span.kind == "embedding" and reporter(span).startswith(_SILENT_ON_EMBEDDINGS):
        yield "content", "its instrumentation reports none of embeddings"
    else:
        yield "content", _reason_by_scope(span, _WITHOUT_CONTENT)


def _has_content(span: Span) -> bool:
    return span.input is not None or span.output is not None


def _reason_by_scope(span: Span, reasons: Sequence[tuple[str, str]]) -> str:
    scope = reporter(span)
    return next((why for begins, why in reasons if scope.startswith(begins)), _NONE_SENT)
