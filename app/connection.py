"""The database behind the pages, opened once per process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from clustertrace.store.place import place_of
from clustertrace.store.store import Store

if TYPE_CHECKING:
    from clustertrace.store.connection import Connection

__all__ = ["place", "read", "store"]


@st.cache_resource(show_spinner="Opening the database…", on_release=Store.close)
def _store(place: str) -> Store:
    return Store.open(place)


def place() -> str:
    """The path or URL of the database, as in CLUSTERTRACE_DB. Raises BadSetting."""
    return place_of().text


def store() -> Store:
    """The database of CLUSTERTRACE_DB, for storing what the user enters on a page.

    Raises StoreError, StoreCorrupt, StoreTooNew or BadSetting.
    """
    return _store(place())


@contextmanager
def read() -> Iterator[Connection]:
    """A connection for clustertrace.store.queries, on the database of CLUSTERTRACE_DB.

    Raises StoreError, StoreCorrupt, StoreTooNew or BadSetting.
    """
    with store().read() as conn:
        yield conn
