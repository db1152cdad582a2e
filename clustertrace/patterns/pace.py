"""How long calls took, as conditions: of which step or model a slow answer goes along with failing.

Compared is the mean of a run's calls that worked, so that who calls more often is not slower for
that. What holds other steps is left out: how long it took says how far the run went.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import floor, log10
from statistics import fmean
from typing import Final

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.patterns.signature import ids_above, normal_name, root_of, steps_of
from clustertrace.patterns.traits import Trait

__all__ = ["pace_traits", "paces"]

_QUANTILES: Final = (0.5, 0.75, 0.9)
_DIGITS: Final = 2
"""Digits of a threshold; nobody wants to read that a call took 1.2345 s or more."""


def paces(spans: Sequence[Span]) -> dict[str, float]:
    """The mean nanoseconds of the calls of each step and model that worked."""
    if not spans:
        return {}
    steps = steps_of(spans)
    models = [span for span in spans if span.kind in MODEL_KINDS]
    holding = ids_above([*steps, *models], spans) | {root_of(spans).span_id}
    took: dict[str, list[int]] = defaultdict(list)
    for span in (*steps, *models):
        if span.end_ns is not None and span.status == "ok" and span.span_id not in holding:
            took[normal_name(span.name)].append(span.end_ns - span.start_ns)
    return {name: fmean(times) for name, times in took.items()}


def pace_traits(runs: Sequence[Mapping[str, float]], least: int) -> list[set[Trait]]:
    """For each run, the thresholds that its paces reach; of steps that so many runs take at least.

    Thresholds are quantiles over the runs that took the step, however they went.
    """
    by_name: dict[str, list[float]] = defaultdict(list)
    for own in runs:
        for name, pace in own.items():
            by_name[name].append(pace)
    thresholds = {
        name: {_rounded(sorted(values)[int(len(values) * share)]) for share in _QUANTILES}
        for name, values in by_name.items()
        if len(values) >= least
    }
    return [
        {
            ("pace", name, "", threshold)
            for name, pace in own.items()
            for threshold in thresholds.get(name, ())
            if threshold and pace >= threshold
        }
        for own in runs
    ]


def _rounded(nanoseconds: float) -> float:
    """Down to so many digits."""
    if nanoseconds < 1:
        return 0.0
    unit = 10 ** max(0, floor(log10(nanoseconds)) - _DIGITS + 1)
    return float(nanoseconds // unit * unit)
