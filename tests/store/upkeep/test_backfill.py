"""Costs and summaries worked out anew: reported costs stay, roll-ups and search follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clustertrace.patterns import signature
from clustertrace.store import Store, queries
from clustertrace.store.upkeep.backfill import Costs, backfill_costs, backfill_signatures
from tests.store.conftest import TRACE, batch, root, span

pytestmark = pytest.mark.usefixtures("forget_prices")


@pytest.fixture
def prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_prices: Callable[[], None]
) -> Any:
    """Set the user's own prices, as a new process would find them."""

    def put(**dollars: tuple[float, float]) -> None:
        file = tmp_path / "prices.json"
        file.write_text(json.dumps(dollars))
        monkeypatch.setenv("CLUSTERTRACE_PRICING_JSON", str(file))
        forget_prices()

    return put


def call(number: int, model: str, **more: Any) -> Any:
    """A model call that read a million tokens."""
    tokens = {"input_tokens": 10**6, "output_tokens": 0}
    return span(number, "chat", kind="llm", model=model, **tokens, **more)


def costs(store: Store) -> list[float | None]:
    """What the calls of the one trace cost, and that its total says the same."""
    with store.read() as conn:
        spans = queries.trace(conn, TRACE).spans
        row = queries.trace_row(conn, TRACE)
        seen = queries.overview(conn)
    call_costs = [one.cost_usd for one in spans if one.kind == "llm"]
    assert row.cost_usd == seen.cost_usd == pytest.approx(sum(cost or 0 for cost in call_costs))
    assert row.unpriced_calls == call_costs.count(None)
    return call_costs


def test_costs_follow_the_prices(store: Store, prices: Any) -> None:
    """New prices reach stored calls; a reported cost stays; a second run changes nothing."""
    calls = [call(2, "gpt-4o-mini"), call(3, "house-model"), call(4, "gpt-4o-mini", cost_usd=0.5)]
    store.write(batch(root(), *calls))
    store.refresh()
    assert costs(store) == [pytest.approx(0.15), None, 0.5]
    assert backfill_costs(store) == Costs(calls=3, reported=1, unpriced=1)

    prices(**{"gpt-4o-mini": (1, 1), "house-model": (2, 2)})
    done = backfill_costs(store)
    assert (done.calls, done.changed, done.reported, done.unpriced) == (3, 2, 1, 0)
    assert done.added_usd == pytest.approx(2.85)
    assert costs(store) == [1.0, 2.0, 0.5]
    assert backfill_costs(store) == Costs(calls=3, reported=1)


def test_a_price_that_is_gone_leaves_no_cost(store: Store, prices: Any) -> None:
    """A call whose model has no price any more is unpriced again, as if it had just come."""
    prices(**{"house-model": (2, 2)})
    store.write(batch(root(), call(2, "house-model")))
    store.refresh()
    assert costs(store) == [2.0]
    prices()
    backfill_costs(store)
    assert costs(store) == [None]
    with store.read() as conn:
        assert queries.trace(conn, TRACE).spans[1].attributes == {}


def test_search_follows(store: Store, prices: Any) -> None:
    """Spans that a new price touches are still found, once each, by their words."""
    attributes = {"note": "platypus"}
    store.write(batch(root(), call(2, "house-model", attributes=attributes)))
    store.refresh()
    prices(**{"house-model": (2, 2)})
    backfill_costs(store)
    store.refresh()
    with store.read() as conn:
        assert len(queries.search(conn, "platypus").hits) == 1
        assert len(queries.search(conn, "cost_source").hits) == 1


def test_summaries_follow_the_algorithm(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of the signature moves every trace to its new pattern; none is left."""
    store.write(batch(root(), span(2, "search")))
    store.refresh()
    progress: list[tuple[int, int]] = []
    assert backfill_signatures(store, lambda *at: progress.append(at)).changed == 0
    assert progress == [(1, 1)]
    with store.read() as conn:
        (before,) = queries.clusters(conn).clusters
    monkeypatch.setattr(signature, "VERSION", signature.VERSION + 1)
    assert backfill_signatures(store).changed == 1
    assert backfill_signatures(store).changed == 0
    with store.read() as conn:
        (after,) = queries.clusters(conn).clusters
    assert after.id != before.id
    assert after.count == before.count == 1


def test_a_span_that_changes_meanwhile_is_left_alone(
    store: Store, prices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News of a span that comes between reading and writing wins, and is still found."""
    store.write(batch(root(), call(2, "house-model", status="running", end_ns=None)))
    store.refresh()
    prices(**{"house-model": (2, 2)})
    writing = store.writing

    def late_news() -> Any:
        monkeypatch.setattr(store, "writing", writing)
        store.write(batch(call(2, "house-model", output="platypus")))
        store.refresh()
        return writing()

    monkeypatch.setattr(store, "writing", late_news)
    backfill_costs(store)
    store.refresh()
    assert costs(store) == [2.0]
    with store.read() as conn:
        assert len(queries.search(conn, "platypus").hits) == 1
