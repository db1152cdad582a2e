"""Failure rules are learned beside the pages: none waits for them longer than a moment."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from clustertrace.app.clusters import rules
from clustertrace.store import queries
from clustertrace.store.store import Store
from tests.pages.conftest import facts_with, run


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Learning waits for this event."""
    learned, go = queries.learned, Event()

    def waiting(*given: Any) -> Any:
        assert go.wait(30)
        return learned(*given)

    monkeypatch.setattr(queries, "learned", waiting)
    monkeypatch.setattr(rules, "_WAIT_SECONDS", 0.01)
    return go


def look(learner: Any, store: Store) -> Any:
    """Look as a page does."""
    with store.read() as conn:
        totals = queries.overview(conn)
    return learner.latest(store, None, totals, 0)


def finish(learner: Any) -> None:
    """Wait for what is being learned, if anything still is."""
    if learner._work is not None:
        learner._work.result(30)


def test_a_page_does_not_wait_for_rules_that_take_long(store: Store, slow: Event) -> None:
    """Slow rules are left to a later look, and mined once for all who looked meanwhile."""
    store.write(run(1, "search", facts=facts_with(outcome="fail")))
    store.refresh()
    learner = rules._Learner()
    assert [look(learner, store) for _ in range(2)] == [(None, False)] * 2
    slow.set()
    finish(learner)
    latest, changed = look(learner, store)
    assert (latest.learned.mined.runs, changed) == (1, False)


def test_news_is_learned_while_the_last_rules_are_shown(
    store: Store, slow: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learned stays, and the page knows that more has come since."""
    monkeypatch.setattr(rules, "_REST_FACTOR", 0)
    slow.set()
    store.write(run(1, "search", facts=facts_with(outcome="fail")))
    store.refresh()
    learner = rules._Learner()
    look(learner, store)
    finish(learner)
    look(learner, store)
    slow.clear()
    store.write(run(2, "search"))
    store.refresh()
    latest, changed = look(learner, store)
    assert (latest.learned.mined.runs, changed) == (1, True)
    slow.set()
    finish(learner)
    latest, changed = look(learner, store)
    assert (latest.learned.mined.runs, changed) == (2, False)
