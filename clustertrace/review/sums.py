"""What a week's runs came to: numbers that add up, for all runs or for those of a pattern."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["PatternWeek", "Sums"]


class Sums(NamedTuple):
    """Numbers of runs, tokens and US dollars."""

    finished: int = 0
    """Runs that ended so that one can tell whether they failed."""
    failed: int = 0
    ended: int = 0
    """Runs that no longer run."""
    dead_ends: int = 0
    """Those that came to a dead end (clustertrace.understanding.endings)."""
    unpriced_calls: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    missed_tokens: int = 0
    """What had been in a cache and was paid for again (clustertrace.understanding.spending)."""
    missed_runs: int = 0
    """Runs that missed a cache."""
    cost_usd: float = 0.0
    lost_usd: float = 0.0
    """What missing caches cost."""

    @property
    def failure_rate(self) -> float | None:
        """Failed out of the finished runs, 0 to 1; None where there are none."""
        return self.failed / self.finished if self.finished else None

    @property
    def dead_share(self) -> float | None:
        """Dead ends out of the runs that no longer run, 0 to 1; None where there are none."""
        return self.dead_ends / self.ended if self.ended else None

    @property
    def hit_rate(self) -> float | None:
        """The share of the input that was read from a cache, 0 to 1; None without any input."""
        return self.cache_read_tokens / self.input_tokens if self.input_tokens else None

    @property
    def cost_per_run(self) -> float | None:
        """US dollars, as far as prices are known; None without a run."""
        return self.cost_usd / self.ended if self.ended else None

    @classmethod
    def summed(cls, parts: Iterable[Sums]) -> Sums:
        """All of some."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))


class PatternWeek(NamedTuple):
    """What the runs of a pattern came to."""

    id: str
    name: str
    """Of its root."""
    sums: Sums
