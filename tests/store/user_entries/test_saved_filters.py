"""Filters that are kept by name."""

from __future__ import annotations

import pytest

from clustertrace.errors import UsageError
from clustertrace.filters import FilterError
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.user_entries import saved_filters


def saved(store: Store) -> dict[str, str]:
    """All that are kept."""
    with store.read() as conn:
        return queries.saved_filters(conn)


def test_a_filter_is_kept_replaced_and_forgotten(store: Store) -> None:
    """A filter is saved, replaced and deleted by its name, in which many spaces are one."""
    saved_filters.save(store, "  dear   runs ", "cost>1")
    saved_filters.save(store, "bad", "failed:yes")
    saved_filters.save(store, "dear runs", "cost>2")
    assert list(saved(store).items()) == [("bad", "failed:yes"), ("dear runs", "cost>2")]
    saved_filters.delete(store, "bad")
    saved_filters.delete(store, "never there")
    assert saved(store) == {"dear runs": "cost>2"}


def test_what_makes_no_sense_is_not_kept(store: Store) -> None:
    """A name is needed, and a filter that can be read."""
    with pytest.raises(UsageError, match="a name"):
        saved_filters.save(store, "  ", "cost>1")
    with pytest.raises(UsageError, match="a name"):
        saved_filters.save(store, "x" * 61, "cost>1")
    with pytest.raises(FilterError):
        saved_filters.save(store, "x", "cost>")
    assert saved(store) == {}
