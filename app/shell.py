"""The frame of every page: navigation, style, links between pages."""

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
    """A file of pages/: its address, its title, and whether the navigation shows it."""

    module: str
    path: str
    title: str
    shown: bool = True
    filtered: bool = False
    """Whether it has a filter bar, and keeps the filter when coming from another page."""
    exported: bool = False
    """Whether it lists the matching traces, which can be downloaded as a file."""


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
"""Every page; the first is Streamlit's default page, which is always at the root."""


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
    """Draw what is above a page and outside it, so that it persists when the page changes."""
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
    """The function that draws a page; its module is imported when it is first shown."""

    @guarded
    def draw() -> None:
        import_module(f"clustertrace.pages.{module}").draw()

    return draw
