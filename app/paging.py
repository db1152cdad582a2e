"""Which page of a long list is shown."""

from __future__ import annotations

import streamlit as st

__all__ = ["asked_page"]


def asked_page() -> int:
    """The page that is asked for: by its widget, which is drawn later, or by the address."""
    asked = str(st.session_state.get("page") or st.query_params.get("page", ""))
    return max(1, int(asked)) if asked.isdecimal() else 1
