"""What the writer does between requests."""

from __future__ import annotations

from typing import Any

from clustertrace.ingest.chores import Chores


def test_chores_say_how_long_they_are_behind(fake_store: Any) -> None:
    """Chores say for how long there has been something to do; a round without any ends that."""
    now = [100.0]
    chores = Chores(fake_store, clock=lambda: now[0])
    now[0] += 3
    assert chores.behind_seconds == 3
    for chore in ("drain", "settle", "index", "note", "prompts", "tidy"):
        assert not chores.done
        chores.slice()
        assert fake_store.calls[-1] == chore
    assert chores.done
    assert chores.behind_seconds == 0
    now[0] += 10
    chores.again()
    now[0] += 1
    chores.again()
    assert chores.behind_seconds == 1
