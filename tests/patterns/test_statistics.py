"""Our statistics agree with SciPy's on thousands of random tables."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from clustertrace.patterns.statistics import (
    Stratum,
    benjamini_hochberg,
    cochran_mantel_haenszel,
    fisher_greater,
    fisher_two_sided,
    log_fisher_greater,
    mann_whitney,
    newcombe,
    p95,
    wilson,
)


def tables(count: int, largest: int) -> list[tuple[int, int, int, int]]:
    """Random tables as (failed, matched, all failed, runs)."""
    rng = random.Random(11)
    made = []
    for _ in range(count):
        runs = rng.randint(1, largest)
        all_failed = rng.randint(0, runs)
        matched = rng.randint(0, runs)
        low, high = max(0, matched - (runs - all_failed)), min(matched, all_failed)
        made.append((rng.randint(low, high), matched, all_failed, runs))
    return made


def test_fisher_agrees_with_scipy() -> None:
    """The one-sided tail of the hypergeometric distribution, on small and on large tables."""
    for failed, matched, all_failed, runs in tables(2000, 60) + tables(500, 20_000):
        expected = stats.hypergeom.sf(failed - 1, runs, all_failed, matched)
        assert fisher_greater(failed, matched, all_failed, runs) == pytest.approx(
            expected, rel=1e-6, abs=1e-250
        )


def test_fisher_tells_apart_what_is_too_small_for_a_number() -> None:
    """The logarithm agrees with SciPy's where the chance itself is 0 as a number."""
    for failed, matched, all_failed, runs in [
        (3000, 3000, 3000, 6000),
        (2500, 2600, 3000, 6000),
        (9000, 11_000, 9500, 40_000),
    ]:
        expected = stats.hypergeom.logsf(failed - 1, runs, all_failed, matched)
        assert fisher_greater(failed, matched, all_failed, runs) == 0
        assert log_fisher_greater(failed, matched, all_failed, runs) == pytest.approx(
            expected, rel=1e-6
        )


def test_wilson_agrees_with_scipy() -> None:
    """The interval, its ends included, on tables of any size."""
    for failed, matched, _, _ in tables(2000, 1000):
        if not matched:
            continue
        expected = stats.binomtest(failed, matched).proportion_ci(0.95, "wilson")
        assert wilson(failed, matched) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.3))
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float], q: float) -> None:
    """What is significant is what SciPy's adjusted p-values put at or below q."""
    bound = benjamini_hochberg(p_values, q)
    adjusted = stats.false_discovery_control(p_values)
    for p, corrected in zip(p_values, adjusted, strict=True):
        if abs(corrected - q) > 1e-9:
            assert (p <= bound) is bool(corrected <= q)


def test_fewer_p_values_than_tests_count_as_all_of_them() -> None:
    """Tests whose p-value was not worth computing still count among those tried."""
    assert benjamini_hochberg([0.001], 0.1, tried=10) == 0.001
    assert benjamini_hochberg([0.001], 0.1, tried=1000) == -1.0


def strata(rng: random.Random, count: int) -> list[Stratum]:
    """Random strata, some with one side empty."""
    made = []
    for _ in range(count):
        after, before = rng.randint(0, 12), rng.randint(0, 12)
        made.append(Stratum(rng.randint(0, after), after, rng.randint(0, before), before))
    return made


def test_cmh_agrees_with_its_definition() -> None:
    """The statistic equals that of hypergeometric moments from SciPy, stratum by stratum."""
    rng = random.Random(3)
    compared = 0
    for _ in range(100):
        made = [stratum for _ in range(20) for stratum in strata(rng, rng.randint(1, 8))]
        deviation = variance = 0.0
        for failed_after, after, failed_before, before in made:
            if after and before:
                drawn = range(after + 1)
                null = stats.hypergeom(after + before, failed_after + failed_before, after)
                chances = [float(null.pmf(hits)) for hits in drawn]
                mean = sum(hits * p for hits, p in zip(drawn, chances, strict=True))
                deviation += failed_after - mean
                variance += sum(
                    (hits - mean) ** 2 * p for hits, p in zip(drawn, chances, strict=True)
                )
        if variance < 10:
            continue
        compared += 1
        expected = stats.chi2.sf(deviation**2 / variance, 1)
        assert cochran_mantel_haenszel(made).p == pytest.approx(expected, rel=1e-6)
    assert compared > 50


def test_few_runs_are_tested_exactly() -> None:
    """One stratum is Fisher's test, pairs are the sign test of those that differ."""
    for table in ((3, 3, 0, 3), (0, 4, 4, 4), (1, 5, 4, 9), (0, 20, 2, 1000)):
        found = cochran_mantel_haenszel([Stratum(*table)])
        failed_after, after, failed_before, before = table
        rows = [[failed_after, after - failed_after], [failed_before, before - failed_before]]
        assert found.p == pytest.approx(stats.fisher_exact(rows)[1])
    pairs = [Stratum(0, 1, 1, 1)] * 9 + [Stratum(1, 1, 0, 1)] * 2 + [Stratum(1, 1, 1, 1)] * 7
    expected = stats.binomtest(2, 11).pvalue
    assert cochran_mantel_haenszel(pairs).p == pytest.approx(expected)


