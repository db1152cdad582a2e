"""A review as sentences and tables, in which each number links to the traces that it counts.

The page, the terminal and Markdown render the same sections.
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
from clustertrace.review.record import DeadEnd, Review, SessionCost
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
from clustertrace.telling.words import (
    count,
    counted,
    interval,
    is_cost_unknown,
    money,
    share,
    shortened,
    spent,
)
from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["another_week", "facts", "headline", "sections", "week_sections"]

_KIND_WORDS: Final = {
    "fail": "recorded as a failure",
    "error": "ended in an error",
    "max_tokens": "ran out of tokens",
    "refusal": "refused by the model",
    "interrupted": "interrupted",
}
"""What follows a number of runs, for each kind of DEAD_ENDS."""

_ENDED: Final = "not status:running or failed:yes or failed:no"
_FINISHED: Final = "finished:yes"
_PROMPT_SHOWN: Final = 72
"""How many characters of a prompt a row shows."""


def headline(review: Review) -> str:
    """The week in one sentence."""
    total, week = review.total, dates(review.window)
    if not total.ended:
        return f"No run that has ended began on {week}."
    runs, patterns = counted(total.ended, "run"), counted(review.patterns, "pattern")
    cost = spent(total.cost_usd, total.unpriced_calls)
    return f"{week}: {runs} of {patterns}, {count(total.failed)} failed, {cost}."


def another_week(review: Review) -> Cell | None:
    """A link to the week of the newest run, to show if this week has none."""
    if review.newest_ns is None:
        return None
    day = review.window.day(review.newest_ns)
    return Cell(f"The newest run began on {date_words(day)}.", review_url(str(day)))


def facts(review: Review) -> Iterator[Fact]:
    """The week in a few numbers."""
    total, week = review.total, review.window.filter
    yield _counted(total.ended, "run", traces_url(week, _ENDED))
    yield _counted(review.patterns, "pattern", url("clusters", {FILTER: week}))
    confidence = interval(wilson(total.failed, total.finished))
    failed = f"failed of {count(total.finished)} finished ({confidence})"
    yield Fact(Cell(count(total.failed), traces_url(week, "failed:yes")), failed)
    dead_ends = traces_url(week, "not ending:none")
    yield Fact(Cell(count(total.dead_ends), dead_ends), "came to a dead end")
    priced = traces_url(week, "cost>0")
    if is_cost_unknown(total.cost_usd, total.unpriced_calls):
        yield Fact(Cell("unknown"), "cost")
    else:
        yield Fact(Cell(spent(total.cost_usd, total.unpriced_calls), priced), "spent")
    if total.hit_rate is not None:
        with_input = traces_url(week, "input_tokens>0")
        yield Fact(Cell(_rate(total.hit_rate), with_input), "of the input read from a cache")


def _counted(number: int, noun: str, href: str) -> Fact:
    text, _, label = counted(number, noun).partition(" ")
    return Fact(Cell(text, href), label)


def week_sections(review: Review) -> list[Section]:
    """The sections about the week's runs; none for a week without runs."""
    if not review.total.ended:
        return []
    return [_money(review), _caches(review), _most_run(review), _dead_ends(review)]


def sections(review: Review) -> list[Section]:
    """All sections: the week's runs and the planned changes; empty if there are neither."""
    changes, variants = review.changes, review.variants
    shown = week_sections(review)
    if not shown and not changes.weeks and changes.planned is None:
        return []
    planned = (
        last_change(changes, variants),
        next_change(changes, variants),
        week_by_week(changes, variants),
    )
    return shown + [section for section in planned if section is not None]


def _rate(part: float | None) -> str:
    """A share to a tenth of a per cent; a dash for None."""
    return "–" if part is None else share(round(part, 3))


def _money(review: Review) -> Section:
    title, total = "What cost most", review.total
    if not review.dearest:
        return Section(title, "No model call of these days has a price.")
    dearest = review.dearest[0]
    cost = spent(dearest.cost_usd, dearest.unpriced_calls)
    fraction = _rate(dearest.cost_usd / total.cost_usd) if total.cost_usd else "–"
    sentence = (
        f"The most expensive {_noun(dearest)} cost {cost}, {fraction} of what these days cost."
    )
    rows = tuple(
        (
            Cell(spent(entry.cost_usd, entry.unpriced_calls), _runs_url(review, entry)),
            Cell(_rate(entry.cost_usd / total.cost_usd if total.cost_usd else None)),
            Cell(counted(entry.runs, "run"), _runs_url(review, entry)),
            _session_cell(entry),
            Cell(_prompt_text(entry.first_prompt)),
        )
        for entry in review.dearest
    )
    note = "A run without a session is listed by itself."
    head = ("Cost", "Share", "Runs", "Session", "Began with")
    return Section(title, sentence, head=head, rows=rows, note=note)


def _noun(entry: SessionCost) -> str:
    return "run" if entry.session_id is None else "session"


def _session_cell(entry: SessionCost | DeadEnd) -> Cell:
    """The session, or the run if it belongs to none, with a link to its page."""
    if entry.session_id is None:
        return Cell(f"{entry.name} {entry.trace_id[:12]}", trace_url(entry.trace_id))
    return Cell(entry.session_id, session_url(entry.session_id))


def _runs_url(review: Review, entry: SessionCost | DeadEnd, *conditions: str) -> str:
    if entry.session_id is None:
        return trace_url(entry.trace_id)
    return traces_url(condition("session", entry.session_id), *conditions, review.window.filter)


