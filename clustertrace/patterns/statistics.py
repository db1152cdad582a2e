"""Statistics that the product's claims rest on, in the standard library, tested against SciPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, erfc, exp, inf, lgamma, log, sqrt
from typing import NamedTuple, TypeVar

__all__ = [
    "Z80_POWER",
    "Z95",
    "Z95_ONE_SIDED",
    "Interval",
    "StratifiedTest",
    "Stratum",
    "benjamini_hochberg",
    "cochran_mantel_haenszel",
    "cohen_kappa",
    "false_shares",
    "fisher_greater",
    "fisher_two_sided",
    "log_fisher_greater",
    "mann_whitney",
    "newcombe",
    "p95",
    "wilson",
]

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

Z95_ONE_SIDED = 1.6448536269514722
"""That of a bound on one side."""

Z80_POWER = 0.8416212335729143
"""What a test needs beyond its own quantile to find what is there four times out of five."""

_EXACT_VARIANCE = 10
"""The variance of a count below which its exact distribution is used instead of a normal one."""

_SPARSE_RUNS = 5
"""Runs of a stratum, on average, below which only an interval for many small strata holds."""

_EXACT_SIZE = 8
_EXACT_PAIRS = 4_000
"""The smaller sample, and the pairs, up to which a rank test counts orderings."""

N = TypeVar("N", int, float)


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


class Stratum(NamedTuple):
    """A 2 × 2 table of one group of comparable runs."""

    failed_after: int
    runs_after: int
    failed_before: int
    runs_before: int


class StratifiedTest(NamedTuple):
    """What strata say together about after against before."""

    p: float
    """Two-sided; 1 where no stratum can tell anything."""
    risk_difference: float
    """Failure rate after minus before, weighted over the strata (Mantel–Haenszel), −1 to 1."""
    interval: Interval
    """95 % interval of the risk difference."""
    informative: int
    """Strata with runs on both sides."""


def wilson(successes: float, trials: float, z: float = Z95) -> Interval:
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


def newcombe(one: float, ones: float, other: float, others: float) -> Interval:
    """The 95 % interval of `one / ones - other / others`, from both shares' Wilson intervals.

    Source: R. G. Newcombe, Stat. Med. 17 (1998) 873, method 10. No trials, no knowledge: -1 to 1.
    """
    if ones <= 0 or others <= 0:
        return Interval(-1.0, 1.0)
    p, q = one / ones, other / others
    (p_low, p_high), (q_low, q_high) = wilson(one, ones), wilson(other, others)
    low = p - q - sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    high = p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return Interval(max(-1.0, low), min(1.0, high))


def fisher_greater(failed: int, matched: int, all_failed: int, runs: int) -> float:
    """Fisher's exact test, one-sided: the chance of `failed` or more among `matched` runs.

    Drawn without replacement from `runs` runs of which `all_failed` failed, if matching had
    nothing to do with failing. Source: R. A. Fisher, J. R. Stat. Soc. 85 (1922) 87.
    """
    return exp(log_fisher_greater(failed, matched, all_failed, runs))


def log_fisher_greater(failed: int, matched: int, all_failed: int, runs: int) -> float:
    """The natural logarithm of `fisher_greater`, which tells apart what is 0 as a number."""
    passed = runs - all_failed
    lowest, highest = max(0, matched - passed), min(matched, all_failed)
    if failed <= lowest:
        return 0.0
    if failed > highest:
        return -inf

    def log_chance(hits: int) -> float:
        ways = _log_choose(all_failed, hits) + _log_choose(passed, matched - hits)
        return ways - _log_choose(runs, matched)

    # From the observed count away from the mean, in shares of the first chance, so that nothing
    # of weight underflows.
    total = term = 1.0
    if failed * runs > matched * all_failed:
        for hits in range(failed, highest):
            term *= (all_failed - hits) * (matched - hits)
            term /= (hits + 1) * (passed - matched + hits + 1)
            total += term
            if term < 1e-18 * total:
                break
        return min(0.0, log_chance(failed) + log(total))
    for hits in range(failed - 1, lowest, -1):
        term *= hits * (passed - matched + hits)
        term /= (all_failed - hits + 1) * (matched - hits + 1)
        total += term
        if term < 1e-18 * total:
            break
    complement = 1.0 - exp(log_chance(failed - 1)) * total
    return log(complement) if complement > 0 else -inf


def fisher_two_sided(failed: int, matched: int, all_failed: int, runs: int) -> float:
    """Fisher's exact test, two-sided: the chance of a table as unlikely as this one, or more so.

    The arguments are those of `fisher_greater`.
    """
    lowest, highest = max(0, matched - (runs - all_failed)), min(matched, all_failed)

    def log_chance(hits: int) -> float:
        return _log_choose(all_failed, hits) + _log_choose(runs - all_failed, matched - hits)

    # A little slack, so that tables that are equally likely count in spite of rounding.
    bound = log_chance(failed) + 1e-7
    log_total = _log_choose(runs, matched)
    chances = (log_chance(hits) for hits in range(lowest, highest + 1))
    return min(1.0, sum(exp(chance - log_total) for chance in chances if chance <= bound))


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p-value that neither of two samples tends to be larger; 1 where one is empty.

    Exact for small samples without ties, else by the normal approximation with the correction for
    ties and for continuity. Source: Mann and Whitney, Ann. Math. Stat. 18 (1947) 50.
    """
    n, m = len(one), len(other)
    if not n or not m:
        return 1.0
    ordered = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = ties = 0.0
    begin = 0
    while begin < n + m:
        end = begin
        while end < n + m and ordered[end][0] == ordered[begin][0]:
            end += 1
        ranks += (begin + end + 1) / 2 * sum(1 - side for _, side in ordered[begin:end])
        ties += (end - begin) ** 3 - (end - begin)
        begin = end
    u = ranks - n * (n + 1) / 2
    u = max(u, n * m - u)
    if min(n, m) <= _EXACT_SIZE and n * m <= _EXACT_PAIRS and not ties:
        return min(1.0, 2 * _rank_sum_tail(round(u), n, m))
    spread = sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    if not spread:
        return 1.0
    return min(1.0, erfc((u - n * m / 2 - 0.5) / spread / sqrt(2)))


