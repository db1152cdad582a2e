"""LangSmith: runs, one a record, as `client.list_runs` and its exports give them.

https://docs.smith.langchain.com/reference/data_formats/run_data_format
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.exchange.foreign.fields import (
    amount,
    count,
    dollars,
    moment_ns,
    needed_ns,
    object_of,
    span_id,
    tags_of,
    text,
    trace_id,
)
from clustertrace.model import Metric, Span, TraceFacts

__all__ = ["read"]

_KINDS: Final = {"llm": "llm", "tool": "tool", "retriever": "retriever", "embedding": "embedding"}
_SESSIONS: Final = ("session_id", "thread_id", "conversation_id")
_ATTRIBUTES: Final = ("events", "serialized", "extra", "dotted_order", "reference_example_id")


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """A run. Raises BadInput."""
    trace = trace_id(record.get("trace_id") or record.get("id"))
    parent = record.get("parent_run_id")
    extra = object_of(record.get("extra"))
    about = object_of(extra.get("metadata"))
    start = needed_ns(record.get("start_time"), "start_time")
    end, error = moment_ns(record.get("end_time")), text(record.get("error"))
    span = Span(
        trace,
        span_id(record.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(record.get("name")) or "run",
        _KINDS.get(str(record.get("run_type")), "chain"),
        "error" if error else "ok",
        start,
        max(start, end) if end is not None else start,
        record.get("inputs"),
        record.get("outputs"),
        _error_type(error),
        error,
        text(about.get("ls_model_name")) or _model(extra),
        text(about.get("ls_provider")),
        *_tokens(record),
        dollars(record.get("total_cost")) or None,
        attributes={key: record[key] for key in _ATTRIBUTES if record.get(key)},
    )
    if parent:
        return [span], TraceFacts(trace)
    feedback = object_of(record.get("feedback_stats"))
    scores = {name: amount(object_of(told).get("avg")) for name, told in feedback.items()}
    return [span], TraceFacts(
        trace,
        session_id=next((found for key in _SESSIONS if (found := text(about.get(key)))), None),
        tags=tags_of(revision=about.get("revision_id"), tags=record.get("tags")),
        metrics=tuple(
            Metric(name, score, span.end_ns or start)
            for name, score in scores.items()
            if score is not None
        ),
    )


def _error_type(error: str | None) -> str | None:
    """LangSmith keeps `Type('message')` with its traceback behind."""
    name = (error or "").partition("(")[0]
    return name if name.isidentifier() else None


def _model(extra: Mapping[str, Any]) -> str | None:
    asked = object_of(extra.get("invocation_params"))
    return text(asked.get("model")) or text(asked.get("model_name"))


def _tokens(
    record: Mapping[str, Any],
) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Read, written, from a cache, into a cache, thought; only of model calls.

    Chains repeat the sums of what is below them.
    """
    if record.get("run_type") not in ("llm", "embedding"):
        return None, None, None, None, None
    usage = object_of(object_of(record.get("outputs")).get("usage_metadata"))
    read, written = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    of_input = object_of(usage.get("input_token_details"))
    of_output = object_of(usage.get("output_token_details"))
    return (
        count(record.get("prompt_tokens")) if read is None else read,
        count(record.get("completion_tokens")) if written is None else written,
        count(of_input.get("cache_read")),
        count(of_input.get("cache_creation")),
        count(of_output.get("reasoning")),
    )
