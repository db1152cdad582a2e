"""The planned changes in sentences: the last one, the next one, and week by week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clustertrace.filters import condition
from clustertrace.patterns.drift_words import steps_words
from clustertrace.patterns.signature import Variant
from clustertrace.review.aims import FIGURES, Aim, Offer, figure_words
from clustertrace.review.commitments import Changes, Commitment
from clustertrace.review.layout import Cell, Fact, Marked, Section, dates
from clustertrace.review.weeks import Window, before, window
from clustertrace.telling.addresses import review_url, traces_url
from clustertrace.telling.words import counted

__all__ = ["last_change", "next_change", "offer_words", "week_by_week"]

Variants = Mapping[str, Variant]

_WEEKS_SHOWN: Final = 12

_COUNTED_RUNS: Final = {
    "failures": "failed:yes",
    "dead-ends": "not ending:none",
    "cost": "cost>0",
    "cache": "input_tokens>0",
}
"""Filters for the runs in the numerator of each figure."""

_NOT_CAUSAL: Final = (
    "That a figure changed does not show that your change caused it: tasks, models and prompts "
    "change "
    "too; a figure that was chosen because it was bad tends to improve by itself; and runs of one "
    "session count as if they were independent."
)


def _aim_words(aim: Aim, variants: Variants) -> str:
    """Such as: failure rate of all runs"""
    runs = "all runs"
    if aim.pattern:
        variant = variants.get(aim.pattern)
        runs = f"pattern {aim.pattern[:12]}" if variant is None else steps_words(variant)
    return f"{FIGURES[aim.figure].name} of {runs}"


def offer_words(offer: Offer, variants: Variants) -> str:
    """Such as: Failure rate of all runs: 12 %"""
    words = _aim_words(offer.aim, variants)
    return f"{words[:1].upper()}{words[1:]}: {figure_words(offer.aim.figure, offer.value)}"


def last_change(changes: Changes, variants: Variants) -> Section | None:
    """The change that was planned for the reviewed week, and its figure before and after."""
    last = changes.last
    if last is None or last.tested is None:
        return None
    week, week_before = changes.reviewed, before(changes.reviewed)
    mark_words = f"You marked it {last.kept.mark}." if last.kept else "It is not marked yet."
    name = FIGURES[last.aim.figure].name
    so_far = " so far" if week.end_ns > changes.now_ns else ""
    facts = (
        _fact(last.aim, last.tested.before, week_before, f"{name}, {dates(week_before)}"),
        _fact(last.aim, last.tested.after, week, f"{name}, {dates(week)}{so_far}"),
    )
    plan_words = (
        f"For {dates(week)} you meant to: {last.change} {_purpose(last, variants)} {mark_words}"
    )
    sentence = f"{plan_words} {last.tested.sentence}"
    return Section("What you meant to change", sentence, facts, note=_NOT_CAUSAL)


def next_change(changes: Changes, variants: Variants) -> Section:
    """The change that is planned for the coming week."""
    title, week = "One change for the next week", dates(changes.coming)
    if changes.planned is None and changes.too_late:
        return Section(title, f"Nothing was planned for {week}.")
    if changes.planned is None:
        note = (
            "Say what you will change and which figure it is for; a week later you see here the "
            "figure before and after."
        )
        return Section(title, f"Nothing is planned for {week} yet.", note=note)
    planned = changes.planned
    return Section(title, f"For {week}: {planned.change} {_purpose(planned, variants)}")


def week_by_week(changes: Changes, variants: Variants) -> Section | None:
    """Every plan so far, as a row of marks and a table; None if there are no plans."""
    weeks = changes.weeks[-_WEEKS_SHOWN:]
    if not weeks:
        return None
    with_mark = [commitment for commitment in changes.weeks if commitment.kept]
    kept = sum(commitment.kept.mark == "kept" for commitment in with_mark if commitment.kept)
    sentence = f"{counted(kept, 'change')} kept of {len(with_mark)} that are marked"
    if not with_mark:
        sentence = "No week is marked yet"
    if changes.kept_in_a_row > 1:
        sentence += f", the last {changes.kept_in_a_row} in a row"
    picture = tuple(_week_mark(changes, weeks, ago) for ago in reversed(range(_WEEKS_SHOWN)))
    rows = tuple(_row(commitment, changes.reviewed, variants) for commitment in reversed(weeks))
    columns = ("Week", "Change", "For", "Before", "After", "Test", "Mark")
    return Section("Week by week", f"{sentence}.", marks=picture, head=columns, rows=rows)


def _fact(aim: Aim, value: float | None, week: Window, label: str) -> Fact:
    return Fact(Cell(figure_words(aim.figure, value), _runs_url(aim, week)), label)


def _runs_url(aim: Aim, week: Window) -> str:
    pattern_condition = condition("pattern", aim.pattern) if aim.pattern else ""
    return traces_url(pattern_condition, _COUNTED_RUNS[aim.figure], week.filter)


def _purpose(planned: Commitment, variants: Variants) -> str:
    return f"(for the {_aim_words(planned.aim, variants)})."


def _week_mark(changes: Changes, weeks: tuple[Commitment, ...], ago: int) -> Marked:
    """One week in the row of marks."""
    week = before(changes.reviewed, ago)
    commitment = next((plan for plan in weeks if plan.week == week.first), None)
    href = review_url(str(week.first))
    if commitment is None:
        return Marked("none", f"{dates(week)}, nothing was planned", href)
    mark = commitment.kept.mark if commitment.kept else "open"
    mark_words = "not marked" if mark == "open" else mark
    return Marked(mark, f"{dates(week)}, {mark_words}: {commitment.change}", href)


def _row(commitment: Commitment, reviewed: Window, variants: Variants) -> tuple[Cell, ...]:
    week = window(commitment.week, reviewed.zone)
    cells = [Cell(dates(week), review_url(str(commitment.week))), Cell(commitment.change)]
    cells.append(Cell(_aim_words(commitment.aim, variants)))
    if commitment.kept is None:
        return (*cells, Cell(""), Cell(""), Cell(""), Cell("open"))
    return (
        *cells,
        Cell(
            figure_words(commitment.aim.figure, commitment.kept.before),
            _runs_url(commitment.aim, before(week)),
        ),
        Cell(
            figure_words(commitment.aim.figure, commitment.kept.after),
            _runs_url(commitment.aim, week),
        ),
        Cell(commitment.kept.word),
        Cell(commitment.kept.mark),
    )
