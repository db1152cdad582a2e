"""Spans and traces for the store's tests, short to write and always the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.model import Batch, Span, TraceFacts

TRACE = "0123456789abcdef0123456789abcdef"
SECOND = 10**9
START = 1_700_000_000 * SECOND


def span(number: int, name: str = "step", parent: int | None = 1, **more: Any) -> Span:
    """Make span `number` of a trace: it starts `number` seconds in and takes one."""
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": f"{number:016x}",
        "parent_span_id": None if parent is None else f"{parent:016x}",
        "name": name,
        "kind": "tool",
        "status": "ok",
        "start_ns": START + number * SECOND,
        "end_ns": START + (number + 1) * SECOND,
    }
    return Span(**(fields | more))


def root(**more: Any) -> Span:
    """Make the root span, number 1, which lasts a minute."""
    fields: dict[str, Any] = {"kind": "agent", "end_ns": START + 60 * SECOND}
    return span(1, **({"name": "agent", "parent": None} | fields | more))


def batch(*spans: Span, facts: list[TraceFacts] | None = None, origin: str | None = None) -> Batch:
    """Put spans and facts into a batch."""
    return Batch(list(spans), facts or [], origin)


@pytest.fixture
def make_trace() -> Callable[..., list[Span]]:
    """Make whole traces: a root and the named tools under it."""

    def make(number: int, *tools: str, failed: bool = False, **more: Any) -> list[Span]:
        trace_id = f"{number:032x}"
        shift = number * 3600 * SECOND
        head = root(status="error" if failed else "ok", **more)
        steps = [span(at, name) for at, name in enumerate(tools, 2)]
        return [
            one._replace(
                trace_id=trace_id, start_ns=one.start_ns + shift, end_ns=(one.end_ns or 0) + shift
            )
            for one in (head, *steps)
        ]

    return make
