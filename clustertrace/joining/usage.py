"""A session of which only its metrics are known: tokens and cost by model, as one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.conventions.naming import vendor_of
from clustertrace.conventions.otlp.log_homes import USAGE_METRICS, derived_id
from clustertrace.conventions.readers import dollars
from clustertrace.joining.filling import MADE_FROM, Spans, shared_attributes
from clustertrace.model import Log, Span
from clustertrace.wire import MAX_TOKENS

__all__ = ["build", "is_point"]

_CUMULATIVE: Final = 2
_COST: Final = "cost"

_MODELS: Final = ("model", "gen_ai.response.model", "gen_ai.request.model")
_TYPES: Final = ("type", "gen_ai.token.type")
_NOT_OF_SERIES: Final = frozenset({"value", "temporality", "start_ns"})

_FRESH_INPUT: Final = "input"
"""Claude Code's input tokens leave out cached ones; those of GenAI are all of them."""
_CACHE_READ: Final = "cacheRead"
_CACHE_WRITE: Final = "cacheCreation"


def is_point(log: Log) -> bool:
    """Whether a record is a point of a metric."""
    return log.name in USAGE_METRICS and isinstance(log.attributes.get("value"), int | float)


def build(trace_id: str, points: Sequence[Log], table: Spans) -> None:
    """Make one span for the session, and one for each model with what all its calls came to."""
    root = derived_id(trace_id, "session", digits=16)
    begin = min(_start_of_point(point) for point in points)
    end = max(point.time_ns for point in points)
    attributes = shared_attributes(points[0], "session.id") | {MADE_FROM: "metrics"}
    session = Span(trace_id, root, None, "session", "agent", "ok", begin, max(begin, end))
    table.put(session._replace(attributes=attributes))
    for model, sums in _sums_by_model(points).items():
        cached = [sums.get(kind) for kind in (_CACHE_READ, _CACHE_WRITE)]
        table.put(
            Span(
                trace_id,
                derived_id(trace_id, "model", model, digits=16),
                root,
                "model calls",
                "llm",
                "ok",
                begin,
                max(begin, end),
                model=model or None,
                provider=vendor_of(model) if model else None,
                input_tokens=_token_sum(sums.get(_FRESH_INPUT), *cached),
                output_tokens=_token_sum(sums.get("output")),
                cache_read_tokens=_token_sum(cached[0]),
                cache_write_tokens=_token_sum(cached[1]),
                cost_usd=dollars(sums.get(_COST)),
                attributes=attributes,
            )
        )


def _token_sum(*parts: float | None) -> int | None:
    known_parts = [part for part in parts if part is not None]
    total = sum(known_parts)
    return round(total) if known_parts and 0 <= total <= MAX_TOKENS else None


def _sums_by_model(points: Sequence[Log]) -> dict[str, dict[str, float]]:
    """Sums by model and type of token. A cumulative series counts by its last point."""
    series: dict[tuple[str, str, str], float] = {}
    for point in points:
        attributes = point.attributes
        kind = _COST if "cost" in point.name else _first_value(attributes, _TYPES)
        series_attributes = repr(
            sorted((k, str(v)) for k, v in attributes.items() if k not in _NOT_OF_SERIES)
        )
        key = (_first_value(attributes, _MODELS), kind, series_attributes)
        value = float(attributes["value"])
        cumulative = attributes.get("temporality") == _CUMULATIVE
        series[key] = value if cumulative else series.get(key, 0.0) + value
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (model, kind, _), value in series.items():
        sums[model][kind] += value
    return {model: dict(sums_by_type) for model, sums_by_type in sorted(sums.items())}


def _first_value(attributes: Any, keys: Sequence[str]) -> str:
    return next((str(attributes[key]) for key in keys if key in attributes), "")


def _start_of_point(point: Log) -> int:
    start_ns = point.attributes.get("start_ns")
    return max(1, start_ns if isinstance(start_ns, int) and start_ns else point.time_ns)