def test_few_runs_never_know_a_difference_for_certain() -> None:
    """Four of four against none of four, or no failure at all, leave much open."""
    found = cochran_mantel_haenszel([Stratum(0, 4, 4, 4)])
    assert found.interval == pytest.approx(newcombe(0, 4, 4, 4))
    low, high = cochran_mantel_haenszel([Stratum(0, 5, 0, 5), Stratum(0, 5, 0, 5)]).interval
    assert low == pytest.approx(-high)
    assert 0.2 < high < 0.4


def test_one_large_stratum_is_the_difference_of_rates() -> None:
    """With a single stratum the risk difference is the plain one, its interval the usual."""
    found = cochran_mantel_haenszel([Stratum(20, 100, 40, 100)])
    assert found.risk_difference == pytest.approx(-0.2)
    margin = 1.96 * (0.2 * 0.8 / 100 + 0.4 * 0.6 / 100) ** 0.5
    assert found.interval == pytest.approx((-0.2 - margin, -0.2 + margin), abs=1e-3)


def test_pairs_have_the_interval_of_pairs() -> None:
    """Twenty tasks, each run once before and once after: as wide as a difference of pairs."""
    pairs = [Stratum(0, 1, 1, 1)] * 10 + [Stratum(1, 1, 0, 1)] * 6
    pairs += [Stratum(1, 1, 1, 1)] * 2 + [Stratum(0, 1, 0, 1)] * 2
    found = cochran_mantel_haenszel(pairs)
    margin = 1.96 * (16 - (10 - 6) ** 2 / 20) ** 0.5 / 20
    assert found.risk_difference == pytest.approx(-0.2)
    assert found.interval == pytest.approx((-0.2 - margin, -0.2 + margin), abs=1e-4)
    assert found.p == pytest.approx(stats.binomtest(6, 16).pvalue)


def test_a_changed_mix_cannot_fake_a_win() -> None:
    """Rates that are equal in each group stay equal, however the groups' sizes move."""
    easy, hard = Stratum(9, 90, 1, 10), Stratum(5, 10, 45, 90)
    found = cochran_mantel_haenszel([easy, hard])
    assert found.risk_difference == pytest.approx(0.0)
    assert found.p > 0.9


def test_strata_with_one_side_say_nothing() -> None:
    """Groups that were run on one side only can't be compared."""
    found = cochran_mantel_haenszel([Stratum(5, 5, 0, 0), Stratum(0, 0, 1, 9)])
    assert (found.p, found.informative) == (1.0, 0)


@settings(max_examples=300)
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_fisher_two_sided_is_scipy_s(table: list[int]) -> None:
    """On any table the p-value is that of scipy.stats.fisher_exact."""
    a, b, c, d = table
    expected = stats.fisher_exact([[a, b], [c, d]]).pvalue
    assert fisher_two_sided(a, a + b, a + c, a + b + c + d) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=300)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
def test_mann_whitney_with_ties_is_scipy_s(one: list[float], other: list[float]) -> None:
    """With ties, the normal approximation with both corrections."""
    if len({*one, *other}) in (1, len(one) + len(other)):
        return
    expected = stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert mann_whitney(one, other) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=200)
@given(st.integers(1, 12), st.integers(1, 12), st.randoms(use_true_random=False))
def test_mann_whitney_without_ties_is_scipy_s(n: int, m: int, rng: random.Random) -> None:
    """Small samples are counted out, larger ones approximated, as SciPy does by itself."""
    values = rng.sample(range(1000), n + m)
    expected = stats.mannwhitneyu(values[:n], values[n:]).pvalue
    assert mann_whitney(values[:n], values[n:]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("samples", [([], [1.0]), ([1.0], []), ([2.0, 2.0], [2.0])])
def test_nothing_to_rank_is_no_evidence(samples: tuple[list[float], list[float]]) -> None:
    """An empty sample, or one value throughout, has p 1."""
    assert mann_whitney(*samples) == 1.0


def test_newcombes_interval_is_that_of_the_paper() -> None:
    """The examples of Newcombe's table II, method 10."""
    low, high = newcombe(56, 70, 48, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    low, high = newcombe(9, 10, 3, 10)
    assert (round(low, 4), round(high, 4)) == (0.1705, 0.8090)
    assert newcombe(0, 0, 1, 2) == (-1.0, 1.0)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_p95_is_the_smallest_value_with_95_per_cent_at_or_below_it(values: list[int]) -> None:
    """At least 95 % of the values are at or below their p95, and it is the smallest such."""
    found = p95(values)
    assert sum(value <= found for value in values) >= 0.95 * len(values)
    assert sum(value < found for value in values) < 0.95 * len(values)
