"""Failures: which steps break, where runs fail first, what the messages say, how runs flow."""

from __future__ import annotations

from collections import Counter
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.empty import ways_in
from clustertrace.app.filter_bar.filters import Asked, current
from clustertrace.app.graph import call_graph, failure_lists, step_rates
from clustertrace.filters import condition
from clustertrace.patterns import flow
from clustertrace.patterns.fingerprints import groups
from clustertrace.store import queries
from clustertrace.store.queries import failing

__all__ = ["draw"]

_VALUES: Final = 10
_PATIENCE_SECONDS: Final = 5


def draw() -> None:
    """Draw the page."""
    asked = current()
    if asked is None:
        return
    with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
        if not queries.has_traces(conn):
            st.html(ways_in("There are no traces yet, so nothing has failed."))
            return
        patterns = queries.pattern_runs(conn, asked.where)
        messages = groups(queries.failure_messages(conn, asked.where))
        tags = queries.tag_keys(conn)
    failed = sum(one.failed for one in patterns)
    if not failed:
        st.html(markup.notice(_none(sum(one.runs for one in patterns), asked)))
        return
    rates, first = flow.step_rates(patterns), flow.first_failures(patterns)
    broke = failure_lists.first_failures(first, asked.texts)
    st.html(markup.page(markup.heading(_sentence(rates, first, failed))))
    left, right = st.columns(2, gap="large")
    with left:
        st.html(markup.page(markup.subheading("Steps that end in an error")))
        st.html(markup.page(step_rates.table(rates, asked.texts)))
        st.html(markup.page(markup.subheading("The first step that broke"), broke))
    with right:
        st.html(markup.page(markup.subheading("What they say"), failure_lists.messages(messages)))
    call_graph.draw(patterns, asked.texts)
    _prefixes(patterns, tags, asked)


def _none(runs: int, asked: Asked) -> str:
    if not runs and asked.where:
        return "No finished run matches; widen the filter above."
    return f"None of {words.counted(runs, 'finished run')} failed."


def _sentence(rates: list[flow.StepRate], first: list[flow.FirstFailure], failed: int) -> str:
    runs = words.counted(failed, "run")
    if not any(rate.broke for rate in rates):
        return f"{runs} failed without a step that broke."
    only = next((one.runs for one in first if not one.place), 0)
    part = "all" if only == failed else words.count(only)
    unbroken = f", {part} of them without a step that broke" if only else ""
    worst = rates[0]
    return (
        f"{runs} failed{unbroken}; {worst.name} broke most often, "
        f"in {words.count(worst.broke)} of {words.counted(worst.runs, 'run')} that took it."
    )


def _prefixes(patterns: list[flow.PatternRuns], tags: tuple[str, ...], asked: Asked) -> None:
    st.html(markup.page(markup.subheading("How failing runs begin")))
    by = st.selectbox("By", ["agent", *(f"tag.{key}" for key in tags)], key="by", width=240)
    if by == "agent":
        grouped: dict[str, list[flow.PatternRuns]] = {}
        for one in patterns:
            if one.failed:
                grouped.setdefault(one.name, []).append(one)
    else:
        with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
            grouped = queries.patterns_by_tag(conn, by.removeprefix("tag."), asked.where)
    if not grouped:
        st.html(markup.page(markup.muted("No failed run has it.")))
        return
    failed = {value: sum(one.failed for one in those) for value, those in grouped.items()}
    # Of more failed runs than that the newest are grouped by a tag, and a condition has them all.
    every = by == "agent" or sum(one.failed for one in patterns) <= failing.MESSAGES
    alike = Counter(map(str.lower, failed))
    by_runs = sorted(failed, key=lambda value: -failed[value])
    rows = [
        (
            value,
            failure_lists.count_link(
                failed[value],
                asked.texts,
                _of(by, value) if every and alike[value.lower()] == 1 else None,
                "failed:yes",
            ),
            " → ".join(flow.common_prefix(one.steps for one in grouped[value]))
            or "nothing in common",
        )
        for value in by_runs[:_VALUES]
    ]
    cut = [failed[value] for value in by_runs[_VALUES:]]
    st.html(markup.page(failure_lists.with_more(rows, cut, ("", "Failed runs", "First steps"))))


def _of(by: str, value: str) -> str | None:
    """The condition of the runs with a tag's value, or of an agent, unless more have it: in it a
    quotation mark is a star, and names of patterns lack their numbers."""
    if any(sign in value for sign in ('*"#' if by == "agent" else '*"')):
        return None
    return condition("name" if by == "agent" else by, value)
