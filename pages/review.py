"""Review: what the last seven days came to, or any other week."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import streamlit as st

from clustertrace.app import connection, empty, markup, words
from clustertrace.app.links import review_url
from clustertrace.app.reviewing import commitment, week_sections
from clustertrace.errors import UsageError
from clustertrace.review import sections
from clustertrace.review.layout import dates
from clustertrace.review.record import Review
from clustertrace.review.week_starts import first_weekday
from clustertrace.review.weeks import Window, last_seven_days, week_asked_for, week_of, window
from clustertrace.settings import load
from clustertrace.store import queries

__all__ = ["draw"]


def draw() -> None:
    """Draw the page of `?week=`."""
    starts = first_weekday(os.environ, load().week_starts)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ways = st.container()
        asked = st.text_input(
            "Week", key="week", bind="query-params", placeholder="2025-W47 or 2025-11-20", width=220
        )
    try:
        given = _asked_for(asked.strip(), starts)
    except UsageError as error:
        ways.html(markup.page(_ways(_asked_for("", starts), starts)))
        st.html(markup.notice(str(error)))
        return
    ways.html(markup.page(_ways(given, starts)))
    with connection.read() as conn:
        found = queries.review(conn, given, starts)
    if found.newest_ns is None:
        st.html(empty.ways_in("There are no traces yet; a week of them will be reviewed here."))
        return
    st.html(markup.page(markup.heading(sections.headline(found)), *_facts(found)))
    for one in sections.week_sections(found):
        st.html(week_sections.section(one))
    commitment.draw(found)


def _asked_for(week: str, starts: int) -> Window:
    zone = words.zone(st.context.timezone)
    if not week:
        return last_seven_days(time.time_ns(), zone)
    return window(week_asked_for(week, starts), zone)


def _ways(given: Window, starts: int) -> markup.Markup:
    """Links to other weeks; after the last seven days there is none."""
    week = week_of(given.first, starts)
    now = last_seven_days(time.time_ns(), given.zone)
    before = week - timedelta(days=7) if week == given.first else week
    links = [markup.link(f"‹ {dates(window(before, given.zone))}", review_url(str(before)))]
    if given != now:
        links.append(markup.link("Last seven days", review_url()))
        after = given.first + timedelta(days=7)
        if after <= now.last:
            links.append(
                markup.link(f"{dates(window(after, given.zone))} ›", review_url(str(after)))
            )
    return markup.facts(*links)


def _facts(found: Review) -> list[markup.Markup]:
    if found.total.ended:
        return [markup.facts(*map(week_sections.fact, sections.facts(found)))]
    other = sections.another_week(found)
    return [markup.link(other.text, other.href)] if other else []
