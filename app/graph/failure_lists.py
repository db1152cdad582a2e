"""Lists of failed runs, by where they broke and by what they say, with the way to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.app import markup, words
from clustertrace.app.links import trace_url, traces_url
from clustertrace.filters import of_patterns
from clustertrace.patterns.fingerprints import MessageGroup
from clustertrace.patterns.flow import FirstFailure

__all__ = ["count_link", "first_failures", "messages", "with_more"]

_MESSAGES: Final = 12
_FIRST: Final = 12


def count_link(
    runs: int, filters: Sequence[str], condition: str | None, state: str
) -> markup.Markup:
    """A number of runs that leads to them; just a number where no short condition has them."""
    there = traces_url(*filters, condition, state) if condition else ""
    return markup.linked(words.count(runs), there)


def first_failures(found: Sequence[FirstFailure], filters: Sequence[str]) -> markup.Markup:
    """The first steps that broke in most runs, in the order of the run."""
    # By position the late ones would be cut, however frequent.
    by_runs = sorted(found, key=lambda one: -one.runs)
    most = by_runs[0].runs
    rows = [
        (
            f"step {one.place}" if one.place else "",
            one.name,
            markup.bar(one.runs / most),
            count_link(one.runs, filters, of_patterns(one.failed_in), "failed:yes"),
        )
        for one in sorted(by_runs[:_FIRST], key=lambda one: (one.place, one.name))
    ]
    return with_more(rows, [one.runs for one in by_runs[_FIRST:]])


def messages(found: Sequence[MessageGroup]) -> markup.Markup:
    """What failed runs say, each message with a run that says it."""
    if not found:
        return markup.muted("No failed run left a message.")
    rows = [
        (
            markup.tag("span", words.count(one.runs), cls="ct-whole"),
            markup.link(one.example, trace_url(one.trace_id)),
        )
        for one in found[:_MESSAGES]
    ]
    return with_more(rows, [one.runs for one in found[_MESSAGES:]])


def with_more(
    rows: Sequence[Sequence[object]], cut: Sequence[int], heads: Sequence[str] = ()
) -> markup.Markup:
    """A list, and below it what was cut off it, of which each is in so many other runs."""
    if not cut:
        return markup.rows(rows, heads)
    more = f"{words.count(len(cut))} more, in {words.counted(sum(cut), 'run')}."
    return markup.join([markup.rows(rows, heads), markup.muted(more)])
