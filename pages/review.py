"""Review: the last seven days, or any other week."""

from __future__ import annotations

import os
import time

import streamlit as st

from clustertrace.app import connection, empty, markup, words
from clustertrace.app.links import review_url
from clustertrace.app.reviewing import commitment, week_sections
from clustertrace.errors import UsageError
from clustertrace.review import sections
from clustertrace.review.layout import dates
from clustertrace.review.record import Review
from clustertrace.review.week_starts import first_weekday
from clustertrace.review.weeks import (
    Window,
    before,
    days_asked_for,
    last_seven_days,
    week_of,
)
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
    return days_asked_for(week, week_start, zone)


def _week_links(shown: Window, week_start: int) -> markup.Markup:
    """Links to the seven days before and after; after the last seven days there are none."""
    newest = last_seven_days(time.time_ns(), shown.zone)
    previous, following = before(shown), before(shown, -1)
    links = [markup.link(f"‹ {dates(previous)}", _days_url(previous, week_start))]
    if shown != newest:
        links.append(markup.link("Last seven days", review_url()))
        if following.first <= newest.last and following != newest:
            links.append(markup.link(f"{dates(following)} ›", _days_url(following, week_start)))
    return markup.facts(*links)


def _days_url(days: Window, week_start: int) -> str:
    is_week = week_of(days.first, week_start) == days.first
    return review_url(str(days.first) if is_week else f"{days.first}/{days.last}")


def _facts(review: Review) -> list[markup.Markup]:
    if review.total.ended:
        return [markup.facts(*map(week_sections.fact, sections.facts(review)))]
    link = sections.another_week(review)
    return [markup.link(link.text, link.href)] if link else []
