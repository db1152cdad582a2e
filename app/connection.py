"""The database behind the pages, opened once a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from clustertrace.store.store import Store, database_path

if TYPE_CHECKING:
    from clustertrace.store.connection import Connection

__all__ = ["path", "read", "store"]


@st.cache_resource(show_spinner="Opening the database…", on_release=Store.close)
def _store(path: str) -> Store:
    return Store.open(path)


def path() -> Path:
    """The file of the database. Raises BadSetting."""
    return database_path()


def store() -> Store:
    """The database of CLUSTERTRACE_DB, for what the user says on a page.

    Raises StoreError, StoreCorrupt, StoreTooNew or BadSetting.
    """
    return _store(str(path()))


@contextmanager
def read() -> Iterator[Connection]:
    """A connection for clustertrace.store.queries, on the database of CLUSTERTRACE_DB.

    Raises StoreError, StoreCorrupt, StoreTooNew or BadSetting.
    """
    with store().read() as conn:
        yield conn
