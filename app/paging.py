"""Which page of a long list is shown."""

from __future__ import annotations

import streamlit as st

__all__ = ["asked_page"]


def asked_page() -> int:
    """The page that is asked for: by its widget, which is drawn later, or by the address."""
    asked = str(st.session_state.get("page") or st.query_params.get("page", ""))
    # Nine digits exceed every list; many more are too long for SQLite and for int().
    return max(1, int(asked[:9])) if asked.isdecimal() else 1
