"""Steps that end in an error, each number with the way to its runs."""

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
    """Of all rates those that broke in most runs; the links keep the filters of the page."""
    names = Counter(rate.name for rate in rates)
    broken = [rate for rate in rates if rate.broke]
    rows = []
    for rate in broken[:_STEPS]:
        # What a condition on a name says too is not said of one of two kinds with that name, nor
        # of an agent, whose error is not counted where a step of it broke.
        plain = names[rate.name] == 1 and rate.kind != "agent"
        took = taking(rate.name) if plain else of_patterns(rate.taken_in)
        broke = taking(rate.name, failed=True) if plain else of_patterns(rate.broke_in)
        numbers = [
            count_link(rate.broke, filters, broke, "finished:yes"),
            count_link(rate.runs, filters, took, "finished:yes"),
        ]
        rows.append(
            (
                rate.name,
                markup.join(numbers, " / "),
                markup.rate_bar(rate.broke / rate.runs, *rate.interval),
                markup.join(
                    [count_link(rate.failed, filters, took, "failed:yes"), " of these runs failed"]
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


def _more(cut: Sequence[StepRate]) -> str:
    # Several steps may break in one run, so that their runs don't add up.
    most = words.counted(max((rate.broke for rate in cut), default=0), "run")
    return f"{words.count(len(cut))} more, each in at most {most}. " if cut else ""
