"""What happens to a run that nothing can be made of, and to those beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from clustertrace.errors import StoreError
from clustertrace.model import Batch, Span
from clustertrace.store.settling import prompts, settle, traits
from clustertrace.store.store import Store

POISON = f"{2:032x}"


@pytest.fixture
def three_runs(store: Store, make_trace: Callable[..., list[Span]]) -> Store:
    """A store with three runs that nothing was made of yet."""
    for number in (1, 2, 3):
        store.write(Batch(make_trace(number, "search"), []))
    return store


def failing_for_one(work: Callable[..., Any], ids: Callable[..., Sequence[bytes]]) -> Any:
    """Make work fail half way wherever the second run is among its traces."""

    def fails(*arguments: Any, **more: Any) -> Any:
        made = work(*arguments, **more)
        if bytes.fromhex(POISON) in ids(*arguments):
            raise OverflowError("too large")
        return made

    return fails


def settled(store: Store) -> list[str]:
    with store.read() as conn:
        rows = conn.rows("SELECT trace_id FROM traces WHERE variant_id IS NOT NULL ORDER BY 1")
    return [row[0].hex() for row in rows]


def test_others_are_settled(
    three_runs: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run that can't be summed up is named in the log, and is counted nowhere."""
    work = failing_for_one(settle.settle_traces, lambda _, ids: ids)
    monkeypatch.setattr(settle, "settle_traces", work)
    assert three_runs.settle(everything=True) == 3
    assert three_runs.settle(everything=True) == 0
    assert settled(three_runs) == [f"{1:032x}", f"{3:032x}"]
    assert POISON in caplog.text
    assert "too large" in caplog.text
    with three_runs.read() as conn:
        assert conn.value("SELECT sum(traces) FROM variant_days") == 2
        assert conn.value("SELECT count(*) FROM spans") == 6


def test_it_is_settled_when_there_is_news(
    three_runs: Store, monkeypatch: pytest.MonkeyPatch, make_trace: Callable[..., list[Span]]
) -> None:
    """What was set aside is tried again with the next span of it."""
    with monkeypatch.context() as broken:
        work = failing_for_one(settle.settle_traces, lambda _, ids: ids)
        broken.setattr(settle, "settle_traces", work)
        three_runs.settle(everything=True)
    three_runs.write(Batch(make_trace(2, "search", "read"), []))
    three_runs.refresh()
    assert POISON in settled(three_runs)


@pytest.mark.parametrize(
    ("module", "due", "slices"),
    [(traits, "traits_due", "note_traits"), (prompts, "prompt_due", "note_prompts")],
)
def test_others_are_looked_at(
    three_runs: Store, monkeypatch: pytest.MonkeyPatch, module: Any, due: str, slices: str
) -> None:
    """A run whose traits or prompt can't be worked out keeps no other from theirs."""
    three_runs.settle(everything=True)

    def ids(*arguments: Any) -> list[bytes]:
        return [one if isinstance(one, bytes) else one[0] for one in arguments[-1]]

    monkeypatch.setattr(module, "_record_runs", failing_for_one(module._record_runs, ids))
    while getattr(three_runs, slices)():
        pass
    with three_runs.read() as conn:
        assert conn.value(f"SELECT count(*) FROM traces WHERE {due} = 1") == 0
    if module is traits:
        with three_runs.read() as conn:
            noted = [row[0].hex() for row in conn.rows("SELECT trace_id FROM trace_traits")]
        assert sorted(noted) == [f"{1:032x}", f"{3:032x}"]


def test_trouble_of_the_database_is_no_run_s(
    three_runs: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk or a lock is raised, and every run stays due."""

    def full(*_: Any) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(settle, "settle_traces", full)
    with pytest.raises(StoreError, match="full"):
        three_runs.settle(everything=True)
    with three_runs.read() as conn:
        assert conn.value("SELECT count(*) FROM news") == 3
