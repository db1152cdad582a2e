"""Sums over a week's runs, for all of them or for those of one pattern."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["PatternWeek", "Sums"]


class Sums(NamedTuple):
    """Numbers of runs, tokens and US dollars."""

    finished: int = 0
    """Runs that ended in a way that shows whether they failed."""
    failed: int = 0
    ended: int = 0
    """Runs that are no longer running."""
    dead_ends: int = 0
    """Ended runs that came to a dead end (clustertrace.understanding.endings)."""
    unpriced_calls: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    missed_tokens: int = 0
    """Tokens that had been cached and were paid for again (clustertrace.understanding.spending)."""
    missed_runs: int = 0
    """Runs that missed a cache."""
    cost_usd: float = 0.0
    lost_usd: float = 0.0
    """What cache misses cost."""

    @property
    def failure_rate(self) -> float | None:
        """Failed out of the finished runs, 0 to 1; None if there are none."""
        return self.failed / self.finished if self.finished else None

    @property
    def dead_share(self) -> float | None:
        """Dead ends out of the ended runs, 0 to 1; None if there are none."""
        return self.dead_ends / self.ended if self.ended else None

    @property
    def hit_rate(self) -> float | None:
        """The share of the input that was read from a cache, 0 to 1; None without any input."""
        return self.cache_read_tokens / self.input_tokens if self.input_tokens else None

    @property
    def cost_per_run(self) -> float | None:
        """US dollars per ended run, as far as prices are known; None without runs."""
        return self.cost_usd / self.ended if self.ended else None

    @classmethod
    def summed(cls, parts: Iterable[Sums]) -> Sums:
        """The sums of several parts."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))


class PatternWeek(NamedTuple):
    """A pattern and the sums over its runs in a week."""

    id: str
    name: str
    """The name of its root span."""
    sums: Sums
