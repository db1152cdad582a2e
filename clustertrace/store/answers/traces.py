"""Lists of traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TracePage", "TraceRow"]


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of a list of traces."""

    trace_id: str
    name: str
    status: str
    outcome: str | None
    failed: bool
    start_ns: int
    duration_ns: int | None
    session_id: str | None
    variant: str | None
    span_count: int
    error_count: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    first_prompt: str | None
    error: str | None
    """The message of the root's error, or of the first failed span."""
    tags: Mapping[str, str]
    by_hand: bool = False
    """The outcome, or that there is none, is the user's own word, given afterwards."""
    starred: bool = False
    note: str | None = None
    outcome_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TracePage:
    """Some of the traces, and how many match."""

    rows: tuple[TraceRow, ...]
    total: int
    more: bool = False
    """There are more than `total`: beyond a limit they are not counted."""
