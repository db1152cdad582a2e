"""Long lists in pages: which one is asked for, and how many there are."""

from __future__ import annotations

import math

import streamlit as st

__all__ = ["page_count", "requested_page"]


def requested_page() -> int:
    """The requested page: from its widget, which is drawn later, or from the address."""
    number = str(st.session_state.get("page") or st.query_params.get("page", ""))
    # Nine digits exceed every list; many more are too long for SQLite and for int().
    return max(1, int(number[:9])) if number.isdecimal() else 1


def page_count(entries: int, size: int) -> int:
    """How many pages of `size` entries a list takes; 0 without entries."""
    return math.ceil(entries / size)
