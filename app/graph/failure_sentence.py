"""The sentence above the failures: how many runs failed, and which steps broke."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.app import words
from clustertrace.patterns import flow

__all__ = ["sentence"]


def sentence(
    rates: Sequence[flow.StepRate], first: Sequence[flow.FirstFailure], failed: int
) -> str:
    """How many runs failed, and in which step."""
    runs = words.counted(failed, "run")
    if not any(rate.broke for rate in rates):
        return f"{runs} failed without a step that broke."
    worst = rates[0]
    only_in = f", only in runs of {worst.only_in}" if worst.only_in else ""
    return (
        f"{runs} failed{_unbroken(first, failed)}; {_for_good(rates)}{words.in_line(worst.name)} "
        f"broke most often, in {words.count(worst.broke)} of {words.counted(worst.runs, 'run')} "
        f"that took it{only_in}{_harmless(worst)}."
    )


def _unbroken(first: Sequence[flow.FirstFailure], failed: int) -> str:
    """How many runs failed without a step that may have to do with it."""
    without_step = [failure for failure in first if not failure.place]
    if not without_step:
        return ""
    unbroken = sum(failure.runs for failure in without_step)
    count_words = "all" if unbroken == failed else words.count(unbroken)
    of_them = f", {count_words} of them" if failed > 1 else ""
    broke_elsewhere = any(failure.name == flow.NONE_TELLING for failure in without_step)
    than_others = " more often than in other runs" if broke_elsewhere else ""
    return f"{of_them} without a step that broke{than_others}"


def _for_good(rates: Sequence[flow.StepRate]) -> str:
    """The step that ended most runs, where it is not the one that broke most often."""
    worst = rates[0]
    telling = [rate for rate in rates if not _is_mostly_harmless(rate)]
    lasting = max(telling, default=worst, key=lambda rate: rate.broke_for_good)
    least = worst.broke_for_good if worst in telling else 0
    if lasting is worst or lasting.broke_for_good <= least:
        return ""
    in_runs = f"broke in {words.count(lasting.broke_for_good)} of them"
    return f"{words.in_line(lasting.name)} {in_runs} and never worked afterwards; "


def _harmless(worst: flow.StepRate) -> str:
    """How many of the runs in which a step broke went well all the same, if most did."""
    if not _is_mostly_harmless(worst):
        return ""
    if worst.broke == 1:
        return "; that run did not fail"
    if worst.harmless == worst.broke:
        return f"; none of those {words.count(worst.broke)} failed"
    return f"; {words.count(worst.harmless)} of those {words.count(worst.broke)} did not fail"


def _is_mostly_harmless(rate: flow.StepRate) -> bool:
    return 2 * rate.harmless >= rate.broke
