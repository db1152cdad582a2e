"""Around every page: navigation, style, links between pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import streamlit as st

from clustertrace.app.filter_bar import filters
from clustertrace.app.guard import guarded
from clustertrace.app.links import catch_clicks

__all__ = ["PAGES", "PageFile", "above", "run"]

_HERE: Final = Path(__file__).parent


class PageFile(NamedTuple):
    """One file of pages/: its address, its title, whether the navigation shows it."""

    module: str
    path: str
    title: str
    shown: bool = True
    filtered: bool = False
    """It has a filter bar, and the filter of another page comes along."""
    exported: bool = False
    """What the filter leaves is what the page lists, and can be taken away as a file."""


PAGES: Final = (
    PageFile("traces", "", "Traces", filtered=True, exported=True),
    PageFile("clusters", "clusters", "Clusters", filtered=True),
    PageFile("failures", "failures", "Failures", filtered=True),
    PageFile("sessions", "sessions", "Sessions"),
    PageFile("search", "search", "Search"),
    PageFile("metrics", "metrics", "Metrics", filtered=True),
    PageFile("prompts", "prompts", "Prompts"),
    PageFile("review", "review", "Review"),
    PageFile("compare", "compare", "Compare", shown=False),
    PageFile("pattern", "pattern", "Pattern", shown=False),
    PageFile("trace", "trace", "Trace", shown=False),
)
"""Every page; the first one stands at the root, because Streamlit's default page does."""


def run() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_icon=str(_HERE / "logo.svg"), layout="wide")
    st.logo(str(_HERE / "wordmark.svg"), size="medium")
    st.html(_HERE / "style.css")
    pages = {page.path: _streamlit_page(page) for page in PAGES}
    current = st.navigation(list(pages.values()), position="top")
    catch_clicks([f"/{page.path}" for page in PAGES if page.filtered])
    above(next(page for page in PAGES if pages[page.path] is current))
    current.run()


def above(page: PageFile) -> None:
    """What stands above a page, outside of it, so that it stays when the page changes."""
    if page.filtered:
        guarded(filters.bar)(export=page.exported)


def _streamlit_page(page: PageFile) -> Any:
    return st.Page(
        _drawing(page.module),
        title=page.title,
        url_path=page.path,
        default=not page.path,
        visibility="visible" if page.shown else "hidden",
    )


@cache
def _drawing(module: str) -> Callable[[], None]:
    """What draws a page; its module is loaded when it is first shown."""

    @guarded
    def draw() -> None:
        import_module(f"clustertrace.pages.{module}").draw()

    return draw
