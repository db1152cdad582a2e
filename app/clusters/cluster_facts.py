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
    unpriced = words.count(totals.unpriced_calls) if totals.unpriced_calls else None
    return markup.facts(
        markup.number(totals.traces, "run", href=traces_url(_NO_REPLAYS if totals.replays else "")),
        _failed_fact(totals.failed, totals.finished, traces_url("failed:yes")),
        *_basis_facts(totals),
        *_unfinished_facts(totals),
        markup.number(totals.variants, "pattern"),
        markup.spent(
            totals.cost_usd,
            totals.unpriced_calls,
            title=unpriced and f"{unpriced} model calls have no known cost",
        ),
        *_window_facts(totals),
    )


def _failed_fact(failed: int, finished: int, href: str) -> markup.Markup:
    interval = words.interval(wilson(failed, finished))
    return markup.fact(
        f"{words.count(failed)} failed",
        f"({words.share(failed / max(1, finished))}, 95 % interval {interval})",
        href=href,
    )


def _basis_facts(totals: Overview) -> list[markup.Markup]:
    """What its failures rest on."""
    if not totals.failed:
        return []
    bases = (
        (totals.failed_by_outcome, "by a recorded outcome", "failed:yes outcome:fail"),
        (totals.failed_by_status, "by an error of the root span", "failed:yes outcome:none"),
    )
    return [
        markup.fact(words.count(number), label, href=traces_url(condition) if number else "")
        for number, label, condition in bases
    ]


def _unfinished_facts(totals: Overview) -> list[markup.Markup]:
    unfinished = (
        (totals.running, "running", "status:running"),
        (totals.incomplete, "incomplete", "not status:running"),
    )
    return [
        markup.fact(words.count(number), label, href=traces_url(_UNFINISHED, condition))
        for number, label, condition in unfinished
        if number
    ]


def _window_facts(totals: Overview) -> list[markup.Markup]:
    if totals.first_ns is None or totals.last_ns is None:
        return []
    zone, now_ns = words.zone(st.context.timezone), time.time_ns()
    window = [words.moment(ns, zone, now_ns) for ns in (totals.first_ns, totals.last_ns)]
    return [markup.fact(" – ".join(window), "window")]


def filtered_facts(page: ClusterPage, filter_text: str) -> markup.Markup:
    """Facts about the runs that match a filter."""
    all_runs = markup.link("Show all runs", url("clusters"), cls="ct-more")
    if not page.traces:
        return markup.facts(all_runs)
    parts = [
        markup.fact(
            words.count(page.traces),
            "finished runs match",
            href=traces_url(filter_text, "finished:yes"),
        ),
        _failed_fact(page.failed, page.traces, traces_url(filter_text, "failed:yes")),
        markup.number(page.total, "pattern"),
    ]
    if page.traces >= NEWEST:
        parts.append(markup.muted(f"the newest {words.count(NEWEST)} are counted"))
    return markup.facts(*parts, all_runs)
