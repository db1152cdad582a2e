"""The page of sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.model import Span
from clustertrace.store.store import Store
from tests.pages.conftest import HOSTILE, SECOND, facts_with, run

Show = Callable[..., Any]


def call(root: Span, **more: Any) -> Span:
    """A model call of a run, with a cache that it reads from or writes to."""
    return root._replace(
        span_id=f"{50:016x}",
        parent_span_id=root.span_id,
        name="chat",
        kind="llm",
        model="claude-sonnet-4-5",
        provider="anthropic",
        end_ns=root.start_ns + SECOND,
        input=[{"role": "user", "content": "What are tides?"}],
        **({"input_tokens": 20_000, "output_tokens": 10} | more),
    )


@pytest.fixture
def talks(store: Store) -> Store:
    """A session of two turns, an hour apart, the second of which missed the cache and failed; a
    cheap one of one turn; and a dear run of none."""
    first = run(1, facts=facts_with(session_id="long", tags={"folder": "~/project"}))
    second = run(
        2, facts=facts_with(session_id="long", outcome="fail", tags={"folder": "~/project"})
    )
    cheap = run(3, facts=facts_with(session_id="cheap"))
    first.spans.append(call(first.spans[0], cost_usd=0.5, cache_write_tokens=19_000))
    second.spans.append(call(second.spans[0], cost_usd=0.75, cache_write_tokens=19_000))
    cheap.spans.append(call(cheap.spans[0], cost_usd=0.01, input_tokens=10))
    alone = run(4)
    alone.spans.append(call(alone.spans[0], cost_usd=7.0))
    for batch in (first, second, cheap, alone):
        store.write(batch)
    store.refresh()
    return store


def test_sessions_are_listed_with_their_money(talks: Store, show: Show) -> None:
    """The latest first, or the dearest; each leads to its turns. Runs of none are not counted."""
    html = show("sessions").html
    assert "2 sessions." in html
    assert "$1.26 for 3 calls of models" in html
    assert html.index("id=cheap") < html.index("id=long")
    assert "~/project" in html
    dearest = show("sessions", by="Dearest").html
    assert dearest.index("id=long") < dearest.index("id=cheap")


def test_a_session_is_a_timeline_of_its_turns(talks: Store, show: Show) -> None:
    """Each turn with how it ended and what it spent; then where the cache was missed, and why."""
    html = show("sessions", id="long").html
    assert "2 turns, 1 failed: What are tides?" in html
    assert html.index(f"id={1:032x}") < html.index(f"id={2:032x}")
    assert "✕ failed" in html
    assert "$0.7500" in html
    assert "1 call missed the cache" in html
    assert "the cache was too old: " in html


def test_a_session_that_is_not_there(talks: Store, show: Show) -> None:
    """One sentence, and a way back."""
    for wrong in ("x", "<script>", "0" * 4000):
        html = show("sessions", id=wrong).html
        assert "There is no such session" in html
        assert "<script" not in html
        assert 'href="/sessions"' in html


def test_nothing_to_list(store: Store, show: Show) -> None:
    """How traces get in; where no run names a session, what does."""
    assert "There are no traces yet" in show("sessions").html
    store.write(run(1))
    store.refresh()
    assert "No run belongs to a session." in show("sessions").html


def test_hostile_sessions_stay_text(hostile: Store, show: Show) -> None:
    """Ids, projects and prompts never become elements."""
    for html in (show("sessions").html, show("sessions", id=HOSTILE).html):
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert "<img" not in html


def test_long_sessions_have_pages(store: Store, show: Show) -> None:
    """A long session shows fifty turns at a time."""
    for number in range(1, 61):
        store.write(run(number, facts=facts_with(session_id="long")))
    store.refresh()
    first, second = (show("sessions", id="long", page=page).html for page in ("1", "2"))
    assert f"id={50:032x}" in first
    assert f"id={51:032x}" not in first
    assert f"id={51:032x}" in second
