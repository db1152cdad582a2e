"""Numbers that users attached to traces."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MetricSummary"]


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over all traces."""

    name: str
    count: int
    mean: float
    minimum: float
    maximum: float
