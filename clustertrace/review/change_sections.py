"""The changes that were planned, in sentences: the last one, the next one, and week by week."""

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

_LISTED: Final = 12

_FOUND: Final = {
    "failures": "failed:yes",
    "dead-ends": "not ending:none",
    "cost": "cost>0",
    "cache": "input_tokens>0",
}
"""The runs that a figure is made of, beside those that it is divided by."""

_NOT_PROVED: Final = (
    "That a figure changed does not show that your change caused it: tasks, models and prompts "
    "change "
    "too; a figure that was chosen because it was bad tends to improve by itself; and runs of one "
    "session count as if they were independent."
)


def _aim_words(aim: Aim, variants: Variants) -> str:
    """failure rate of all runs"""
    whose = "all runs"
    if aim.pattern:
        found = variants.get(aim.pattern)
        whose = f"pattern {aim.pattern[:12]}" if found is None else steps_words(found)
    return f"{FIGURES[aim.figure].name} of {whose}"


def offer_words(offer: Offer, variants: Variants) -> str:
    """A figure to choose, as it is now."""
    words = _aim_words(offer.aim, variants)
    return f"{words[:1].upper()}{words[1:]}: {figure_words(offer.aim.figure, offer.value)}"


def last_change(changes: Changes, variants: Variants) -> Section | None:
    """What was planned for the week that is looked back on, and its figure before and after."""
    last = changes.last
    if last is None or last.tested is None:
        return None
    this, week_before = changes.reviewed, before(changes.reviewed)
    marked = f"You marked it {last.kept.mark}." if last.kept else "It is not marked yet."
    name = FIGURES[last.aim.figure].name
    so_far = " so far" if this.end_ns > changes.now_ns else ""
    told = (
        _fact(last.aim, last.tested.before, week_before, f"{name}, {dates(week_before)}"),
        _fact(last.aim, last.tested.after, this, f"{name}, {dates(this)}{so_far}"),
    )
    meant = f"For {dates(this)} you meant to: {last.change} {_aimed(last, variants)} {marked}"
    sentence = f"{meant} {last.tested.sentence}"
    return Section("What you meant to change", sentence, told, note=_NOT_PROVED)


def next_change(changes: Changes, variants: Variants) -> Section:
    """What is planned for the coming week."""
    title, when = "One change for the next week", dates(changes.coming)
    if changes.planned is None and changes.too_late:
        return Section(title, f"Nothing was planned for {when}.")
    if changes.planned is None:
        note = (
            "Say what you will change and which figure it is for; a week later you see here the "
            "figure before and after."
        )
        return Section(title, f"Nothing is planned for {when} yet.", note=note)
    planned = changes.planned
    return Section(title, f"For {when}: {planned.change} {_aimed(planned, variants)}")


def week_by_week(changes: Changes, variants: Variants) -> Section | None:
    """Every plan so far, as a picture and a table; None without any."""
    weeks = changes.weeks[-_LISTED:]
    if not weeks:
        return None
    marked = [one for one in changes.weeks if one.kept]
    kept = sum(one.kept.mark == "kept" for one in marked if one.kept)
    sentence = f"{counted(kept, 'change')} kept of {len(marked)} that are marked"
    if not marked:
        sentence = "No week is marked yet"
    if changes.kept_in_a_row > 1:
        sentence += f", the last {changes.kept_in_a_row} in a row"
    picture = tuple(_marked(changes, weeks, ago) for ago in reversed(range(_LISTED)))
    rows = tuple(_row(one, changes.reviewed, variants) for one in reversed(weeks))
    head = ("Week", "Change", "For", "Before", "After", "Test", "Mark")
    return Section("Week by week", f"{sentence}.", marks=picture, head=head, rows=rows)


def _fact(aim: Aim, value: float | None, week: Window, label: str) -> Fact:
    return Fact(Cell(figure_words(aim.figure, value), _runs(aim, week)), label)


def _runs(aim: Aim, week: Window) -> str:
    only = condition("pattern", aim.pattern) if aim.pattern else ""
    return traces_url(only, _FOUND[aim.figure], week.filter)


def _aimed(planned: Commitment, variants: Variants) -> str:
    return f"(for the {_aim_words(planned.aim, variants)})."


def _marked(changes: Changes, weeks: tuple[Commitment, ...], ago: int) -> Marked:
    """One week of the picture."""
    week = before(changes.reviewed, ago)
    found = next((one for one in weeks if one.week == week.first), None)
    mark = "none" if found is None else "open" if found.kept is None else found.kept.mark
    said = {"none": "nothing was planned", "open": "not marked"}.get(mark, mark)
    change = "" if found is None else f": {found.change}"
    return Marked(mark, f"{dates(week)}, {said}{change}", review_url(str(week.first)))


def _row(one: Commitment, reviewed: Window, variants: Variants) -> tuple[Cell, ...]:
    week = window(one.week, reviewed.zone)
    cells = [Cell(dates(week), review_url(str(one.week))), Cell(one.change)]
    cells.append(Cell(_aim_words(one.aim, variants)))
    if one.kept is None:
        return (*cells, Cell(""), Cell(""), Cell(""), Cell("open"))
    return (
        *cells,
        Cell(figure_words(one.aim.figure, one.kept.before), _runs(one.aim, before(week))),
        Cell(figure_words(one.aim.figure, one.kept.after), _runs(one.aim, week)),
        Cell(one.kept.word),
        Cell(one.kept.mark),
    )
