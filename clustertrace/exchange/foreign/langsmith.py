"""LangSmith: runs, one a record, as `client.list_runs` and its exports give them.

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
    counted,
    hour_of,
    moment_ns,
    needed_ns,
    object_of,
    span_id,
    tags_of,
    tokens_of,
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
    used = _used(record)
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
        text(about.get("ls_model_name")) or _model(extra),
        text(about.get("ls_provider")),
        *tokens_of(used),
        dollars(record.get("total_cost")) or None,
        attributes=_rest(record, used),
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


def _rest(record: Mapping[str, Any], used: Mapping[Field, Any]) -> dict[str, Any]:
    rest = {key: record[key] for key in _ATTRIBUTES if record.get(key)}
    return rest | hour_of(used)


def _error_type(error: str | None) -> str | None:
    """LangSmith keeps `Type('message')` with its traceback behind."""
    name = (error or "").partition("(")[0]
    return name if name.isidentifier() else None


def _model(extra: Mapping[str, Any]) -> str | None:
    asked = object_of(extra.get("invocation_params"))
    return text(asked.get("model")) or text(asked.get("model_name"))


def _used(record: Mapping[str, Any]) -> dict[Field, Any]:
    """The tokens of a model call; chains repeat the sums of what is below them."""
    if record.get("run_type") not in ("llm", "embedding"):
        return {}
    return counted(pair for told in _usages(record) for pair in usage(told, own=False))


def _usages(record: Mapping[str, Any]) -> Iterator[Any]:
    """Wherever LangChain and LangSmith put the usage of a call, the most detailed first."""
    outputs = object_of(record.get("outputs"))
    yield outputs.get("usage_metadata")
    for some in _list(outputs.get("generations"))[:1]:
        for one in some[:1] if isinstance(some, list) else [some]:
            message = object_of(object_of(one).get("message"))
            yield object_of(message.get("kwargs")).get("usage_metadata")
            yield message.get("usage_metadata")
    yield object_of(outputs.get("llm_output")).get("token_usage")
    yield {
        "prompt_tokens": record.get("prompt_tokens"),
        "completion_tokens": record.get("completion_tokens"),
        "input_token_details": record.get("prompt_token_details"),
        "output_token_details": record.get("completion_token_details"),
    }


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
