"""When each of the demo's visits happens: spread over a week, the troubles of its end last."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from clustertrace.demo.cases import VISITS
from clustertrace.demo.cases.visit import Visit

__all__ = ["START_NS", "Planned", "plan"]

START_NS = 1_762_128_000 * 10**9
"""The week begins on Monday, 3 November 2025, at midnight UTC."""

WEEK_S = 7 * 86_400


class Planned(NamedTuple):
    """A visit with its place in the week."""

    number: int
    visit: Visit
    at_ns: int


def plan(visits: Sequence[Visit] = VISITS, seed: int = 1) -> list[Planned]:
    """All visits in the order in which they happen; the same seed gives the same week."""
    order = random.Random(seed)
    moments = sorted(order.random() for _ in visits)
    ranked = sorted(range(len(visits)), key=lambda at: order.random() + 0.5 * visits[at].late)
    return [
        Planned(number, visits[at], START_NS + round(moment * WEEK_S) * 10**9)
        for number, (at, moment) in enumerate(zip(ranked, moments, strict=True), 1)
    ]
