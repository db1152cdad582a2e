"""Failures: which steps break, where runs fail first, what the messages say, how runs flow."""

from __future__ import annotations

from collections import Counter
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.empty import ways_in
from clustertrace.app.filter_bar.filters import Query, current
from clustertrace.app.graph import call_graph, failure_lists, failure_sentence, step_rates
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
    query = current()
    if query is None:
        return
    with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
        if not queries.has_traces(conn):
            st.html(ways_in("There are no traces yet, so nothing has failed."))
            return
        patterns = queries.pattern_runs(conn, query.where)
        messages = groups(queries.failure_messages(conn, query.where))
        tags = queries.tag_keys(conn)
    failed = sum(pattern.failed for pattern in patterns)
    if not failed:
        st.html(markup.notice(_no_failures(sum(pattern.runs for pattern in patterns), query)))
        return
    rates, first = flow.step_rates(patterns), flow.first_failures(patterns)
    first_failures = failure_lists.first_failures(first, query.texts)
    st.html(markup.page(markup.heading(failure_sentence.sentence(rates, first, failed))))
    left, right = st.columns(2, gap="large")
    with left:
        st.html(markup.page(markup.subheading("Steps that end in an error")))
        st.html(markup.page(step_rates.table(rates, query.texts)))
        st.html(markup.page(markup.subheading("The first step that broke"), first_failures))
    with right:
        st.html(markup.page(markup.subheading("What they say"), failure_lists.messages(messages)))
    call_graph.draw(patterns, query.texts)
    _prefixes(patterns, tags, query)


def _no_failures(runs: int, query: Query) -> str:
    if not runs and query.where:
        return "No finished run matches; widen the filter above."
    if runs == 1:
        return f"The only finished run{' that matches' if query.where else ''} did not fail."
    return f"None of {words.counted(runs, 'finished run')} failed."


def _prefixes(patterns: list[flow.PatternRuns], tags: tuple[str, ...], query: Query) -> None:
    st.html(markup.page(markup.subheading("How failing runs begin")))
    by = st.selectbox("By", ["agent", *(f"tag.{key}" for key in tags)], key="by", width=240)
    if by == "agent":
        grouped: dict[str, list[flow.PatternRuns]] = {}
        for pattern in patterns:
            if pattern.failed:
                grouped.setdefault(pattern.name, []).append(pattern)
    else:
        with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
            grouped = queries.patterns_by_tag(conn, by.removeprefix("tag."), query.where)
    if not grouped:
        st.html(markup.page(markup.muted("No failed run has it.")))
        return
    failed = {value: sum(pattern.failed for pattern in group) for value, group in grouped.items()}
    # Only the newest failed runs are grouped by tag; of more, a condition would match too many.
    all_counted = by == "agent" or sum(pattern.failed for pattern in patterns) <= failing.MESSAGES
    same_name = Counter(map(str.lower, failed))
    by_runs = sorted(failed, key=lambda value: -failed[value])
    rows = [
        (
            words.in_line(value),
            failure_lists.count_link(
                failed[value],
                query.texts,
                _group_condition(by, value)
                if all_counted and same_name[value.lower()] == 1
                else None,
                "failed:yes",
            ),
            " → ".join(flow.common_prefix(pattern.steps for pattern in grouped[value]))
            or "nothing in common",
        )
        for value in by_runs[:_VALUES]
    ]
    left_out = [failed[value] for value in by_runs[_VALUES:]]
    st.html(
        markup.page(failure_lists.with_more(rows, left_out, ("", "Failed runs", "First steps")))
    )


def _group_condition(by: str, value: str) -> str | None:
    """The condition for an agent's runs or a tag's value; None if it would match other runs too.

    In conditions a quotation mark is a wildcard, and names of patterns lack their numbers.
    """
    if any(sign in value for sign in ('*"#' if by == "agent" else '*"')):
        return None
    return condition("name" if by == "agent" else by, value)
