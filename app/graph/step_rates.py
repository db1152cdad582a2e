"""Steps that end in an error, with numbers that link to their runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from clustertrace.app import markup, words
from clustertrace.app.graph.failure_lists import count_link
from clustertrace.filters import of_patterns, taking
from clustertrace.patterns.flow import StepRate

__all__ = ["table"]

_STEPS: Final = 15


def table(rates: Sequence[StepRate], filters: Sequence[str]) -> markup.Markup:
    """The steps that broke in most runs; links keep the filters of the page."""
    names = Counter(rate.name for rate in rates)
    broken = [rate for rate in rates if rate.broke]
    rows = []
    for rate in broken[:_STEPS]:
        # A condition on the name would match too much if two kinds share it, or for an agent, whose
        # error does not count if one of its steps broke.
        by_name = names[rate.name] == 1 and rate.kind != "agent"
        took_condition = taking(rate.name) if by_name else of_patterns(rate.taken_in)
        broke_condition = taking(rate.name, failed=True) if by_name else of_patterns(rate.broke_in)
        numbers = [
            count_link(rate.broke, filters, broke_condition, "finished:yes"),
            count_link(rate.runs, filters, took_condition, "finished:yes"),
        ]
        # Not of those in which it broke.
        of_all = f" of all {words.count(rate.runs)} failed"
        rows.append(
            (
                words.in_line(rate.name),
                markup.join(numbers, " / "),
                markup.rate_bar(rate.broke / rate.runs, *rate.interval),
                markup.join(
                    [count_link(rate.failed, filters, took_condition, "failed:yes"), of_all]
                ),
            )
        )
    if not rows:
        return markup.muted("No step did.")
    return markup.join(
        [
            markup.rows(rows),
            markup.muted(
                f"{_more(broken[_STEPS:])}Runs in which the step ended in an error, of those that "
                "took it, with the 95 % interval. An agent whose own step broke is not counted "
                "again."
            ),
        ]
    )


def _more(hidden: Sequence[StepRate]) -> str:
    # Several steps can break in one run, so their runs can't be summed.
    max_runs = words.counted(max((rate.broke for rate in hidden), default=0), "run")
    return f"{words.count(len(hidden))} more, each in at most {max_runs}. " if hidden else ""
