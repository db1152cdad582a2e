"""Habits of the user's own prompts: which go along with dead ends, with the evidence."""

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
    """The habits of the newest prompts, worked out every few seconds at most."""
    return _compared(connection.place())


def draw(found: Habits) -> None:
    """Draw the tab."""
    if not found.prompts:
        st.html(markup.notice(_NOTHING_SEEN))
        return
    parts = [_facts(found)]
    for title, some in (("Habits to keep", found.keep), ("Habits to drop", found.drop)):
        parts.append(markup.subheading(title))
        rows = [_sentence(one) for one in some]
        nothing = markup.tag("p", markup.muted("None that your data supports."))
        parts.append(markup.tag("ul", *rows, cls="ct-ways") if rows else nothing)
    parts += [markup.subheading("All habits"), _table(found)]
    st.html(markup.page(*parts))
    with connection.read() as conn:
        dead, succeeded = (
            [one.text for one in prompt_texts(conn, dead=which, limit=_SAMPLES)]
            for which in (True, False)
        )
    if dead or succeeded:
        deepen.draw(about_habits(found, dead, succeeded), "habits")


def _facts(found: Habits) -> markup.Markup:
    newest = "newest prompts" if found.prompts >= NEWEST else "prompts, one a run"
    return markup.tag(
        "div",
        markup.facts(
            markup.fact(words.count(found.prompts), newest),
            markup.fact(
                words.count(found.dead),
                "came to a dead end",
                title="An error, a refusal, no tokens left, an interruption, or your verdict.",
            ),
            markup.fact(words.count(found.independent), "count: one per session, text and result"),
        ),
        markup.tag(
            "p",
            markup.muted(
                "Shares of prompts with the habit among runs that came to a dead end and among "
                "those that succeeded. Interval: Newcombe; test: Fisher, two-sided; corrected over "
                "all habits (Benjamini and Hochberg, 5 %). Association is not causation."
            ),
        ),
    )


def _sentence(one: Compared) -> markup.Markup:
    odd = one.habit.good is (one.difference > 0)
    doubt = " Against expectation: it may come with harder tasks." if odd else ""
    verb = one.habit.words[:1].upper() + one.habit.words[1:]
    return markup.tag(
        "li", markup.tag("b", verb), f": {compared_words(one)}.{doubt} Runs: ", *_examples(one)
    )


def _examples(one: Compared) -> list[markup.Markup]:
    links = []
    for ids, word in ((one.examples_dead, "dead ends"), (one.examples_succeeded, "successes")):
        numbered = [markup.link(at, trace_url(trace_id)) for at, trace_id in enumerate(ids, 1)]
        if numbered:
            links.append(markup.join([word, *numbered], " "))
    return [markup.tag("span", markup.join(links, ", "), cls="ct-small ct-examples")]


def _table(found: Habits) -> markup.Markup:
    """Habits that some prompt has; the others are only named."""
    seen = [one for one in found.compared if one.dead_with or one.succeeded_with]
    unseen = [one.habit.words for one in found.compared if one not in seen]
    parts = [markup.rows([_row(one) for one in seen], _TITLES)] if seen else []
    if unseen:
        parts.append(
            markup.muted("No prompt that counts does any of these: ", ", ".join(unseen), ".")
        )
    return markup.join(parts)


def _row(one: Compared) -> list[object]:
    cells: list[object] = [one.habit.words]
    for with_it, of, rate in (
        (one.dead_with, one.dead, one.rate_dead),
        (one.succeeded_with, one.succeeded, one.rate_succeeded),
    ):
        counts = markup.muted(f" {with_it:,}/{of:,}")
        cells.append(markup.tag("span", words.share(round(rate, 2)) if of else "–", counts))
    if one.enough:
        low, high = map(words.points, one.interval)
        verdict = "" if one.significant else " · no evidence"
        said = f"{words.points(one.difference)} ({low} to {high}){verdict}"
        cells.append(
            markup.tag(
                "span",
                markup.difference_bar(one.difference, *one.interval, strong=one.significant),
                markup.tag("span", said, cls="ct-small"),
            )
        )
    else:
        cells.append(markup.muted("not enough data"))
    return [*cells, *_examples(one)]