def _rank_sum_tail(u: int, n: int, m: int) -> float:
    """The chance of U or more, from the number of orderings that lead to each U."""
    ways = [1.0] + [0.0] * (n * m)
    # The generating function: the Gaussian binomial coefficient of n + m over n.
    for k in range(1, min(n, m) + 1):
        for at in range(n * m, max(n, m) + k - 1, -1):
            ways[at] -= ways[at - max(n, m) - k]
        for at in range(k, n * m + 1):
            ways[at] += ways[at - k]
    return sum(ways[u:]) / sum(ways)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def benjamini_hochberg(p_values: Sequence[float], q: float, tried: int | None = None) -> float:
    """The largest p-value that is significant at false discovery rate `q`; below 0 if none is.

    `tried` is the number of tests, where only the smaller p-values are given. Source: Benjamini
    and Hochberg, J. R. Stat. Soc. B 57 (1995) 289.
    """
    tests = len(p_values) if tried is None else tried
    bound = -1.0
    for rank, p in enumerate(sorted(p_values), 1):
        if p <= q * rank / tests:
            bound = p
    return bound


def false_shares(ordered: Sequence[float], tried: int) -> dict[float, float]:
    """For each p-value, smallest first, the share of false discoveries up to it (its q-value)."""
    shares: dict[float, float] = {}
    lowest_share = 1.0
    for rank in range(len(ordered), 0, -1):
        p = ordered[rank - 1]
        shares[p] = lowest_share = min(lowest_share, p * tried / rank)
    return shares


