"""Why a pattern fails: how failed runs differ, where they broke, where paths branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.clusters import path_tree
from clustertrace.app.guard import guarded
from clustertrace.app.links import trace_url
from clustertrace.patterns import why_words
from clustertrace.patterns.divergence import Divergence, Node, divergence
from clustertrace.patterns.statistics import wilson
from clustertrace.patterns.suspects import Reason, Suspect
from clustertrace.patterns.why import Difference, Why
from clustertrace.store import queries
from clustertrace.store.answers import Cluster

__all__ = ["draw", "suspect"]

_SAMPLES: Final = 3
"""How many failed runs have their suspicious steps shown."""

Samples = Sequence[tuple[str, Sequence[Suspect]]]


@st.cache_data(
    show_spinner="Comparing failed runs with those that did not fail…", max_entries=32, ttl=300
)
def _read_explanation(
    path: str, pattern: str, runs: int, failed: int
) -> tuple[Why, Node, Divergence | None, Samples]:
    """Cached by the arguments, which stand for the state of the pattern."""
    with connection.read() as conn:
        cluster = queries.cluster(conn, pattern)
        root = queries.paths(conn, cluster)
        newest = queries.failed_runs(conn, pattern, _SAMPLES)
        traces = [queries.trace(conn, row.trace_id) for row in newest]
        samples = [(trace.trace_id, queries.suspects_of(conn, trace)) for trace in traces]
        return queries.why(conn, cluster), root, divergence(root, cluster.steps), samples


@guarded
def draw(cluster: Cluster) -> None:
    """Draw the explanation; a pattern that never failed needs none."""
    if not cluster.failed:
        return
    path = connection.place()
    why, root, branch, samples = _read_explanation(path, cluster.id, cluster.count, cluster.failed)
    with st.expander("Why it fails", expanded=True):
        st.html(markup.page(_why_markup(why)))
    if any(suspects for _, suspects in samples):
        with st.expander("Where its newest failed runs may have broken", expanded=True):
            st.html(markup.page(*_samples_markup(samples)))
    if root.runs > cluster.count:
        with st.expander("Where the paths of this agent part", expanded=True):
            sentence = (
                why_words.divergence_words(branch)
                if branch is not None
                else "No branch of the paths fails significantly more often than the others."
            )
            st.html(
                markup.page(
                    markup.tag("p", *markup.coded(sentence)),
                    path_tree.tree(root, branch, cluster.steps),
                )
            )


def _why_markup(why: Why) -> markup.Markup:
    parts = []
    if broke_sentence := why_words.broke_words(why):
        parts.append(markup.tag("p", *markup.coded(broke_sentence)))
    if why.differences:
        rows = [_difference_markup(difference) for difference in why.differences]
        parts.append(markup.tag("div", *rows, cls="ct-rules"))
        parts.append(markup.tag("p", markup.muted(why_words.compared_words(why))))
    else:
        parts.append(markup.tag("p", why_words.nothing_words(why)))
    return markup.join(parts)


def _difference_markup(difference: Difference) -> markup.Markup:
    rate = difference.failed / difference.all_failed
    examples = [
        markup.link(f"run {number}", trace_url(run_id))
        for number, run_id in enumerate(difference.evidence[:3], 1)
    ]
    counterexamples = [
        markup.link("one without it that did not fail", trace_url(run_id))
        for run_id in difference.contrast[:1]
    ]
    return markup.tag(
        "div",
        markup.tag("div", markup.rate_bar(rate, *wilson(difference.failed, difference.all_failed))),
        markup.tag(
            "div",
            markup.tag(
                "div", *markup.coded(why_words.difference_words(difference)), cls="ct-rule-words"
            ),
            markup.muted(
                f"p {words.chance(difference.p)}, q {words.chance(difference.q)} · ",
                markup.join([*examples, *counterexamples], " · "),
            ),
        ),
        cls="ct-rule",
    )


def _samples_markup(samples: Samples) -> list[markup.Markup]:
    blocks = []
    for trace_id, suspects in samples:
        rows = [suspect(trace_id, step) for step in suspects]
        head = markup.link(f"run {trace_id[:8]}", trace_url(trace_id))
        nothing = markup.muted("nothing stands out in this run")
        blocks.append(
            markup.tag("div", markup.tag("b", head), *(rows or [nothing]), cls="ct-suspects")
        )
    return blocks


def suspect(trace_id: str, step: Suspect) -> markup.Markup:
    """A line with a suspicious step and its reasons."""
    reasons = markup.join([_reason(reason) for reason in step.reasons], "; ")
    return markup.tag(
        "div",
        markup.muted(f"step {step.place} "),
        markup.link(step.step, trace_url(trace_id, step.span_id), cls="ct-more"),
        " ",
        reasons,
        cls="ct-suspect",
    )


def _reason(reason: Reason) -> markup.Markup:
    """A reason in words; the id of a run that it compares with is a link to the run."""
    if reason.trace_id is None:
        return markup.join(markup.coded(reason.words))
    run_id = reason.trace_id[:8]
    before, found, after = reason.words.partition(run_id)
    link = markup.link(run_id, trace_url(reason.trace_id)) if found else ""
    return markup.join([*markup.coded(before), link, *markup.coded(after)])
