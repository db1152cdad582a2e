"""Review: the last seven days, or any other week."""

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
    week_start = first_weekday(os.environ, load().week_starts)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        links = st.container()
        week = st.text_input(
            "Week", key="week", bind="query-params", placeholder="2025-W47 or 2025-11-20", width=220
        )
    try:
        days = _requested_days(week.strip(), week_start)
    except UsageError as error:
        links.html(markup.page(_week_links(_requested_days("", week_start), week_start)))
        st.html(markup.notice(str(error)))
        return
    links.html(markup.page(_week_links(days, week_start)))
    with connection.read() as conn:
        review = queries.review(conn, days, week_start)
    if review.newest_ns is None:
        st.html(empty.ways_in("There are no traces yet; a week of them will be reviewed here."))
        return
    st.html(markup.page(markup.heading(sections.headline(review)), *_facts(review)))
    for section in sections.week_sections(review):
        st.html(week_sections.section(section))
    commitment.draw(review)


def _requested_days(week: str, week_start: int) -> Window:
    zone = words.zone(st.context.timezone)
    if not week:
        return last_seven_days(time.time_ns(), zone)
    return window(week_asked_for(week, week_start), zone)


def _week_links(shown: Window, week_start: int) -> markup.Markup:
    """Links to other weeks; after the last seven days there is none."""
    week = week_of(shown.first, week_start)
    newest = last_seven_days(time.time_ns(), shown.zone)
    previous = week - timedelta(days=7) if week == shown.first else week
    links = [markup.link(f"‹ {dates(window(previous, shown.zone))}", review_url(str(previous)))]
    if shown != newest:
        links.append(markup.link("Last seven days", review_url()))
        following = shown.first + timedelta(days=7)
        if following <= newest.last:
            links.append(
                markup.link(f"{dates(window(following, shown.zone))} ›", review_url(str(following)))
            )
    return markup.facts(*links)


def _facts(review: Review) -> list[markup.Markup]:
    if review.total.ended:
        return [markup.facts(*map(week_sections.fact, sections.facts(review)))]
    link = sections.another_week(review)
    return [markup.link(link.text, link.href)] if link else []
