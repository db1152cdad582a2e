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

__all__ = ["FEW", "MOST_RUNS", "Change", "Drift", "Run", "drift"]

What = Literal["new", "gone", "share", "failure rate", "cost", "duration"]

Q: Final = 0.05
MOST_RUNS: Final = 20_000
"""Runs of a window that are compared, the newest: so many are read while somebody waits."""
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
    """Its id."""
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
    """The failure rate of all runs, with no pattern's id; None where none or all failed."""

    @property
    def significant(self) -> int:
        """How many changes are: of patterns, and of all runs."""
        changes = (*self.changes, *filter(None, (self.overall,)))
        return sum(change.significant for change in changes)


class _Test(NamedTuple):
    """A change that was tested, of the runs of a pattern or of all."""

    pattern: str
    what: What
    before: float
    after: float
    runs_before: Sequence[Run]
    runs_after: Sequence[Run]
    p: float

    def judged(self, bound: float, shares: Mapping[float, float]) -> Change:
        """As a change, given the largest significant p-value and each p-value's q-value."""
        return Change(
            self.pattern,
            self.what,
            self.before,
            self.after,
            len(self.runs_before),
            len(self.runs_after),
            self.p,
            shares[self.p],
            self.p <= bound,
            (self.runs_after or self.runs_before)[0].trace_id,
        )


def drift(before: Mapping[str, Sequence[Run]], after: Mapping[str, Sequence[Run]]) -> Drift:
    """Compare the runs of two windows, given by pattern, newest first."""
    all_before, all_after = (
        [run for runs in one.values() for run in runs] for one in (before, after)
    )
    of_all = list(_test_failures("", all_before, all_after))
    of_patterns = list(_test_patterns(before, after))
    p_values = sorted(test.p for test in (*of_all, *of_patterns))
    bound, shares = benjamini_hochberg(p_values, Q), false_shares(p_values, len(p_values))
    changes = [
        test.judged(bound, shares)
        for test in of_patterns
        if test.p <= bound or test.what in ("new", "gone")
    ]
    return Drift(
        len(all_before),
        len(all_after),
        sum(run.failed for run in all_before),
        sum(run.failed for run in all_after),
        len(p_values),
        tuple(sorted(changes, key=lambda change: (change.p, change.pattern, change.what))),
        next((test.judged(bound, shares) for test in of_all), None),
    )


def _test_patterns(
    before: Mapping[str, Sequence[Run]], after: Mapping[str, Sequence[Run]]
) -> Iterable[_Test]:
    sizes = [sum(map(len, window.values())) for window in (before, after)]
    independent = [
        sum(len(_one_a_session(runs)) for runs in window.values()) for window in (before, after)
    ]
    for pattern in sorted({*before, *after}):
        runs_before, runs_after = before.get(pattern, ()), after.get(pattern, ())
        if all(sizes):
            yield _test_presence(pattern, runs_before, runs_after, sizes, independent)
        if min(len(runs_before), len(runs_after)) >= _MIN_RUNS:
            yield from _test_pattern(pattern, runs_before, runs_after)


def _test_presence(
    pattern: str,
    runs_before: Sequence[Run],
    runs_after: Sequence[Run],
    sizes: Sequence[int],
    independent: Sequence[int],
) -> _Test:
    """A pattern's share of the runs, tested on independent ones; of all, both are given."""
    shares = len(runs_before) / sizes[0], len(runs_after) / sizes[1]
    found = [len(_one_a_session(runs)) for runs in (runs_before, runs_after)]
    what: What = "share" if runs_before and runs_after else "new" if runs_after else "gone"
    return _Test(
        pattern, what, *shares, runs_before, runs_after, _fisher(shares, found, independent)
    )


def _test_failures(
    pattern: str, runs_before: Sequence[Run], runs_after: Sequence[Run]
) -> Iterable[_Test]:
    """The failure rate, unless none or all failed."""
    independent = [_one_a_session_and_outcome(runs) for runs in (runs_before, runs_after)]
    failed = [sum(run.failed for run in runs) for runs in independent]
    sizes = [len(runs) for runs in independent]
    if 0 < sum(failed) < sum(sizes) and all(sizes):
        before, after = (
            sum(run.failed for run in runs) / len(runs) for runs in (runs_before, runs_after)
        )
        p = _fisher((before, after), failed, sizes)
        yield _Test(pattern, "failure rate", before, after, runs_before, runs_after, p)


def _fisher(shares: tuple[float, float], found: Sequence[int], sizes: Sequence[int]) -> float:
    """The p-value that the independent runs give to shares of all runs, before and after.

    1 where they changed the other way, since then a few long sessions make the change.
    """
    before, after = shares
    change = found[1] / sizes[1] - found[0] / sizes[0]
    if (after - before) * change <= 0:
        return 1.0
    return fisher_two_sided(found[1], sizes[1], sum(found), sum(sizes))


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
            medians = _median(values[0]), _median(values[1])
            yield _Test(pattern, what, *medians, runs_before, runs_after, p)


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
