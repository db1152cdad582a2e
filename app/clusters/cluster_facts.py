"""The line of small facts above the patterns; each number links to what it counts."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.links import traces_url, url
from clustertrace.model import REPLAY_OF
from clustertrace.patterns.statistics import wilson
from clustertrace.store.answers import ClusterPage, Overview
from clustertrace.store.queries.picking import NEWEST

__all__ = ["all_facts", "filtered_facts"]

_UNFINISHED: Final = "finished:no"
_NO_REPLAYS: Final = f"not tag.{REPLAY_OF}:*"
"""The list of all traces includes replays, which no number counts."""


def all_facts(totals: Overview) -> markup.Markup:
    """Facts about the whole database: runs, failures and their basis, patterns, cost, window."""
    zone = words.zone(st.context.timezone)
    rate = wilson(totals.failed, totals.finished)
    parts = [
        markup.number(totals.traces, "run", href=traces_url(_NO_REPLAYS if totals.replays else "")),
        markup.fact(
            f"{words.count(totals.failed)} failed",
            f"({words.share(totals.failed / max(1, totals.finished))}, 95 % interval "
            f"{words.interval(rate)})",
            href=traces_url("failed:yes"),
        ),
    ]
    if totals.failed:
        parts += [
            markup.fact(
                words.count(totals.failed_by_outcome),
                "by a recorded outcome",
                href=traces_url("failed:yes outcome:fail") if totals.failed_by_outcome else "",
            ),
            markup.fact(
                words.count(totals.failed_by_status),
                "by an error of the root span",
                href=traces_url("failed:yes outcome:none") if totals.failed_by_status else "",
            ),
        ]
    unfinished = (
        (totals.running, "running", "status:running"),
        (totals.incomplete, "incomplete", "not status:running"),
    )
    parts += [
        markup.fact(words.count(number), label, href=traces_url(_UNFINISHED, condition))
        for number, label, condition in unfinished
        if number
    ]
    parts.append(markup.number(totals.variants, "pattern"))
    parts.append(
        markup.spent(
            totals.cost_usd,
            totals.unpriced_calls,
            title=f"{words.count(totals.unpriced_calls)} model calls have no known cost"
            if totals.unpriced_calls
            else None,
        )
    )
    if totals.first_ns is not None and totals.last_ns is not None:
        now = time.time_ns()
        window = [words.moment(ns, zone, now) for ns in (totals.first_ns, totals.last_ns)]
        parts.append(markup.fact(" – ".join(window), "window"))
    return markup.facts(*parts)


def filtered_facts(page: ClusterPage, filter_text: str) -> markup.Markup:
    """Facts about the runs that match a filter."""
    all_runs = markup.link("Show all runs", url("clusters"), cls="ct-more")
    if not page.traces:
        return markup.facts(all_runs)
    rate = wilson(page.failed, page.traces)
    parts = [
        markup.fact(
            words.count(page.traces),
            "finished runs match",
            href=traces_url(filter_text, "finished:yes"),
        ),
        markup.fact(
            f"{words.count(page.failed)} failed",
            f"({words.share(page.failed / max(1, page.traces))}, 95 % interval "
            f"{words.interval(rate)})",
            href=traces_url(filter_text, "failed:yes"),
        ),
        markup.number(page.total, "pattern"),
    ]
    if page.traces >= NEWEST:
        parts.append(markup.muted(f"the newest {words.count(NEWEST)} are counted"))
    return markup.facts(*parts, all_runs)