def cochran_mantel_haenszel(strata: Iterable[Stratum]) -> StratifiedTest:
    """Compare failure rates after and before within strata, so that a changed mix can't mislead.

    The test is Mantel and Haenszel's χ² without continuity correction (J. Natl. Cancer Inst. 22
    (1959) 719); the risk difference is Mantel–Haenszel's with Sato's variance (Biometrics 45
    (1989) 1323). Where few runs tell something, three of three against none of three, neither
    holds: the test is then the exact one, Fisher's of a single stratum, and the interval
    Newcombe's, of the weighted rates.
    """
    compared = [stratum for stratum in strata if stratum.runs_after and stratum.runs_before]
    deviation = variance = 0.0
    weighted = weights = of_weights = of_strata = 0.0
    for failed_after, after, failed_before, before in compared:
        runs, failed = after + before, failed_after + failed_before
        deviation += failed_after - after * failed / runs
        variance += after * before * failed * (runs - failed) / (runs * runs * (runs - 1))
        weights += after * before / runs
        weighted += (failed_after * before - failed_before * after) / runs
        held_after, held_before = after - failed_after, before - failed_before
        tilt = after * before * (before - after) / 2
        of_weights += (after**2 * failed_before - before**2 * failed_after + tilt) / runs**2
        of_strata += (failed_after * held_before + failed_before * held_after) / runs
    if not weights:
        return StratifiedTest(1.0, 0.0, Interval(-1.0, 1.0), 0)
    difference = weighted / weights
    # Sato's variance stays right where strata are many and small; that of a few large ones is the
    # usual one.
    margin = Z95 * sqrt(max(0.0, difference * of_weights + of_strata / 2)) / weights
    interval = Interval(max(-1.0, difference - margin), min(1.0, difference + margin))
    if variance >= _EXACT_VARIANCE:
        p = erfc(sqrt(deviation**2 / variance / 2))
        return StratifiedTest(p, difference, interval, len(compared))
    runs = sum(stratum.runs_after + stratum.runs_before for stratum in compared)
    if not margin or runs >= _SPARSE_RUNS * len(compared):
        interval = _interval_of_few(compared)
    return StratifiedTest(_exact_p(compared), difference, interval, len(compared))


def _interval_of_few(strata: Sequence[Stratum]) -> Interval:
    """Newcombe's interval of the rates that Mantel and Haenszel's weights give.

    A weighted rate stands for as many runs as would know one rate that well.
    """
    weights = [s.runs_after * s.runs_before / (s.runs_after + s.runs_before) for s in strata]
    total = sum(weights)
    sides: list[float] = []
    for side in ([s[:2] for s in strata], [s[2:] for s in strata]):
        rate = sum(w * failed / runs for w, (failed, runs) in zip(weights, side, strict=True))
        runs_alike = total**2 / sum(w * w / n for w, (_, n) in zip(weights, side, strict=True))
        sides += [min(rate / total, 1.0) * runs_alike, runs_alike]
    return newcombe(*sides)


def _exact_p(strata: Sequence[Stratum]) -> float:
    """The chance of so many failures after, or of a number as unlikely, in all strata together.

    Each stratum draws its runs after from all of its runs; the sum's distribution is exact.
    """
    chances = [1.0]
    fewest = 0
    for failed_after, after, failed_before, before in strata:
        failed = failed_after + failed_before
        lowest, highest = max(0, failed - before), min(after, failed)
        fewest += lowest
        ways = [
            _log_choose(after, n) + _log_choose(before, failed - n)
            for n in range(lowest, highest + 1)
        ]
        log_total = _log_choose(after + before, failed)
        drawn = [exp(way - log_total) for way in ways]
        sums = [0.0] * (len(chances) + len(drawn) - 1)
        for at, chance in enumerate(chances):
            for hits, of_hits in enumerate(drawn):
                sums[at + hits] += chance * of_hits
        chances = sums
    observed = chances[sum(stratum.failed_after for stratum in strata) - fewest]
    # A little slack, so that sums that are equally likely count in spite of rounding.
    return min(1.0, sum(chance for chance in chances if chance <= observed * (1 + 1e-7)))


def cohen_kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """How far two judges agree beyond chance, from 1 (always) over 0 (as chance would).

    None where it is undefined: without pairs, or where both always say the same one thing.
    Source: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37.
    """
    if not pairs:
        return None
    runs = len(pairs)
    first, second = (sum(pair[at] for pair in pairs) / runs for at in (0, 1))
    by_chance = first * second + (1 - first) * (1 - second)
    if by_chance == 1:
        return None
    observed = sum(one == other for one, other in pairs) / runs
    return (observed - by_chance) / (1 - by_chance)


def p95(values: Sequence[N]) -> N:
    """The 95th percentile of one value or more, by nearest rank."""
    ordered = sorted(values)
    return ordered[ceil(0.95 * len(ordered)) - 1]
