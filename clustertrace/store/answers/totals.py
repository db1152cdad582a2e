"""All runs in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole database in a few numbers."""

    traces: int
    failed: int
    failed_by_outcome: int
    """Of `failed`: those that the user called so."""
    failed_by_status: int
    """Of `failed`: those without an outcome whose root span ended in error."""
    running: int
    incomplete: int
    spans: int
    variants: int
    sessions: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float
    first_ns: int | None
    last_ns: int | None
    replays: int
    """Runs that repeat a recorded one; none of the other numbers has them."""

    @property
    def finished(self) -> int:
        """Traces that have ended, one way or the other: what rates are out of."""
        return self.traces - self.running - self.incomplete
