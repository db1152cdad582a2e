"""A review in sentences and tables, each number with the address of the traces that it counts.

The page, the terminal and Markdown draw the same sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from clustertrace.filters import condition
from clustertrace.patterns.drift_words import steps_words
from clustertrace.patterns.statistics import wilson
from clustertrace.review.change_sections import last_change, next_change, week_by_week
from clustertrace.review.layout import Cell, Column, Fact, Section, date_words, dates
from clustertrace.review.record import DeadEnd, Dear, Review
from clustertrace.review.sums import PatternWeek
from clustertrace.review.weeks import Window
from clustertrace.telling.addresses import (
    FILTER,
    pattern_url,
    review_url,
    session_url,
    trace_url,
    traces_url,
    url,
)
from clustertrace.telling.words import count, counted, interval, money, share, spent
from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["another_week", "facts", "headline", "rate", "sections", "week_sections"]

_SO: Final = {
    "fail": "recorded as a failure",
    "error": "ended in an error",
    "max_tokens": "ran out of tokens",
    "refusal": "refused by the model",
    "interrupted": "interrupted",
}
"""Runs that ended in one of DEAD_ENDS, after their number."""

_ENDED: Final = "not status:running or failed:yes or failed:no"
_FINISHED: Final = "finished:yes"
_LONGEST: Final = 72
"""Characters of a prompt that a row shows."""


def headline(found: Review) -> str:
    """The week in one sentence."""
    total, when = found.total, dates(found.window)
    if not total.ended:
        return f"No run that has ended began on {when}."
    runs, patterns = counted(total.ended, "run"), counted(found.patterns, "pattern")
    paid = spent(total.cost_usd, total.unpriced_calls)
    return f"{when}: {runs} of {patterns}, {count(total.failed)} failed, {paid}."


def another_week(found: Review) -> Cell | None:
    """Where the newest run of all is, for days that have none."""
    if found.newest_ns is None:
        return None
    day = found.window.day(found.newest_ns)
    return Cell(f"The newest run began on {date_words(day)}.", review_url(str(day)))


def facts(found: Review) -> Iterator[Fact]:
    """The week in a few numbers."""
    total, when = found.total, found.window.filter
    yield _counted(total.ended, "run", traces_url(when, _ENDED))
    yield _counted(found.patterns, "pattern", url("clusters", {FILTER: when}))
    sure = interval(wilson(total.failed, total.finished))
    failed = f"failed of {count(total.finished)} finished ({sure})"
    yield Fact(Cell(count(total.failed), traces_url(when, "failed:yes")), failed)
    ended = traces_url(when, "not ending:none")
    yield Fact(Cell(count(total.dead_ends), ended), "came to a dead end")
    paid = traces_url(when, "cost>0")
    yield Fact(Cell(spent(total.cost_usd, total.unpriced_calls), paid), "spent")
    if total.hit_rate is not None:
        read = traces_url(when, "input_tokens>0")
        yield Fact(Cell(rate(total.hit_rate), read), "of the input read from a cache")


def _counted(number: int, noun: str, href: str) -> Fact:
    text, _, label = counted(number, noun).partition(" ")
    return Fact(Cell(text, href), label)


def week_sections(found: Review) -> list[Section]:
    """What the week says; nothing for one without runs."""
    if not found.total.ended:
        return []
    return [_money(found), _caches(found), _most_run(found), _dead_ends(found)]


def sections(found: Review) -> list[Section]:
    """What the week says, and what was planned; nothing where there is neither."""
    changes, variants = found.changes, found.variants
    told = week_sections(found)
    if not told and not changes.weeks and changes.planned is None:
        return []
    planned = (
        last_change(changes, variants),
        next_change(changes, variants),
        week_by_week(changes, variants),
    )
    return told + [section for section in planned if section is not None]


def rate(part: float | None) -> str:
    """A share to a tenth of a per cent; a dash where there is none."""
    return "–" if part is None else share(round(part, 3))


def _money(found: Review) -> Section:
    title, total = "What cost most", found.total
    if not found.dear:
        return Section(title, "No model call of these days has a price.")
    first = found.dear[0]
    sentence = (
        f"The most expensive {_sort(first)} cost {spent(first.cost_usd, first.unpriced_calls)}"
    )
    part = rate(first.cost_usd / total.cost_usd) if total.cost_usd else "–"
    sentence += f", {part} of what these days cost."
    rows = tuple(
        (
            Cell(spent(one.cost_usd, one.unpriced_calls), _own(found, one)),
            Cell(rate(one.cost_usd / total.cost_usd if total.cost_usd else None)),
            Cell(counted(one.runs, "run"), _own(found, one)),
            Cell(one.session_id or f"{one.name} {one.trace_id[:12]}", _home(one)),
            Cell(_cut(one.said)),
        )
        for one in found.dear
    )
    note = "A run without a session is listed by itself."
    head = ("Cost", "Share", "Runs", "Session", "Began with")
    return Section(title, sentence, head=head, rows=rows, note=note)


def _sort(one: Dear) -> str:
    return "run" if one.session_id is None else "session"


def _home(one: Dear | DeadEnd) -> str:
    """The page of a session, or of the run that stands for itself."""
    return trace_url(one.trace_id) if one.session_id is None else session_url(one.session_id)


def _own(found: Review, one: Dear | DeadEnd, *more: str) -> str:
    if one.session_id is None:
        return trace_url(one.trace_id)
    return traces_url(condition("session", one.session_id), *more, found.window.filter)


def _caches(found: Review) -> Section:
    title, total = "What caches saved", found.total
    if not found.cache:
        return Section(title, "No model call of these days reported how much it read.")
    sentence = f"{rate(total.hit_rate)} of the input was read from a cache"
    sentence += ", and none was missed." if not total.missed_runs else "."
    missed = traces_url(found.window.filter, "missed>0")
    told = (
        Fact(Cell(counted(total.missed_runs, "run"), missed), "missed a cache"),
        Fact(Cell(count(total.missed_tokens), missed), "tokens paid for again"),
        Fact(Cell(f"about {money(total.lost_usd)}", missed), "lost by that"),
    )
    rows = tuple(
        (
            Cell(_steps(found, one), pattern_url(one.id)),
            Cell(count(one.sums.ended), _of_pattern(found, one, _ENDED)),
            Cell(rate(one.sums.hit_rate), _of_pattern(found, one, "input_tokens>0")),
            Cell(count(one.sums.missed_tokens), _of_pattern(found, one, "missed>0")),
            Cell(money(one.sums.lost_usd), _of_pattern(found, one, "lost>0")),
        )
        for one in found.cache
    )
    head = ("Pattern", "Runs", "From a cache", "Tokens missed", "Lost")
    note = "Those that lost most, then those that read most. What a miss is: docs/claude-code.md."
    shown = told if total.missed_runs else ()
    return Section(title, sentence, shown, head=head, rows=rows, note=note)


def _most_run(found: Review) -> Section:
    title, most = "What ran most often", found.most_run
    if most is None:
        return Section(title, "No run of these days has finished.")
    sums = most.sums
    sentence = (
        f"{_steps(found, most)} ran {_times(sums.finished)}, "
        f"{rate(sums.finished / found.total.finished)} of the finished runs"
    )
    earlier = found.trend[:-1]
    if earlier:
        sentence += f"; the week before {_times(earlier[-1].runs)}"
    rows = tuple(
        (
            Cell(dates(week.window), traces_url(week.window.filter)),
            Cell(
                counted(week.runs, "run"),
                traces_url(condition("pattern", most.id), week.window.filter, _FINISHED),
            ),
            Cell(
                f"{count(week.failed)} failed",
                traces_url(condition("pattern", most.id), week.window.filter, "failed:yes"),
            ),
        )
        for week in reversed(found.trend)
    )
    columns = tuple(
        Column(
            week.runs, week.failed, f"{dates(week.window)}: {week.runs} runs, {week.failed} failed"
        )
        for week in found.trend
    )
    note = "" if earlier else "It did not run before; how it goes on will be shown here."
    head = ("Week", "Runs", "Failed")
    shown = columns if earlier else ()
    return Section(title, f"{sentence}.", columns=shown, head=head, rows=rows, note=note)


def _dead_ends(found: Review) -> Section:
    title = "What came to a dead end"
    if not found.endings:
        return Section(title, "No run of these days came to a dead end.")
    runs, part = counted(found.total.dead_ends, "run"), rate(found.total.dead_share)
    sure = interval(wilson(found.total.dead_ends, found.total.ended))
    sentence = f"{runs} came to a dead end, {part} ({sure}) of those that ended."
    kinds = tuple(
        Fact(Cell(count(runs), traces_url(f"ending:{kind}", found.window.filter)), _SO[kind])
        for kind, runs in found.endings.items()
    )
    rows = tuple(
        (
            Cell(_moment(found.window, one.start_ns), trace_url(one.trace_id)),
            Cell(DEAD_ENDS[one.kind]),
            Cell(one.session_id or f"{one.name} {one.trace_id[:12]}", _home(one)),
            Cell(counted(one.runs, "run"), _own(found, one, "not ending:none")),
            Cell("went on" if one.went_on else ""),
            Cell(_cut(one.said)),
        )
        for one in found.dead_ends
    )
    head = ("Last", "How", "Session", "Dead ends", "Then", "Began with")
    return Section(title, sentence, kinds, head=head, rows=rows)


def _of_pattern(found: Review, one: PatternWeek, *more: str) -> str:
    return traces_url(condition("pattern", one.id), *more, found.window.filter)


def _steps(found: Review, one: PatternWeek) -> str:
    variant = found.variants.get(one.id)
    return one.name if variant is None else steps_words(variant)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number) or f"{count(number)} times"


def _cut(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _moment(given: Window, ns: int) -> str:
    at = datetime.fromtimestamp(ns / 1e9, given.zone)
    return f"{at:%a} {at.day} {at:%b %H:%M}"
