"""Phoenix: one span per record, as in its client's data frames and its REST API.

https://arize.com/docs/phoenix: `Client().spans.get_spans()`, or `get_spans_dataframe().to_json(
orient="records", lines=True)`, whose columns are `context.span_id`, `attributes.llm` and so on. The
attributes are OpenInference's, and are read as the receiver reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.traces import received
from clustertrace.conventions.raw import ERROR, Event, RawSpan, origin
from clustertrace.conventions.readers import text
from clustertrace.errors import BadInput
from clustertrace.exchange.foreign.fields import (
    moment_ns,
    object_of,
    objects_of,
    required_ns,
    span_id,
    trace_id,
)
from clustertrace.model import Span, TraceFacts

__all__ = ["read"]

_SCOPE: Final = "openinference"
_KIND: Final = "openinference.span.kind"
_MAX_DEPTH: Final = 12


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """Read a span. Raises BadInput."""
    context = object_of(record.get("context"))
    trace = trace_id(context.get("trace_id") or record.get("context.trace_id"))
    parent = text(record.get("parent_id"))
    start = required_ns(record.get("start_time"), "start_time")
    end = moment_ns(record.get("end_time"))
    attributes = dict(_attributes(record))
    if record.get("span_kind"):
        attributes.setdefault(_KIND, record["span_kind"])
    raw = RawSpan(
        trace,
        span_id(context.get("span_id") or record.get("context.span_id"), trace),
        span_id(parent, trace) if parent else None,
        text(record.get("name")) or "span",
        start,
        max(start, end) if end is not None else start,
        ERROR if record.get("status_code") == "ERROR" else 0,
        text(record.get("status_message")) or "",
        attributes,
        [
            Event(
                text(event.get("name")) or "event",
                moment_ns(event.get("timestamp")) or start,
                dict(_flat(object_of(event.get("attributes")), "")),
            )
            for event in objects_of(record.get("events"))
        ],
        {},
        origin({}, _SCOPE, "", {}),
    )
    batch, rejected, _ = received([raw])
    if rejected:
        raise BadInput(rejected[0])
    facts = batch.facts[0] if batch.facts else TraceFacts(trace)
    metrics = tuple(metric for fact in batch.facts for metric in fact.metrics)
    return batch.spans, facts._replace(metrics=metrics)


def _attributes(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _flat(object_of(record.get("attributes")), "")
    for key, value in record.items():
        if key.startswith("attributes.") and value is not None:
            yield from _flat({key.removeprefix("attributes."): value}, "")


def _flat(value: Mapping[str, Any], prefix: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Nested attributes as dotted names, list items by number, as OpenInference sends them."""
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and depth < _MAX_DEPTH:
            yield from _flat(item, f"{name}.", depth + 1)
        elif isinstance(item, list) and objects_of(item) and depth < _MAX_DEPTH:
            for number, element in enumerate(item):
                nested = element if isinstance(element, Mapping) else {"": element}
                yield from _flat(nested, f"{name}.{number}.", depth + 1)
        elif item is not None:
            yield name, item
