"""Statistics that the product's claims rest on, in the standard library, held against SciPy."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

__all__ = ["Interval", "wilson"]


class Interval(NamedTuple):
    """A confidence interval of a proportion, 0 to 1."""

    low: float
    high: float


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> Interval:
    """Wilson's score interval of a proportion; `z` is the normal quantile (default: 95 %).

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. No trials, no knowledge: 0 to 1.
    """
    if trials <= 0:
        return Interval(0.0, 1.0)
    rate = successes / trials
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    centre = rate + z * z / (2 * trials)
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return Interval(max(0.0, low), min(1.0, high))
