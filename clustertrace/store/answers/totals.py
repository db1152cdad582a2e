"""All runs in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole database in a few numbers; by default, one without a trace."""

    traces: int = 0
    failed: int = 0
    failed_by_outcome: int = 0
    """Of `failed`: those that the user called so."""
    failed_by_status: int = 0
    """Of `failed`: those without an outcome whose root span ended in error."""
    running: int = 0
    incomplete: int = 0
    spans: int = 0
    variants: int = 0
    sessions: int = 0
    llm_calls: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    first_ns: int | None = None
    last_ns: int | None = None
    replays: int = 0
    """Runs that repeat a recorded one; none of the other numbers has them."""

    @property
    def finished(self) -> int:
        """Traces that have ended, one way or the other: what rates are out of."""
        return self.traces - self.running - self.incomplete
