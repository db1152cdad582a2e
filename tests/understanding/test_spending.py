"""Money split by what it was for, and what caches missed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.pricing import price_span
from clustertrace.understanding.spending import DIMENSIONS, Measures, Tail, breaks, spent

SECOND = 10**9
START = 1_780_000_000 * SECOND
ROOT = f"{1:016x}"
MODEL = "claude-sonnet-4-6"


def span(number: int, kind: str, name: str, above: int = 1, **more: Any) -> Span:
    """A span that takes a second and starts at its number's second."""
    fields: dict[str, Any] = {
        "status": "ok",
        "start_ns": START + number * SECOND,
        "end_ns": START + (number + 1) * SECOND,
        "parent_span_id": None if number == 1 else f"{above:016x}",
    }
    return Span("ab" * 16, f"{number:016x}", name=name, kind=kind, **(fields | more))


def call(number: int, fresh: int, read: int, written: int, above: int = 1, **more: Any) -> Span:
    """A model call with these input tokens and ten of output."""
    fields: dict[str, Any] = {
        "model": MODEL,
        "provider": "anthropic",
        "input_tokens": fresh + read + written,
        "output_tokens": 10,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
    }
    return price_span(span(number, "llm", "call", above, **(fields | more)))


def shares(*spans: Span, before: Tail | None = None) -> dict[tuple[str, str], Measures]:
    """What a run of these spans spent."""
    all_spans = [span(1, "agent", "turn"), *spans]
    calls = [one for one in all_spans if one.kind == "llm"]
    found = spent(calls, all_spans, [ROOT], session="s", project="p", skills={}, before=before)
    return dict(found.shares)


def test_what_money_was_for() -> None:
    """By model, sub-agent and tool: who asked, and whose results were read."""
    found = shares(
        call(2, 0, 0, 5000),
        span(3, "tool", "Bash"),
        span(4, "tool", "Read"),
        call(5, 100, 5000, 0),
        span(6, "tool", "Agent"),
        span(7, "agent", "finder", 6),
        call(8, 0, 0, 2000, 7),
        call(9, 50, 5100, 0),
    )
    total = found["total", ""]
    assert total.calls == 4
    assert found["session", "s"] == found["project", "p"] == found["model", MODEL] == total
    assert found["subagent", "finder"].input_tokens == 2000
    assert found["subagent", "(main agent)"].input_tokens == 5000 + 5100 + 5150
    tools = {name: one.input_tokens for (what, name), one in found.items() if what == "tool"}
    assert tools == {"(none)": 7000, "Bash": 2550, "Read": 2550, "Agent": 5150}


def test_context_is_carried_along() -> None:
    """What earlier calls had read or said costs again, cheaply where it is cached."""
    found = shares(call(2, 0, 0, 5000), call(3, 90, 5000, 10))["total", ""]
    assert found.carried_tokens == 5010
    assert found.carried_usd == pytest.approx(5000 * 0.3e-6 + 10 * 3.75e-6)
    assert found.cache_write_usd == pytest.approx(5010 * 3.75e-6)
    assert found.cost_usd == pytest.approx((90 * 3 + 5000 * 0.3 + 5010 * 3.75 + 20 * 15) / 1e6)
    assert (found.misses, found.lost_usd) == (0, 0.0)


@pytest.mark.parametrize(
    ("reason", "second"),
    [
        ("start", call(3, 0, 0, 6000)),
        ("history", call(3, 0, 2000, 4000)),
        ("model", call(3, 0, 0, 6000, model="claude-opus-4-5")),
        ("idle", call(400, 0, 0, 6000)),
    ],
)
def test_why_a_cache_was_missed(reason: str, second: Span) -> None:
    """Too old, another model, nothing of the prefix, or only its beginning."""
    first = call(2, 0, 0, 5000)
    found = shares(first, second)
    missed = 5000 - (second.cache_read_tokens or 0)
    assert found["break", reason].missed_tokens == missed
    assert found["total", ""].misses == 1
    if second.model == MODEL:
        assert found["total", ""].lost_usd == pytest.approx(missed * (3.75 - 0.3) / 1e6)
    spans = [span(1, "agent", "turn"), first, second]
    [one] = breaks([first, second], spans, [ROOT])
    assert (one.reason, one.kept_tokens) == (reason, second.cache_read_tokens)


def test_what_is_no_miss() -> None:
    """A context that was cut short, a small call of another model in between, a first call."""
    assert shares(call(2, 0, 0, 9000), call(3, 0, 0, 3000))["total", ""].misses == 0
    title = call(3, 300, 0, 0, model="claude-haiku-4-5")
    found = shares(call(2, 0, 0, 9000), title, call(4, 100, 9000, 0))["total", ""]
    assert (found.misses, found.carried_tokens) == (0, 300 + 9010)


def test_a_session_goes_on() -> None:
    """The first call of a run reads what the run before has left."""
    before = Tail(MODEL, 8000, 7900, START - 3600 * SECOND)
    found = shares(call(2, 0, 0, 8200), before=before)
    assert found["break", "idle"].missed_tokens == 7900
    assert found["total", ""].carried_tokens == 8000


def test_unknown_prices_are_told() -> None:
    """A call without a price is counted as such, and loses nobody knows what."""
    found = shares(call(2, 0, 0, 5000, model="x"), call(3, 0, 0, 6000, model="x"))["total", ""]
    assert (found.unpriced_calls, found.cost_usd, found.lost_usd) == (2, 0.0, 0.0)
    assert found.missed_tokens == 5000


_TOKENS = st.integers(0, 10**6)
_SPANS = st.lists(
    st.tuples(st.sampled_from(["llm", "tool", "agent"]), st.integers(0, 30), _TOKENS, _TOKENS),
    max_size=15,
)


@given(_SPANS)
def test_each_dimension_is_a_split_of_all(drawn: list[Any]) -> None:
    """However spans hang together, tokens and dollars add up to the calls' own, by every name."""
    spans = []
    for number, (kind, above, one, two) in enumerate(drawn, 2):
        made = span(number, kind, f"{kind}{one % 3}", above % number or 1)
        spans.append(call(number, one, two, 0, above % number or 1) if kind == "llm" else made)
    found = shares(*spans)
    calls = [one for one in spans if one.kind == "llm"]
    for dimension in DIMENSIONS:
        if dimension == "break":
            continue
        parts = [one for (what, _), one in found.items() if what == dimension]
        for name in ("input_tokens", "output_tokens", "cache_read_tokens"):
            expected = sum(getattr(one, name) or 0 for one in calls)
            assert sum(getattr(part, name) for part in parts) == expected
        cost = sum(one.cost_usd or 0 for one in calls)
        assert sum(part.cost_usd for part in parts) == pytest.approx(cost)
