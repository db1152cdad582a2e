"""Patterns on screen: the bar of failures, and one row per pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from clustertrace.app import markup, words
from clustertrace.app.clusters import judging
from clustertrace.app.links import pattern_url, trace_url, traces_url
from clustertrace.filters import condition, of_patterns
from clustertrace.model import NS_PER_DAY
from clustertrace.store.answers import Cluster, ClusterPage, Overview, Step
from clustertrace.telling.plain import NO_NAME

__all__ = [
    "RowContext",
    "cells",
    "failure_bar",
    "head",
    "row",
    "spark",
    "table",
    "who_says",
]

_SEGMENTS: Final = 8
_COLUMNS: Final = 24
_TALL_COLUMNS: Final = 90
"""Columns of a sparkline; over a longer time each covers several days."""


def _steps_text(steps: Sequence[Step], limit: int = 6) -> str:
    """Steps as plain text, for places that can't hold chips."""
    shown = [
        f"{words.in_line('/'.join(step.labels))} {words.times(step.count)}".rstrip()
        for step in steps[:limit]
    ]
    return " → ".join(shown + ["…"] * (len(steps) > limit)) or "no steps"


def failure_bar(page: ClusterPage, filter_text: str) -> markup.Markup:
    """All failures in one bar, split by pattern, with the rest and the expected ones at its end.

    `filter_text` is the filter of the page, which the link to the rest keeps.
    """
    failing = [
        cluster for cluster in page.clusters if cluster.failed and not cluster.annotation.expected
    ]
    # A single failure is no pattern: a segment of its own would say no more than the rest.
    named = [cluster for cluster in failing[:_SEGMENTS] if cluster.failed > 1]
    parts = [
        markup.Segment(
            cluster.failed,
            f"{cluster.failed} · {words.in_line(cluster.name)}: {_steps_text(cluster.steps)}",
            f"{cluster.failed} of {page.failed} failures ({words.share(cluster.share_of_failures)})"
            f" · {words.in_line(cluster.name)}: {_steps_text(cluster.steps, 20)}",
            pattern_url(cluster.id),
        )
        for cluster in named
    ]
    rest = page.failed - page.expected - sum(cluster.failed for cluster in named)
    unexpected = ["expected:no"] if page.expected else []
    if rest:
        label = f"{rest} in other patterns" if named else f"{rest}, no two in one pattern"
        named_patterns = of_patterns([cluster.id for cluster in named])
        exclusion = [f"not ({named_patterns})"] if named_patterns else []
        href = traces_url(filter_text, "failed:yes", *unexpected, *exclusion)
        parts.append(markup.Segment(rest, label, label, href, is_rest=True))
    if page.expected:
        label = f"{page.expected} expected"
        href = traces_url(filter_text, "failed:yes", "expected:yes")
        parts.append(markup.Segment(page.expected, label, label, href, is_rest=True))
    return markup.segments(parts)


class RowContext(NamedTuple):
    """What every row of a page needs besides its pattern."""

    totals: Overview
    zone: tzinfo
    now_ns: int
    filter_text: str = ""
    """The filter of the page, which decides which runs are counted."""


def table(clusters: Sequence[Cluster], context: RowContext) -> markup.Markup:
    """A header and one row per pattern; the whole row links to the pattern."""
    return markup.tag(
        "div", head(context), *(row(cluster, context) for cluster in clusters), cls="ct-patterns"
    )


def head(context: RowContext) -> markup.Markup:
    """The header of a table of patterns.

    Durations of all runs are estimated from a histogram, those of a filter's runs are exact.
    """
    durations = "p50 · p95" if context.filter_text else "≈ p50 · p95"
    return markup.tag(
        "div",
        *(
            markup.tag("span", text, cls=cls)
            for text, cls in (
                ("Failed of runs", ""),
                ("Steps", ""),
                (durations, "ct-right"),
                ("Cost", "ct-right"),
                ("Runs by day", ""),
                ("Seen", "ct-right"),
            )
        ),
        cls="ct-row ct-head",
    )


