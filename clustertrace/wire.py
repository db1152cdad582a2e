"""The native JSON of a span, and the lines in which a recorder writes it down.

A spool segment and the body of `POST /v1/spans` are the same thing: newline-ended JSON objects,
each with a `type`:

- ``start``: a root span has begun (so that running and crashed runs are seen): the keys of a
  span as far as they are known, with `trace_id`; may carry `tags` and `session_id`;
- ``span``: a span has ended: all its keys in the native format, with `trace_id`; a root span
  may carry `tags` and `session_id`, which belong to its trace;
- ``trace``: something was said about a trace: any of `tags`, `metrics`, `outcome`,
  `outcome_reason`, `session_id`, `name`;
- `redacted` on any of these: how many secrets were cut from the line;
- ``segment``: the first line of a spool segment: `pid`, and how many lines that process had
  `dropped` by then because they could not be written. Nothing follows from it.

Unknown types are skipped, so that an older receiver outlives a newer recorder. The key names of
a span are those of the native JSONL format (`clustertrace/1`, see clustertrace.exchange.native).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from clustertrace.errors import BadInput
from clustertrace.model import KINDS, SPAN_STATUSES, Batch, Metric, Span, TraceFacts

__all__ = [
    "Lines",
    "facts_from_dict",
    "loads",
    "metric_to_dict",
    "parse_lines",
    "span_from_dict",
    "span_to_dict",
    "time_of",
    "trace_id_of",
]

MAX_NS = 2**63 - 1
"""The last nanosecond that a signed 64-bit integer holds: April 2262."""

MAX_TOKENS = 10**12
"""Tokens of one call, far beyond any; sums over millions of calls still fit 64 bits."""

MAX_USD = 10**9
"""US dollars of one call, far beyond any; sums stay exact to a small part of a cent."""

_HEX32 = re.compile(r"[0-9a-f]{32}\Z")
_HEX16 = re.compile(r"[0-9a-f]{16}\Z")
_TEXTS = ("error_type", "error_message", "model", "provider", "finish_reason")
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_KNOWN = frozenset(
    [
        *("type", "trace_id", "span_id", "parent_span_id", "name", "kind", "status"),
        *("start_time_unix_nano", "end_time_unix_nano", "input", "output", "cost_usd"),
        *("attributes", "tags", "session_id", "redacted"),
        *_TEXTS,
        *_COUNTS,
    ]
)


class Lines:
    """What a run of lines held: one batch, and the lines that could not be used, with why."""

    __slots__ = ("bad", "batch")

    def __init__(self, batch: Batch, bad: list[tuple[int, str]]) -> None:
        self.batch = batch
        self.bad = bad


def loads(line: bytes | bytearray | str) -> Any:
    """Parse one JSON document; NaN, infinities and lone surrogates are replaced, not refused.

    Raises BadInput, with the parser's reason.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as strict:
        # Python's own writer emits NaN and lone surrogates, which strict JSON knows neither of.
        try:
            return _tidy(json.loads(line))
        except UnicodeDecodeError:
            raise BadInput("this is not JSON: it is not text in UTF-8") from None
        except (ValueError, RecursionError):
            raise BadInput(f"this is not JSON: {strict}") from None


