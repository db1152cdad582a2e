"""The current page of a long list."""

from __future__ import annotations

import streamlit as st

__all__ = ["requested_page"]


def requested_page() -> int:
    """The requested page: from its widget, which is drawn later, or from the address."""
    number = str(st.session_state.get("page") or st.query_params.get("page", ""))
    # Nine digits exceed every list; many more are too long for SQLite and for int().
    return max(1, int(number[:9])) if number.isdecimal() else 1
