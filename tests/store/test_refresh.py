"""Taking in all that was recorded, before a question is answered."""

from __future__ import annotations

from itertools import count

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store import Store, queries
from clustertrace.store.settling import traits
from clustertrace.store.writing import news


def run(number: int) -> Span:
    """A run of one step."""
    return Span(f"{number:032x}", f"{number:016x}", None, "agent", "agent", "ok", 1, 2)


def test_it_ends_while_others_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes all the time does not keep a command from answering."""
    store.write(Batch([run(1)], []))
    numbers = count(2)

    def written_to(step: str) -> None:
        original = getattr(Store, step)

        def step_while_others_write(self: Store, **options: object) -> int:
            self.write(Batch([run(next(numbers))], []))
            done = original(self, **options)
            return int(done) or 1

        monkeypatch.setattr(Store, step, step_while_others_write)

    for step in ("settle", "index_text", "note_traits", "note_prompts"):
        written_to(step)
    store.refresh()
    with store.read() as conn:
        assert queries.overview(conn).traces >= 1
    assert next(numbers) < 1_000


def test_it_takes_in_more_than_a_slice(store: Store) -> None:
    """Nobody writes: all is there afterwards, however much it was."""
    store.write(Batch([run(number) for number in range(1, 1_001)], []))
    store.refresh()
    with store.read() as conn:
        assert queries.overview(conn).traces == 1_000
        backlog = queries.backlog(conn, 10**18)
    assert (backlog.settling_ns, backlog.unindexed) == (0, 0)


def test_it_takes_in_all_runs_however_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice is never full where its runs have many spans; still, none is left."""
    monkeypatch.setattr(traits, "_SPAN_LIMIT", 1)
    store.write(Batch([run(number) for number in range(1, 101)], []))
    store.refresh()
    with store.read() as conn:
        assert queries.runs_noted(conn) == 100


def test_it_ends_where_others_do_what_was_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver may settle all of it meanwhile; what others add all the time is not waited for."""
    waiting, slices = iter([1_000_000]), iter([1] * 100)
    monkeypatch.setattr(news, "count", lambda _: next(waiting, 2))
    monkeypatch.setattr(store, "settle", lambda **_: next(slices))
    store.refresh()
    assert sum(slices) > 0