def row(cluster: Cluster, context: RowContext, *, member: bool = False) -> markup.Markup:
    """The row of a pattern; a `member` stands below its family."""
    root_name = markup.tag("span", cluster.name or NO_NAME, cls="ct-root")
    name = markup.muted(f"pattern {cluster.id[:6]}") if member else root_name
    sample = markup.link(
        "open a failed run" if cluster.failed else "open a run",
        trace_url(cluster.sample_trace_id),
        cls="ct-muted ct-small ct-onhover",
    )
    return cells(
        cluster,
        context,
        markup.tag("div", name, judging.marks(cluster), sample),
        cover=pattern_url(cluster.id),
        label="Pattern",
        runs=(condition("pattern", cluster.id), context.filter_text),
        cls="ct-row ct-member" if member else "ct-row",
    )


def cells(
    cluster: Cluster,
    context: RowContext,
    name: markup.Markup,
    *,
    cover: str,
    label: str,
    runs: Sequence[str],
    cls: str,
) -> markup.Markup:
    """A row of the table, with `name` above its steps.

    The row links to `cover`, its numbers to the traces that match the conditions `runs`. `label`
    says what the row is; who can't see it hears the agent and the steps behind that.
    """
    spoken = f"{label} {words.in_line(cluster.name)}: {_steps_text(cluster.steps)}"
    return markup.tag(
        "div",
        markup.tag("a", href=cover, target="_self", cls="ct-cover", aria_label=spoken),
        markup.tag("div", _rate_cell(cluster, runs)),
        markup.tag("div", name, markup.chips(cluster.steps)),
        markup.tag(
            "div",
            words.duration(cluster.p50_ns),
            markup.tag("br"),
            markup.muted(words.duration(cluster.p95_ns)),
            cls="ct-right",
        ),
        markup.tag("div", _cost_cell(cluster), cls="ct-right ct-nowrap"),
        markup.tag("div", spark(cluster, context.totals)),
        markup.tag(
            "div",
            markup.tag(
                "span", words.moment(cluster.last_ns, context.zone, context.now_ns), title="last"
            ),
            markup.tag("br"),
            markup.muted("since ", words.moment(cluster.first_ns, context.zone, context.now_ns)),
            cls="ct-right ct-small",
        ),
        cls=cls,
    )


def _rate_cell(cluster: Cluster, runs: Sequence[str]) -> markup.Markup:
    low, high = cluster.interval
    numbers = [
        markup.link(
            cluster.failed,
            traces_url(*runs, "failed:yes"),
            cls="ct-failed" if cluster.failed else "",
        ),
        " of ",
        markup.link(cluster.count, traces_url(*runs, "finished:yes")),
        " ",
        markup.muted(markup.unbroken(words.share(round(cluster.failure_rate, 2)))),
    ]
    basis = markup.tag("span", markup.muted(who_says(cluster)), cls="ct-small")
    return markup.join([*numbers, markup.rate_bar(cluster.failure_rate, low, high), basis])


def who_says(cluster: Cluster) -> str:
    """What its failures rest on: recorded outcomes, or only errors of the root span."""
    by_error = cluster.failed - cluster.failed_by_outcome
    if not cluster.failed:
        return ""
    if not by_error:
        return "by outcome"
    if not cluster.failed_by_outcome:
        return "by error"
    return f"{cluster.failed_by_outcome} by outcome, {by_error} by error"


def _cost_cell(cluster: Cluster) -> markup.Markup:
    return markup.join(
        [
            words.cost(cluster.cost_usd, cluster.unpriced_calls),
            markup.tag("br"),
            markup.muted(f"{words.money(cluster.cost_each_usd)} each" if cluster.cost_usd else ""),
        ]
    )


def spark(cluster: Cluster, totals: Overview, *, tall: bool = False) -> markup.Markup:
    """Runs over time; all patterns share their columns, so that rows can be compared."""
    first, last = (totals.first_ns or 0) // NS_PER_DAY, (totals.last_ns or 0) // NS_PER_DAY
    width = max(1, math.ceil((last - first + 1) / (_TALL_COLUMNS if tall else _COLUMNS)))
    columns = [[0, 0] for _ in range((last - first) // width + 1)]
    for day in cluster.days:
        index = min(len(columns) - 1, max(0, (day.day - first) // width))
        columns[index][0] += day.count
        columns[index][1] += day.failed
    return markup.sparkline(
        [
            markup.Column(
                runs, failed, f"{_day_text(first + index * width)}: {failed} of {runs} failed"
            )
            for index, (runs, failed) in enumerate(columns)
        ],
        tall=tall,
    )


def _day_text(day: int) -> str:
    date = datetime.fromtimestamp(day * NS_PER_DAY / 1e9, UTC)
    return f"{date.day} {date:%b %Y}"
