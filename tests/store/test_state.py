"""Numbers that the database remembers by name."""

from __future__ import annotations

from clustertrace.store import Store, state


def test_a_number_is_remembered_until_it_is_removed(store: Store) -> None:
    """A later number replaces an earlier one; a removed one is as if it had never been."""
    with store.writing() as conn:
        assert state.get(conn, "one") is None
        state.put(conn, "one", 1)
        state.put(conn, "one", 2)
        assert state.get(conn, "one") == 2
        state.remove(conn, "one")
        assert state.get(conn, "one") is None


def test_the_first_number_stays_if_asked_to(store: Store) -> None:
    """Where there is a number already, it is kept and answered."""
    with store.writing() as conn:
        assert state.put_if_missing(conn, "one", 1) == 1
        assert state.put_if_missing(conn, "one", 2) == 1


def test_numbers_add_up_from_nothing(store: Store) -> None:
    """Adding to a number that is not there yet begins at 0."""
    with store.writing() as conn:
        state.add(conn, "one", 2)
        state.add(conn, "one", 3)
        assert state.get(conn, "one") == 5
