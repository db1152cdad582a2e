"""The page of one pattern."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.store import queries
from clustertrace.store.answers import Cluster, PatternAnnotation
from clustertrace.store.store import Store
from clustertrace.telling.words import duration
from tests.pages.conftest import facts_with, run


def test_a_pattern_shows_its_traces(some: Store, show: Callable[..., Any]) -> None:
    """A sentence, the steps, and the traces that took them."""
    with some.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    shown = show("pattern", id=worst.id)
    assert "agent: 2 of 3 runs that took these steps failed (67\u00a0%)." in shown.html
    assert len(shown.table) == 3
    assert len(show("pattern", id=worst.id, state="failed").table) == 2


def test_percentiles_are_called_estimates(some: Store, show: Callable[..., Any]) -> None:
    """They come from a histogram, and the table's head says so; those of a filter are exact."""
    with some.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    html = show("pattern", id=worst.id).html
    for percentile in (worst.p50_ns, worst.p95_ns):
        assert f"about {duration(percentile)}" in html
    assert "≈ p50 · p95" in show("clusters").html
    filtered = show("clusters", where="name:agent").html
    assert "p50 · p95" in filtered
    assert "≈" not in filtered


def test_an_unknown_pattern_says_so(some: Store, show: Callable[..., Any]) -> None:
    """One sentence and a way back."""
    for wrong in ("", "no such", "'; DROP TABLE spans"):
        html = show("pattern", id=wrong).html
        assert "There is no such pattern" in html
        assert 'href="/clusters"' in html


def test_an_id_that_is_too_short_says_so(store: Store, show: Callable[..., Any]) -> None:
    """Where several patterns or traces begin so, none of them was deleted."""
    for number in range(1, 18):
        store.write(run(number, "x" * number))
    store.refresh()
    with store.read() as conn:
        beginnings = [cluster.id[0] for cluster in queries.clusters(conn, limit=20).clusters]
    twice = next(one for one in beginnings if beginnings.count(one) > 1)
    assert f"Several patterns begin with {twice}; give more" in show("pattern", id=twice).html
    assert "Several traces begin with 0000; give more" in show("trace", id="0000").html


def test_hostile_names_stay_text(hostile: Store, show: Callable[..., Any]) -> None:
    """No name becomes an element of the page."""
    with hostile.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    html = show("pattern", id=worst.id).html
    assert "&lt;script&gt;" in html
    assert "<script" not in html


@pytest.fixture
def forgetful(store: Store) -> Cluster:
    """Forty runs of which those that end after the search failed: the pattern of these."""
    for number in range(1, 41):
        ends = number % 4 == 0
        tools = ["plan", "search"] if ends else ["plan", "search", "cite"]
        store.write(run(number, *tools, facts=facts_with(outcome="fail" if ends else "pass")))
    store.refresh()
    with store.read() as conn:
        return queries.clusters(conn).clusters[0]


def test_why_it_fails_stands_with_its_evidence(
    forgetful: Cluster, show: Callable[..., Any]
) -> None:
    """Tested differences as sentences with runs, and what was compared."""
    html = show("pattern", id=forgetful.id).html
    assert (
        "<code>cite</code> never called: 10 of 10 failed runs, 0 of 30 that did not fail." in html
    )
    assert "10 failed runs against 30 that did not fail" in html
    assert f'href="/trace?id={40:032x}"' in html


def test_where_newest_failed_runs_broke(forgetful: Cluster, show: Callable[..., Any]) -> None:
    """Suspicious steps of three failed runs, each a link to the step."""
    html = show("pattern", id=forgetful.id).html
    assert html.count('class="ct-suspects"') == 3
    assert "went on with <code>cite</code>" in html
    assert re.search(r'did not fail \(<a href="/trace\?id=\w{32}"[^>]*>0{8}</a>\)', html)
    assert f'href="/trace?id={40:032x}&amp;span={3:016x}"' in html


def test_where_paths_part_is_a_tree(forgetful: Cluster, show: Callable[..., Any]) -> None:
    """The sentence, the ways with their failures, the jump and the pattern itself marked."""
    html = show("pattern", id=forgetful.id).html
    assert "10 of the 10 runs that ended there failed, against 0 of the 30" in html
    assert html.count('<div class="ct-way"') + html.count('<div class="ct-way ct-way-noted"') == 3
    assert "here the chance of failing jumps most; this pattern" in html


def test_a_pattern_that_never_failed_needs_no_reason(
    forgetful: Cluster, store: Store, show: Callable[..., Any]
) -> None:
    """A pattern without failures has no section on why."""
    with store.read() as conn:
        good = queries.clusters(conn).clusters[1]
    html = show("pattern", id=good.id).html
    assert "that did not fail" not in html
    assert "ct-way" not in html


def test_who_says_that_runs_failed_is_told_apart(some: Store, show: Callable[..., Any]) -> None:
    """Failures by outcome and by an error of the root are counted each for itself."""
    with some.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    html = show("pattern", id=worst.id).html
    assert "1 by outcome, 1 by error" in html
    assert f'href="/clusters?open={worst.family}"' in html


def test_what_is_said_of_a_pattern_is_stored_at_once(
    forgetful: Cluster, store: Store, show: Callable[..., Any]
) -> None:
    """Expected, priority and note are kept, and stand on the clusters page as text."""
    page = show("pattern", id=forgetful.id).ran
    page.toggle[0].set_value(True).run()
    page.text_input[0].set_value("<b>known</b>").run()
    with store.read() as conn:
        annotation = queries.cluster(conn, forgetful.id).annotation
    assert (annotation.expected, annotation.priority, annotation.note) == (
        True,
        None,
        "<b>known</b>",
    )
    html = show("clusters").html
    assert "expected</span>" in html
    assert "&lt;b&gt;known&lt;/b&gt;" in html
    page.text_input[0].set_value("").run()
    page.toggle[0].set_value(False).run()
    with store.read() as conn:
        assert queries.cluster(conn, forgetful.id).annotation == PatternAnnotation()


def test_all_runs_of_a_pattern_are_judged_at_once(
    forgetful: Cluster, store: Store, show: Callable[..., Any]
) -> None:
    """The user's word counts for more than what the runs said of themselves."""
    page = show("pattern", id=forgetful.id).ran
    (passed,) = [button for button in page.button if "10 runs passed" in button.label]
    passed.click().run()
    assert not page.exception
    with store.read() as conn:
        assert queries.overview(conn).failed == 0


def test_looking_says_nothing(forgetful: Cluster, store: Store, show: Callable[..., Any]) -> None:
    """A page that is only looked at writes nothing."""
    show("pattern", id=forgetful.id)
    with store.read() as conn:
        assert conn.value("SELECT count(*) FROM variant_annotations") == 0
