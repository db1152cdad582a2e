"""Numbers as people read them."""

from __future__ import annotations

import pytest

from clustertrace.model import Span
from clustertrace.store.answers import Step
from clustertrace.telling.words import (
    count,
    counted,
    duration,
    is_cost_unknown,
    moment,
    money,
    points,
    secrets_cut,
    share,
    shortened,
    spent,
    step_text,
    to_be_indexed,
    token_counts,
)

US, MS, S = 10**3, 10**6, 10**9


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (None, "…"),
        (0, "0 µs"),
        (400, "0.4 µs"),
        (9 * US, "9.0 µs"),
        (999 * US, "999 µs"),
        (999_600, "1.0 ms"),
        (1500 * US, "1.5 ms"),
        (9_960_000, "10 ms"),
        (999 * MS, "999 ms"),
        (1 * S, "1.0 s"),
        (999_999_999, "1.0 s"),
        (59 * S, "59 s"),
        (59_960_000_000, "1 min 0 s"),
        (60 * S, "1 min 0 s"),
        (3599 * S, "59 min 59 s"),
        (3600 * S, "1 h 0 min"),
        (48 * 3600 * S - MS, "2 days"),
        (47 * 3600 * S, "47 h 0 min"),
        (100 * 3600 * S, "4 days 4 h"),
        (24 * 3600 * S, "1 day"),
        (7 * 24 * 3600 * S, "7 days"),
    ],
)
def test_a_duration_is_given_in_the_unit_that_people_would_choose(
    nanoseconds: int | None, text: str
) -> None:
    """A duration is given in the unit that people would choose."""
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.284, "+28"),
        (-0.16, "−16"),
        (0.0, "0"),
        (-0.004, "−0.4"),
        (0.0097, "+1"),
        (0.0004, "0"),
        (-1.0, "−100"),
    ],
)
def test_points_are_signed_but_for_none(difference: float, text: str) -> None:
    """Signed, but for none: there is no plus or minus zero. What is below one is not none."""
    assert points(difference) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0"),
        (0.00001, "<$0.0001"),
        (0.0125, "$0.0125"),
        (1.0, "$1.00"),
        (12345.678, "$12,345.68"),
    ],
)
def test_money_has_cents_above_a_dollar_and_fractions_below(usd: float, text: str) -> None:
    """Fractions of a cent where single calls live, cents above a dollar."""
    assert money(usd) == text


def test_counts_and_shares() -> None:
    """Thousands are grouped, one is singular, whole per cents have no decimal."""
    assert count(1234567) == "1,234,567"
    assert [counted(number, "trace") for number in (0, 1, 2000)] == [
        "0 traces",
        "1 trace",
        "2,000 traces",
    ]
    assert [share(part) for part in (0.0, 0.125, 0.5, 1.0)] == ["0 %", "12.5 %", "50 %", "100 %"]


def test_unpriced_calls_are_never_free() -> None:
    """What nobody knows a price for makes a sum a lower bound, and no sum at all no $0."""
    assert [spent(1.5, 0), spent(0, 0), spent(1.5, 2), spent(0.00001, 2), spent(0, 2)] == [
        "$1.50",
        "$0",
        "at least $1.50",
        "more than $0",
        "cost unknown",
    ]


def test_a_cost_is_unknown_only_if_no_call_has_a_price() -> None:
    """Free calls cost a known nothing; one priced call makes the cost of all a lower bound."""
    assert [is_cost_unknown(*sum_) for sum_ in ((0.0, 0), (0.0, 2), (0.5, 2), (0.5, 0))] == [
        *(False, True, False, False)
    ]


@pytest.mark.parametrize(
    ("read", "written", "text"),
    [(1200, 80, "1,200 → 80"), (None, 80, "0 → 80"), (7, None, "7 → 0"), (None, None, "")],
)
def test_token_counts(read: int | None, written: int | None, text: str) -> None:
    """Tokens read and written; a half that nobody counted is 0, and nothing if both are."""
    span = Span("1" * 32, "1" * 16, None, "chat", "llm", "ok", 1, 2)
    assert token_counts(span._replace(input_tokens=read, output_tokens=written)) == text


def test_long_names_are_shortened() -> None:
    """To so many characters, the last of which says that more was there."""
    assert [shortened("search", 6), shortened("searches", 6)] == ["search", "searc…"]


def test_cut_secrets_are_counted() -> None:
    """All spans' counts together, and nothing where nothing was cut."""
    span = Span("1" * 32, "1" * 16, None, "a", "tool", "ok", 1, 2)
    redacted = span._replace(attributes={"clustertrace.redacted": 1})
    odd = span._replace(attributes={"clustertrace.redacted": "many"})
    assert secrets_cut([span, odd]) is None
    assert secrets_cut([span, redacted]) == "1 secret was cut before anything was stored."
    assert secrets_cut([redacted, redacted]) == "2 secrets were cut before anything was stored."


def test_a_moment_that_no_calendar_has_is_given_as_it_is() -> None:
    """A moment that no calendar has is given as it is."""
    assert moment(1_760_000_000 * S).startswith("2025-10-")
    assert moment(2**70) == f"{2**70} ns"


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step(("fetch",), (False,), ("tool",), "1"), "fetch"),
        (Step(("fetch",), (True,), ("tool",), "1"), "fetch!"),
        (Step(("search",), (False,), ("tool",), "2-3"), "search ×2–3"),
        (Step(("search",), (True,), ("tool",), "8+"), "search! ×8+"),
        (Step(("a", "b"), (False, True), ("tool", "tool"), "4-7"), "(a → b!) ×4–7"),
        (Step(("", ""), (False, True), ("tool", "tool"), "1"), "((no name) → (no name)!)"),
    ],
)
def test_a_step_says_its_name_its_failure_and_its_repeats(step: Step, text: str) -> None:
    """A step says its name, whether it failed, and how often in a row."""
    assert step_text(step) == text


def test_spans_to_be_indexed() -> None:
    """One of them is, several are."""
    assert to_be_indexed(1) == "1 span is still to be indexed"
    assert to_be_indexed(2_000) == "2,000 spans are still to be indexed"
