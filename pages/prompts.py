"""Prompts: which habits go along with dead ends, a draft reviewed, templates."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import markup
from clustertrace.app.prompting import critique, habits, template_rows
from clustertrace.prompts.habit_words import habit_headline

__all__ = ["draw"]

_TABS: Final = ("Patterns from your data", "Critique a draft", "Templates")
_KEY: Final = "tab"


def draw() -> None:
    """Draw the page; only the tab that is open costs anything."""
    user_habits = habits.known()
    st.html(markup.page(markup.heading(habit_headline(user_habits))))
    patterns, draft, templates = st.tabs(_TABS, key=_KEY, bind="query-params")
    if patterns.open:
        with patterns:
            habits.draw(user_habits)
    if draft.open:
        with draft:
            critique.draw(user_habits)
    if templates.open:
        with templates:
            template_rows.draw(_KEY, _TABS[1])