def _tidy(value: Any) -> Any:
    """The same value without what UTF-8 and JSON can't hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, dict):
        return {_tidy(key): _tidy(item) for key, item in value.items()}
    return value


def parse_lines(lines: Iterable[bytes], origin: str | None = None) -> Lines:
    """Read recorder lines; a bad line is reported by its number (from 1) and costs no other."""
    spans: list[Span] = []
    facts: list[TraceFacts] = []
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = loads(line)
            if not isinstance(record, dict):
                raise BadInput("a line must be a JSON object")
            what = record.get("type")
            if what in ("span", "start"):
                trace_id = trace_id_of(record.get("trace_id"))
                span = span_from_dict(record, trace_id, running=what == "start")
                if record.get("tags") or record.get("session_id"):
                    facts.append(facts_from_dict(record, trace_id, about_span=True))
                spans.append(span)
            elif what == "trace":
                facts.append(facts_from_dict(record, trace_id_of(record.get("trace_id"))))
        except BadInput as error:
            bad.append((number, str(error)))
    return Lines(Batch(spans, facts, origin), bad)


def trace_id_of(value: Any) -> str:
    """Check a trace id: 32 hex digits, not all zero. Raises BadInput."""
    text = value.lower() if isinstance(value, str) else ""
    if not _HEX32.match(text) or not text.strip("0"):
        raise BadInput(f"trace_id must be 32 hex digits, not {_short(value)}")
    return text


def _span_id_of(value: Any, key: str = "span_id") -> str:
    text = value.lower() if isinstance(value, str) else ""
    if not _HEX16.match(text) or not text.strip("0"):
        raise BadInput(f"{key} must be 16 hex digits, not {_short(value)}")
    return text


def span_from_dict(
    record: Mapping[str, Any], trace_id: str, ordinal: int = 0, *, running: bool = False
) -> Span:
    """Build a span from its native keys; a missing key is a null.

    Raises BadInput naming the key that can't be used.
    """
    get = record.get
    parent = get("parent_span_id")
    name = get("name")
    if not isinstance(name, str):
        raise BadInput(f"name must be a text, not {_short(name)}")
    kind = get("kind") or "chain"
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadInput(f"kind must be one of {', '.join(sorted(KINDS))}, not {_short(kind)}")
    status = "running" if running else get("status") or "ok"
    if not isinstance(status, str) or status not in SPAN_STATUSES:
        raise BadInput(f"status must be ok, error, running or incomplete, not {_short(status)}")
    start = time_of(get("start_time_unix_nano"), "start_time_unix_nano")
    if start is None:
        raise BadInput("start_time_unix_nano is missing")
    attributes = get("attributes")
    if attributes is not None and not isinstance(attributes, dict):
        raise BadInput(f"attributes must be an object, not {_short(attributes)}")
    error_type, error_message, model, provider, finish = [_text(get(key), key) for key in _TEXTS]
    read, written, cache_read, cache_write, reasoning = [_count(get(key), key) for key in _COUNTS]
    extra = (
        {} if _KNOWN.issuperset(record) else {k: v for k, v in record.items() if k not in _KNOWN}
    )
    return Span(
        trace_id,
        _span_id_of(get("span_id")),
        _span_id_of(parent, "parent_span_id") if parent else None,
        name,
        kind,
        status,
        start,
        time_of(get("end_time_unix_nano"), "end_time_unix_nano"),
        get("input"),
        get("output"),
        error_type,
        error_message,
        model,
        provider,
        read,
        written,
        cache_read,
        cache_write,
        reasoning,
        _dollars(get("cost_usd"), "cost_usd"),
        finish,
        _noted(attributes or {}, get("redacted")),
        extra,
        ordinal,
    )


def _noted(attributes: dict[str, Any], redacted: Any) -> dict[str, Any]:
    """Attributes with how many secrets the recorder cut from the line."""
    return attributes | {"clustertrace.redacted": redacted} if redacted else attributes


def span_to_dict(span: Span) -> dict[str, Any]:
    """The native keys of a span, in the order of the format."""
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": span.kind,
        "status": span.status,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        "input": span.input,
        "output": span.output,
        "error_type": span.error_type,
        "error_message": span.error_message,
        "model": span.model,
        "provider": span.provider,
        "input_tokens": span.input_tokens,
        "output_tokens": span.output_tokens,
        "cache_read_tokens": span.cache_read_tokens,
        "cache_write_tokens": span.cache_write_tokens,
        "reasoning_tokens": span.reasoning_tokens,
        "cost_usd": span.cost_usd,
        "finish_reason": span.finish_reason,
        "attributes": span.attributes,
        **span.extra,
    }


def facts_from_dict(
    record: Mapping[str, Any], trace_id: str, *, about_span: bool = False
) -> TraceFacts:
    """Build what was said about a trace. Raises BadInput naming the key that can't be used.

    With `about_span`, the record is a span's: only its tags and session speak of the trace.
    """
    get = record.get
    tags = get("tags")
    if tags is not None and not isinstance(tags, dict):
        raise BadInput(f"tags must be an object, not {_short(tags)}")
    facts = TraceFacts(
        trace_id,
        session_id=_text(get("session_id"), "session_id"),
        tags={key: tag_text(value) for key, value in (tags or {}).items()},
    )
    if about_span:
        return facts
    outcome = get("outcome")
    if outcome not in (None, "pass", "fail"):
        raise BadInput(f'outcome must be "pass", "fail" or null, not {_short(outcome)}')
    metrics = get("metrics") or []
    if not isinstance(metrics, list):
        raise BadInput(f"metrics must be a list, not {_short(metrics)}")
    return facts._replace(
        name=_text(get("name"), "name"),
        outcome=outcome,
        outcome_reason=_text(get("outcome_reason"), "outcome_reason"),
        metrics=tuple(_metric_from_dict(item) for item in metrics),
    )


def tag_text(value: Any) -> str:
    """A tag is a text; other JSON values are kept as their JSON. Raises BadInput."""
    try:
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    except TypeError as error:
        raise BadInput(f"a tag can't be {_short(value)}: {str(error).lower()}") from None


def _metric_from_dict(record: Any) -> Metric:
    """Build a metric: a name and a finite number. Raises BadInput."""
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise BadInput("a metric must be an object with a name")
    value = _number(record.get("value"), "value of a metric")
    if value is None:
        raise BadInput("value of a metric is missing")
    span = record.get("span_id")
    return Metric(
        record["name"],
        value,
        time_of(record.get("time_unix_nano"), "time_unix_nano") or 0,
        _span_id_of(span) if span else None,
    )


def metric_to_dict(metric: Metric) -> dict[str, Any]:
    """The native keys of a metric."""
    return {
        "name": metric.name,
        "value": metric.value,
        "time_unix_nano": metric.time_ns,
        "span_id": metric.span_id,
    }


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _text(value: Any, key: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise BadInput(f"{key} must be a text, not {_short(value)}")


def _count(value: Any, key: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    raise BadInput(f"{key} must be a whole number from 0 to 10^12, not {_short(value)}")


def _dollars(value: Any, key: str) -> float | None:
    amount = _number(value, key)
    if amount is not None and not 0 <= amount <= MAX_USD:
        raise BadInput(f"{key} must be US dollars, from 0 to at most 10^9, not {_short(value)}")
    return amount


def _number(value: Any, key: str) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise BadInput(f"{key} must be a finite number, not {_short(value)}")


def time_of(value: Any, key: str) -> int | None:
    """Check a time, nanoseconds since 1970, as a number or its digits. Raises BadInput."""
    if value is None:
        return None
    if isinstance(value, str) and value.isdecimal():
        value = int(value) if len(value) < 20 else MAX_NS + 1
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NS:
        return value
    raise BadInput(
        f"{key} must be nanoseconds since 1970 (up to the year 2262), not {_short(value)}"
    )