def _caches(review: Review) -> Section:
    title, total = "What caches saved", review.total
    if not review.cache:
        return Section(title, "No model call of these days reported how much it read.")
    if not total.hit_rate and not total.missed_runs:
        return Section(title, "No model call of these days read from a cache.")
    sentence = f"{_rate(total.hit_rate)} of the input was read from a cache"
    sentence += ", and none was missed." if not total.missed_runs else "."
    missed = traces_url(review.window.filter, "missed>0")
    missed_facts = (
        Fact(Cell(counted(total.missed_runs, "run"), missed), "missed a cache"),
        Fact(Cell(count(total.missed_tokens), missed), "tokens paid for again"),
        Fact(Cell(f"about {money(total.lost_usd)}", missed), "lost by that"),
    )
    rows = tuple(
        (
            Cell(_pattern_words(review, pattern), pattern_url(pattern.id)),
            Cell(count(pattern.sums.ended), _pattern_runs_url(review, pattern, _ENDED)),
            Cell(
                _rate(pattern.sums.hit_rate), _pattern_runs_url(review, pattern, "input_tokens>0")
            ),
            Cell(count(pattern.sums.missed_tokens), _pattern_runs_url(review, pattern, "missed>0")),
            Cell(money(pattern.sums.lost_usd), _pattern_runs_url(review, pattern, "lost>0")),
        )
        for pattern in review.cache
    )
    head = ("Pattern", "Runs", "From a cache", "Tokens missed", "Lost")
    note = "Those that lost most, then those that read most. What a miss is: docs/claude-code.md."
    shown_facts = missed_facts if total.missed_runs else ()
    return Section(title, sentence, shown_facts, head=head, rows=rows, note=note)


def _most_run(review: Review) -> Section:
    title, pattern = "What ran most often", review.most_run
    if pattern is None:
        return Section(title, "No run of these days has finished.")
    sums = pattern.sums
    sentence = (
        f"{_pattern_words(review, pattern)} ran {_times(sums.finished)}, "
        f"{_rate(sums.finished / review.total.finished)} of the finished runs"
    )
    earlier_weeks = review.trend[:-1]
    if earlier_weeks:
        sentence += f"; the week before {_times(earlier_weeks[-1].runs)}"
    rows = tuple(
        (
            Cell(dates(week.window), traces_url(week.window.filter)),
            Cell(
                counted(week.runs, "run"),
                traces_url(condition("pattern", pattern.id), week.window.filter, _FINISHED),
            ),
            Cell(
                f"{count(week.failed)} failed",
                traces_url(condition("pattern", pattern.id), week.window.filter, "failed:yes"),
            ),
        )
        for week in reversed(review.trend)
    )
    columns = tuple(
        Column(
            week.runs, week.failed, f"{dates(week.window)}: {week.runs} runs, {week.failed} failed"
        )
        for week in review.trend
    )
    note = "" if earlier_weeks else "It did not run before; how it goes on will be shown here."
    head = ("Week", "Runs", "Failed")
    shown_columns = columns if earlier_weeks else ()
    return Section(title, f"{sentence}.", columns=shown_columns, head=head, rows=rows, note=note)


def _dead_ends(review: Review) -> Section:
    title = "What came to a dead end"
    if not review.endings:
        return Section(title, "No run of these days came to a dead end.")
    runs, fraction = counted(review.total.dead_ends, "run"), _rate(review.total.dead_share)
    confidence = interval(wilson(review.total.dead_ends, review.total.ended))
    sentence = f"{runs} came to a dead end, {fraction} ({confidence}) of those that ended."
    kinds = tuple(
        Fact(
            Cell(count(runs), traces_url(f"ending:{kind}", review.window.filter)), _KIND_WORDS[kind]
        )
        for kind, runs in review.endings.items()
    )
    rows = tuple(
        (
            Cell(_moment(review.window, entry.start_ns), trace_url(entry.trace_id)),
            Cell(_how(entry)),
            _session_cell(entry),
            Cell(counted(entry.runs, "run"), _runs_url(review, entry, "not ending:none")),
            Cell("went on" if entry.went_on else ""),
            Cell(_prompt_text(entry.first_prompt)),
        )
        for entry in review.dead_ends
    )
    head = ("Last", "How", "Session", "Dead ends", "Then", "Began with")
    return Section(title, sentence, kinds, head=head, rows=rows)


def _how(entry: DeadEnd) -> str:
    """How a run ended; of one that was recorded as a failure, the reason recorded with it."""
    reason = " ".join((entry.reason or "").split())
    return shortened(reason, _PROMPT_SHOWN) or DEAD_ENDS[entry.kind]


def _pattern_runs_url(review: Review, pattern: PatternWeek, *conditions: str) -> str:
    return traces_url(condition("pattern", pattern.id), *conditions, review.window.filter)


def _pattern_words(review: Review, pattern: PatternWeek) -> str:
    variant = review.variants.get(pattern.id)
    return pattern.name if variant is None else steps_words(variant)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number) or f"{count(number)} times"


def _prompt_text(text: str | None) -> str:
    return shortened(" ".join((text or "").split()), _PROMPT_SHOWN)


def _moment(window: Window, ns: int) -> str:
    moment = datetime.fromtimestamp(ns / 1e9, window.zone)
    return f"{moment:%a} {moment.day} {moment:%b %H:%M}"
