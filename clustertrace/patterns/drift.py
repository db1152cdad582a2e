"""What changed between two windows of time: patterns that come more often, fail, cost or take more.

For each pattern up to four things are tested: its share of the runs and its failure rate (Fisher's
exact test), its cost and its duration (Mann and Whitney's rank test, which asks no shape of them).
The failure rate of all runs is tested too: where runs that break are patterns of their own, or
every run is one, that of no pattern changes. All tests are two-sided and corrected together
(Benjamini and Hochberg). Runs of one session are not independent: for rates one failed and one
passed run stand for each session, for the rest its first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from clustertrace.patterns.statistics import (
    benjamini_hochberg,
    false_shares,
    fisher_two_sided,
    mann_whitney,
)

__all__ = ["FEW", "Change", "Drift", "Run", "drift"]

What = Literal["new", "gone", "share", "failure rate", "cost", "duration"]

Q: Final = 0.05
FEW: Final = 10
"""Runs below which a window says so: what is seen in so few may look quite different in more."""

_MIN_RUNS: Final = 3
"""Runs of a pattern that each window needs, to be compared at all."""


class Run(NamedTuple):
    """A finished run of a window."""

    trace_id: str
    failed: bool
    duration_ns: int | None
    cost_usd: float | None
    """None where nobody knows the price of a call."""
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What changed about a pattern."""

    pattern: str
    what: What
    before: float
    """Share of the window's runs (new, gone, share), failure rate, or median of dollars or ns."""
    after: float
    runs_before: int
    """Of this pattern."""
    runs_after: int
    p: float
    q: float
    significant: bool
    sample: str
    """A run to look at: of the later window if it has one."""

    @property
    def few(self) -> bool:
        """Whether a window in which the pattern was seen holds but a few runs of it."""
        return 0 < self.runs_before < FEW or 0 < self.runs_after < FEW


@dataclass(frozen=True, slots=True)
class Drift:
    """Two windows compared."""

    runs_before: int
    runs_after: int
    failed_before: int
    failed_after: int
    tried: int
    changes: tuple[Change, ...]
    """What is significant, most significant first; then the other new and gone patterns."""
    overall: Change | None = None
    """The failure rate of all runs, whose pattern has no name; None where none or all failed."""

    @property
    def significant(self) -> int:
        """How many changes are: of patterns, and of all runs."""
        changes = (*self.changes, *filter(None, (self.overall,)))
        return sum(change.significant for change in changes)


_ALL: Final = ""
"""In place of a pattern's id: all runs."""


class _Test(NamedTuple):
    pattern: str
    what: What
    before: float
    after: float
    p: float


def drift(before: Mapping[str, Sequence[Run]], after: Mapping[str, Sequence[Run]]) -> Drift:
    """Compare the runs of two windows, given by pattern, newest first."""
    sizes = [sum(map(len, window.values())) for window in (before, after)]
    all_runs = [[run for runs in window.values() for run in runs] for window in (before, after)]
    independent = [
        sum(len(_one_a_session(runs)) for runs in window.values()) for window in (before, after)
    ]
    tests = list(_test_failures(_ALL, *all_runs))
    for pattern in sorted({*before, *after}):
        runs_before, runs_after = before.get(pattern, ()), after.get(pattern, ())
        if all(sizes):
            tests.append(_test_presence(pattern, runs_before, runs_after, sizes, independent))
        if min(len(runs_before), len(runs_after)) >= _MIN_RUNS:
            tests += _test_pattern(pattern, runs_before, runs_after)
    bound = benjamini_hochberg([test.p for test in tests], Q)
    shares = false_shares(sorted(test.p for test in tests), len(tests))
    windows = [
        {**window, _ALL: runs} for window, runs in zip((before, after), all_runs, strict=True)
    ]
    changes = [
        _change_of_test(test, windows[0], windows[1], shares[test.p], test.p <= bound)
        for test in tests
        if test.p <= bound or test.what in ("new", "gone") or test.pattern == _ALL
    ]
    changes.sort(key=lambda change: (change.p, change.pattern, change.what))
    failed = [sum(run.failed for run in runs) for runs in all_runs]
    return Drift(
        sizes[0],
        sizes[1],
        failed[0],
        failed[1],
        len(tests),
        tuple(change for change in changes if change.pattern != _ALL),
        next((change for change in changes if change.pattern == _ALL), None),
    )


def _change_of_test(
    test: _Test,
    before: Mapping[str, Sequence[Run]],
    after: Mapping[str, Sequence[Run]],
    q: float,
    significant: bool,
) -> Change:
    runs_before, runs_after = before.get(test.pattern, ()), after.get(test.pattern, ())
    sample = (runs_after or runs_before)[0].trace_id
    return Change(*test[:4], len(runs_before), len(runs_after), test.p, q, significant, sample)


def _test_presence(
    pattern: str,
    runs_before: Sequence[Run],
    runs_after: Sequence[Run],
    sizes: Sequence[int],
    independent: Sequence[int],
) -> _Test:
    """A pattern's share of the runs, tested on independent ones; of all, both are given."""
    found_before, found_after = (len(_one_a_session(runs)) for runs in (runs_before, runs_after))
    p = fisher_two_sided(found_after, independent[1], found_before + found_after, sum(independent))
    share_before, share_after = len(runs_before) / sizes[0], len(runs_after) / sizes[1]
    what: What = "share" if runs_before and runs_after else "new" if runs_after else "gone"
    return _Test(pattern, what, share_before, share_after, p)


def _test_failures(
    pattern: str, runs_before: Sequence[Run], runs_after: Sequence[Run]
) -> Iterable[_Test]:
    """The failure rate, unless none or all failed."""
    independent = [_one_a_session_and_outcome(runs) for runs in (runs_before, runs_after)]
    failed = [sum(run.failed for run in runs) for runs in independent]
    sizes = [len(runs) for runs in independent]
    if 0 < sum(failed) < sum(sizes) and all(sizes):
        rates = [sum(run.failed for run in runs) / len(runs) for runs in (runs_before, runs_after)]
        p = fisher_two_sided(failed[1], sizes[1], sum(failed), sum(sizes))
        yield _Test(pattern, "failure rate", rates[0], rates[1], p)


def _test_pattern(
    pattern: str, runs_before: Sequence[Run], runs_after: Sequence[Run]
) -> Iterable[_Test]:
    yield from _test_failures(pattern, runs_before, runs_after)
    measures: tuple[tuple[What, Callable[[Run], float | None]], ...] = (
        ("cost", lambda run: run.cost_usd),
        ("duration", lambda run: run.duration_ns),
    )
    for what, value_of in measures:
        values = [
            [value for run in _one_a_session(runs) if (value := value_of(run)) is not None]
            for runs in (runs_before, runs_after)
        ]
        if min(map(len, values)) >= _MIN_RUNS and len({*values[0], *values[1]}) > 1:
            p = mann_whitney(*values)
            yield _Test(pattern, what, _median(values[0]), _median(values[1]), p)


def _one_a_session(runs: Sequence[Run]) -> list[Run]:
    """One run for each session."""
    return list({run.session or run.trace_id: run for run in runs}.values())


def _one_a_session_and_outcome(runs: Sequence[Run]) -> list[Run]:
    """One failed and one passed run for each session."""
    return list({(run.session or run.trace_id, run.failed): run for run in runs}.values())


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else sum(ordered[middle - 1 : middle + 1]) / 2)
