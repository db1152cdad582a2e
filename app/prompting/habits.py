"""Habits in the user's prompts that are associated with dead ends, with the evidence."""

from __future__ import annotations

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.links import trace_url
from clustertrace.app.prompting import deepen
from clustertrace.prompts.deepening import about_habits
from clustertrace.prompts.habit_words import compared_words
from clustertrace.prompts.habits import Compared, Habits
from clustertrace.store.queries.prompts import NEWEST, habits, prompt_texts

__all__ = ["draw", "known"]

_SAMPLES = 12
_TITLES = ("Prompts that …", "Dead ends", "Succeeded", "Difference, 95 % interval", "Examples")
_NOTHING_SEEN = (
    "What you write to an agent or a model is listed here once its run has ended: turns of Claude "
    "Code and of other agents, wrapped calls, user messages of OpenTelemetry. A function's "
    "arguments are not a prompt, and under CLUSTERTRACE_CAPTURE=metadata none is stored."
)


@st.cache_resource(ttl=20, max_entries=4, show_spinner="Comparing prompts…")
def _compared(path: str) -> Habits:
    with connection.read() as conn:
        return habits(conn)


def known() -> Habits:
    """The habits of the newest prompts, recomputed every few seconds at most."""
    return _compared(connection.place())


def draw(user_habits: Habits) -> None:
    """Draw the tab."""
    if not user_habits.prompts:
        st.html(markup.notice(_NOTHING_SEEN))
        return
    parts = [_facts(user_habits)]
    for title, listed in (
        ("Habits to keep", user_habits.keep),
        ("Habits to drop", user_habits.drop),
    ):
        parts.append(markup.subheading(title))
        rows = [_sentence(comparison) for comparison in listed]
        nothing = markup.tag("p", markup.muted("None that your data supports."))
        parts.append(markup.tag("ul", *rows, cls="ct-ways") if rows else nothing)
    parts += [markup.subheading("All habits"), _table(user_habits)]
    st.html(markup.page(*parts))
    with connection.read() as conn:
        dead, succeeded = (
            [comparison.text for comparison in prompt_texts(conn, dead=is_dead, limit=_SAMPLES)]
            for is_dead in (True, False)
        )
    if dead or succeeded:
        deepen.draw(about_habits(user_habits, dead, succeeded), "habits")


def _facts(user_habits: Habits) -> markup.Markup:
    label = "newest prompts" if user_habits.prompts >= NEWEST else "prompts, one a run"
    if user_habits.prompts == 1:
        label = "prompt"
    return markup.tag(
        "div",
        markup.facts(
            markup.fact(words.count(user_habits.prompts), label),
            markup.fact(
                words.count(user_habits.dead),
                "came to a dead end",
                title="An error, a refusal, no tokens left, an interruption, or your verdict.",
            ),
            markup.fact(
                words.count(user_habits.independent), "count: one per session, text and result"
            ),
        ),
        markup.tag(
            "p",
            markup.muted(
                "Shares of the prompts that could have the habit (a question needs no acceptance "
                "criterion), of runs that came to a dead end and of those that succeeded. "
                "Interval: Newcombe; test: Fisher, two-sided; corrected over all habits "
                "(Benjamini and Hochberg, 5 %). Association is not causation."
            ),
        ),
    )


def _sentence(comparison: Compared) -> markup.Markup:
    is_unexpected = comparison.habit.good is (comparison.difference > 0)
    caveat = " Against expectation: it may come with harder tasks." if is_unexpected else ""
    verb = comparison.habit.words[:1].upper() + comparison.habit.words[1:]
    return markup.tag(
        "li",
        markup.tag("b", verb),
        f": {compared_words(comparison)}.{caveat} Runs: ",
        *_examples(comparison),
    )


def _examples(comparison: Compared) -> list[markup.Markup]:
    links = []
    for ids, label in (
        (comparison.examples_dead, "dead ends"),
        (comparison.examples_succeeded, "successes"),
    ):
        numbered = [markup.link(at, trace_url(trace_id)) for at, trace_id in enumerate(ids, 1)]
        if numbered:
            links.append(markup.join([label, *numbered], " "))
    return [markup.tag("span", markup.join(links, ", "), cls="ct-small ct-examples")]


def _table(user_habits: Habits) -> markup.Markup:
    """A table of the habits that occur; the others are only named."""
    seen = [
        comparison
        for comparison in user_habits.compared
        if comparison.dead_with or comparison.succeeded_with
    ]
    unseen = [
        comparison.habit.words for comparison in user_habits.compared if comparison not in seen
    ]
    parts = [markup.rows([_row(comparison) for comparison in seen], _TITLES)] if seen else []
    if unseen:
        parts.append(
            markup.muted("No prompt that counts does any of these: ", ", ".join(unseen), ".")
        )
    return markup.join(parts)


def _row(comparison: Compared) -> list[object]:
    cells: list[object] = [comparison.habit.words]
    for with_habit, total, rate in (
        (comparison.dead_with, comparison.dead, comparison.rate_dead),
        (comparison.succeeded_with, comparison.succeeded, comparison.rate_succeeded),
    ):
        counts = markup.muted(f" {with_habit:,}/{total:,}")
        cells.append(markup.tag("span", words.share(round(rate, 2)) if total else "–", counts))
    if comparison.enough:
        low, high = map(words.points, comparison.interval)
        verdict = "" if comparison.significant else " · no evidence"
        difference_text = f"{words.points(comparison.difference)} ({low} to {high}){verdict}"
        cells.append(
            markup.tag(
                "span",
                markup.difference_bar(
                    comparison.difference, *comparison.interval, strong=comparison.significant
                ),
                markup.tag("span", difference_text, cls="ct-small"),
            )
        )
    else:
        cells.append(markup.muted("not enough data"))
    return [*cells, *_examples(comparison)]
