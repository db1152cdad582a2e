"""The script that Streamlit runs for every page: shell, navigation, then the page."""

from __future__ import annotations

from clustertrace.app.shell import run

run()
