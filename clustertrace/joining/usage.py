"""A session of which only its metrics are known: tokens and cost by model, as one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.conventions.naming import vendor_of
from clustertrace.conventions.otlp.log_homes import USAGE_METRICS, derived_id
from clustertrace.conventions.readers import dollars
from clustertrace.joining.filling import MADE, Spans, shared
from clustertrace.model import Log, Span
from clustertrace.wire import MAX_TOKENS

__all__ = ["build", "is_point"]

_CUMULATIVE: Final = 2
_COST: Final = "cost"

_MODELS: Final = ("model", "gen_ai.response.model", "gen_ai.request.model")
_TYPES: Final = ("type", "gen_ai.token.type")
_NO_SERIES: Final = frozenset({"value", "temporality", "start_ns"})

_FRESH: Final = "input"
"""Claude Code's input tokens leave out cached ones; those of GenAI are all of them."""
_CACHE_READ: Final = "cacheRead"
_CACHE_WRITE: Final = "cacheCreation"


def is_point(log: Log) -> bool:
    """Whether a record is a point of a metric."""
    return log.name in USAGE_METRICS and isinstance(log.attributes.get("value"), int | float)


def build(trace_id: str, points: Sequence[Log], table: Spans) -> None:
    """Make one span for the session, and one for each model with what all its calls came to."""
    root = derived_id(trace_id, "session", digits=16)
    begin = min(_begin(point) for point in points)
    end = max(point.time_ns for point in points)
    told = shared(points[0], "session.id") | {MADE: "metrics"}
    session = Span(trace_id, root, None, "session", "agent", "ok", begin, max(begin, end))
    table.put(session._replace(attributes=told))
    for model, sums in _by_model(points).items():
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
                input_tokens=_tokens(sums.get(_FRESH), *cached),
                output_tokens=_tokens(sums.get("output")),
                cache_read_tokens=_tokens(cached[0]),
                cache_write_tokens=_tokens(cached[1]),
                cost_usd=dollars(sums.get(_COST)),
                attributes=told,
            )
        )


def _tokens(*parts: float | None) -> int | None:
    known = [part for part in parts if part is not None]
    total = sum(known)
    return round(total) if known and 0 <= total <= MAX_TOKENS else None


def _by_model(points: Sequence[Log]) -> dict[str, dict[str, float]]:
    """Sums by model and type of token. A cumulative series counts by its last point."""
    series: dict[tuple[str, str, str], float] = {}
    for point in points:
        told = point.attributes
        kind = _COST if "cost" in point.name else _first(told, _TYPES)
        others = repr(sorted((k, str(v)) for k, v in told.items() if k not in _NO_SERIES))
        key = (_first(told, _MODELS), kind, others)
        value = float(told["value"])
        cumulative = told.get("temporality") == _CUMULATIVE
        series[key] = value if cumulative else series.get(key, 0.0) + value
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (model, kind, _), value in series.items():
        sums[model][kind] += value
    return {model: dict(of_model) for model, of_model in sorted(sums.items())}


def _first(told: Any, keys: Sequence[str]) -> str:
    return next((str(told[key]) for key in keys if key in told), "")


def _begin(point: Log) -> int:
    begin = point.attributes.get("start_ns")
    return max(1, begin if isinstance(begin, int) and begin else point.time_ns)
