"""Lists of failed runs, by the step that broke and by message, with links to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.app import markup, words
from clustertrace.app.links import trace_url, traces_url
from clustertrace.filters import of_patterns
from clustertrace.patterns.fingerprints import MessageGroup
from clustertrace.patterns.flow import FirstFailure

__all__ = ["count_link", "first_failures", "messages", "with_more"]

_MAX_MESSAGES: Final = 12
_MAX_FIRST: Final = 12


def count_link(
    runs: int, filters: Sequence[str], condition: str | None, state: str
) -> markup.Markup:
    """A number of runs, linked to them unless no short condition selects them."""
    href = traces_url(*filters, condition, state) if condition else ""
    return markup.linked(words.count(runs), href)


def first_failures(failures: Sequence[FirstFailure], filters: Sequence[str]) -> markup.Markup:
    """The steps that broke first in most runs, in the order of the run."""
    # Cut by frequency: by position, late steps would be lost, however frequent.
    by_runs = sorted(failures, key=lambda failure: -failure.runs)
    max_runs = by_runs[0].runs
    rows = [
        (
            f"step {failure.place}" if failure.place else "",
            words.in_line(failure.name),
            markup.bar(failure.runs / max_runs),
            count_link(failure.runs, filters, of_patterns(failure.failed_in), "failed:yes"),
        )
        for failure in sorted(
            by_runs[:_MAX_FIRST], key=lambda failure: (failure.place, failure.name)
        )
    ]
    table = with_more(rows, [failure.runs for failure in by_runs[_MAX_FIRST:]])
    note = (
        "An error that a later try made good counts only in runs without another; one that runs "
        "have as often that did not fail does not count."
    )
    return markup.join([table, markup.muted(note)])


def messages(groups: Sequence[MessageGroup]) -> markup.Markup:
    """The messages of failed runs, each linked to an example."""
    if not groups:
        return markup.muted("No failed run left a message.")
    rows = [
        (
            markup.tag("span", words.count(group.runs), cls="ct-whole"),
            markup.link(group.example, trace_url(group.trace_id)),
        )
        for group in groups[:_MAX_MESSAGES]
    ]
    return with_more(rows, [group.runs for group in groups[_MAX_MESSAGES:]])


def with_more(
    rows: Sequence[Sequence[object]], hidden_runs: Sequence[int], head: Sequence[str] = ()
) -> markup.Markup:
    """A table, and below it how many rows were left out, given the runs of each of those."""
    if not hidden_runs:
        return markup.rows(rows, head)
    more = f"{words.count(len(hidden_runs))} more, in {words.counted(sum(hidden_runs), 'run')}."
    return markup.join([markup.rows(rows, head), markup.muted(more)])
