"""LangSmith: one run per record, as in `client.list_runs` and its exports.

https://docs.smith.langchain.com/reference/data_formats/run_data_format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import dollars, text
from clustertrace.conventions.usage import usage
from clustertrace.exchange.foreign.fields import (
    amount,
    first_values,
    hour_attribute,
    moment_ns,
    object_of,
    required_ns,
    span_id,
    tags_of,
    tokens_of,
    trace_id,
)
from clustertrace.model import Metric, Span, TraceFacts

__all__ = ["read"]

_KINDS: Final = {"llm": "llm", "tool": "tool", "retriever": "retriever", "embedding": "embedding"}
_SESSION_KEYS: Final = ("session_id", "thread_id", "conversation_id")
_KEPT: Final = ("events", "serialized", "extra", "dotted_order", "reference_example_id")


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """Read a run. Raises BadInput."""
    trace = trace_id(record.get("trace_id") or record.get("id"))
    parent = record.get("parent_run_id")
    extra = object_of(record.get("extra"))
    metadata = object_of(extra.get("metadata"))
    start = required_ns(record.get("start_time"), "start_time")
    end, error = moment_ns(record.get("end_time")), text(record.get("error"))
    usage = _usage_of(record)
    span = Span(
        trace,
        span_id(record.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(record.get("name")) or "run",
        _KINDS.get(str(record.get("run_type")), "chain"),
        "error" if error else "ok" if end is not None else "incomplete",
        start,
        max(start, end) if end is not None else None,
        record.get("inputs"),
        record.get("outputs"),
        _error_type(error),
        error,
        text(metadata.get("ls_model_name")) or _model(extra),
        text(metadata.get("ls_provider")),
        *tokens_of(usage),
        dollars(record.get("total_cost")) or None,
        attributes=_attributes(record, usage),
    )
    if parent:
        return [span], TraceFacts(trace)
    feedback = object_of(record.get("feedback_stats"))
    scores = {name: amount(object_of(stats).get("avg")) for name, stats in feedback.items()}
    return [span], TraceFacts(
        trace,
        session_id=next(
            (session for key in _SESSION_KEYS if (session := text(metadata.get(key)))), None
        ),
        tags=tags_of(revision=metadata.get("revision_id"), tags=record.get("tags")),
        metrics=tuple(
            Metric(name, score, span.end_ns or start)
            for name, score in scores.items()
            if score is not None
        ),
    )


def _attributes(record: Mapping[str, Any], usage: Mapping[Field, Any]) -> dict[str, Any]:
    rest = {key: record[key] for key in _KEPT if record.get(key)}
    return rest | hour_attribute(usage)


def _error_type(error: str | None) -> str | None:
    """The type in `Type('message')`, which LangSmith stores with the traceback after it."""
    name = (error or "").partition("(")[0]
    return name if name.isidentifier() else None


def _model(extra: Mapping[str, Any]) -> str | None:
    parameters = object_of(extra.get("invocation_params"))
    return text(parameters.get("model")) or text(parameters.get("model_name"))


def _usage_of(record: Mapping[str, Any]) -> dict[Field, Any]:
    """The usage of a model call; chains are skipped, as they repeat the sums of their children."""
    if record.get("run_type") not in ("llm", "embedding"):
        return {}
    return first_values(
        pair for usage_object in _usage_objects(record) for pair in usage(usage_object, own=False)
    )


def _usage_objects(record: Mapping[str, Any]) -> Iterator[Any]:
    """All places where LangChain and LangSmith put the usage of a call, most detailed first."""
    outputs = object_of(record.get("outputs"))
    yield outputs.get("usage_metadata")
    for alternatives in _list(outputs.get("generations"))[:1]:
        for generation in alternatives[:1] if isinstance(alternatives, list) else [alternatives]:
            message = object_of(object_of(generation).get("message"))
            yield object_of(message.get("kwargs")).get("usage_metadata")
            yield message.get("usage_metadata")
    yield object_of(outputs.get("llm_output")).get("token_usage")
    yield {
        "prompt_tokens": record.get("prompt_tokens"),
        "completion_tokens": record.get("completion_tokens"),
        "input_token_details": record.get("prompt_token_details"),
        "output_token_details": record.get("completion_token_details"),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
