"""Steps by the company they keep: which of a run's steps failing runs take, and others do not.

Ochiai's coefficient says how much a step is one of failing runs. Of a run's many steps some keep
bad company by chance, so each is also tested (Fisher's exact test, one-sided, corrected by
Bonferroni for all that are looked at).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple

from clustertrace.patterns.statistics import fisher_greater

__all__ = ["MIN_RUNS", "TellingStep", "successions", "telling_steps"]

MIN_RUNS: Final = 5
"""Failed runs, and other runs, without which shares of them say nothing."""
_MIN_FAILED: Final = 3
"""Failed runs that a step must be in: less may be chance, and one is the run itself."""
_SIGNIFICANCE: Final = 0.05
_START, _END = "▶", "■"
"""What the first step comes after, and what comes after the last; no step is called so."""


class TellingStep(NamedTuple):
    """A step that failing runs take, or take right after the one before it."""

    at: int
    """Its place among the steps of the run, from 0."""
    words: str
    """A part of a sentence about the step."""
    coefficient: float


def telling_steps(
    labels: Sequence[str], others: Sequence[tuple[bool, Sequence[str]]]
) -> list[TellingStep]:
    """The steps of a failed run that go along with failing; of others it is known if they failed.

    Of a step that is in all of them, that it comes right after another one may still be telling.
    """
    runs = [(True, labels), *others]
    failed = sum(did_fail for did_fail, _ in runs)
    passed = len(runs) - failed
    if failed < MIN_RUNS or passed < MIN_RUNS:
        return []
    counts: dict[bool, Counter[str | tuple[str, str]]] = {True: Counter(), False: Counter()}
    for did_fail, names in runs:
        counts[did_fail].update({*names, *successions(names)})
    looked_at = len({*labels, *successions(labels)})
    found = []
    reported: set[str | tuple[str, str]] = set()
    for index, label in enumerate(labels):
        before = labels[index - 1] if index else _START
        for seen in (label, (before, label)):
            failed_with, passed_with = counts[True][seen], counts[False][seen]
            if failed_with < _MIN_FAILED or failed_with * passed <= 2 * passed_with * failed:
                continue
            p = fisher_greater(failed_with, failed_with + passed_with, failed, failed + passed)
            if p * looked_at > _SIGNIFICANCE:
                continue
            # What comes right after a step that is named already says no more.
            if seen not in reported and (seen == label or before not in reported):
                reported.add(seen)
                after = f"comes right after `{before}`" if index else "comes first"
                words = (
                    f"{'is' if seen == label else after} in {failed_with} of {failed} failed "
                    f"runs and in {passed_with} of {passed} others"
                )
                ochiai = failed_with / sqrt(failed * (failed_with + passed_with))
                found.append(TellingStep(index, words, ochiai))
            break
    return found


def successions(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each step with the one right before it, and the end with the last one."""
    return list(pairwise((_START, *labels, _END)))
