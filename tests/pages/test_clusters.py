"""The clusters page: its sentence, its facts, its bar, its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clustertrace.store import queries
from clustertrace.store.store import Store
from tests.pages.conftest import run, told


def test_an_empty_database_says_how_traces_get_in(store: Store, show: Callable[..., Any]) -> None:
    """Without traces there is a sentence and the ways in, and nothing else."""
    html = show("clusters").html
    assert "There are no traces yet" in html
    for way in ("@clustertrace.trace", "OTEL_EXPORTER_OTLP_ENDPOINT", "clustertrace import"):
        assert way in html


def test_the_headline_is_said_first(some: Store, show: Callable[..., Any]) -> None:
    """The page begins with the sentence that is computed from the patterns."""
    assert show("clusters").html.index("1 pattern holds 2 of the 2 failures (100 %).") < 300


def test_failures_by_outcome_and_by_error_are_told_apart(
    some: Store, show: Callable[..., Any]
) -> None:
    """Both counts stand on the page, each a link to its traces."""
    html = show("clusters").html
    assert 'href="/?state=failed+by+outcome"' in html
    assert 'href="/?state=failed+by+error"' in html


def test_every_pattern_is_a_row_with_links(some: Store, show: Callable[..., Any]) -> None:
    """A row leads to the pattern, its numbers to the traces that they count."""
    html = show("clusters").html
    with some.read() as conn:
        page = queries.clusters(conn)
    for cluster in page.clusters:
        assert f'href="/pattern?id={cluster.id}"' in html
        assert f'href="/?pattern={cluster.id}"' in html
        assert f'href="/?pattern={cluster.id}&amp;state=failed"' in html


def test_the_step_that_broke_is_marked(some: Store, show: Callable[..., Any]) -> None:
    """A failed step has a sign beside its colour."""
    assert '<span class="ct-name">fetch</span><b class="ct-broke"' in show("clusters").html


def test_the_order_comes_from_the_address(some: Store, show: Callable[..., Any]) -> None:
    """`?by=` sorts the rows in the database."""
    with some.read() as conn:
        dear = queries.clusters(conn, order="cost_usd").clusters[0].id
    assert f'href="/pattern?id={dear}"' in _first_row(show("clusters", by="Cost"))
    assert f'href="/pattern?id={dear}"' not in _first_row(show("clusters"))


def _first_row(shown: Any) -> str:
    rows: list[str] = shown.html.split('<div class="ct-row">')
    return rows[1]


def test_hostile_names_stay_text(hostile: Store, show: Callable[..., Any]) -> None:
    """No name becomes an element of the page."""
    html = show("clusters").html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def test_what_failures_share_is_a_sentence_with_runs_to_look_at(
    store: Store, show: Callable[..., Any]
) -> None:
    """A failure rule stands above the patterns, with its evidence and links to failed runs."""
    for number in range(1, 61):
        loops = number % 3 == 0
        tools = ["search"] * 4 if loops else ["search", "cite"]
        store.write(run(number, *tools, facts=told(outcome="fail" if loops else "pass")))
    store.refresh()
    html = show("clusters").html
    assert "20 of 20 failed (100%; 33% of all runs)" in html
    assert "conditions were tried" in html
    assert html.index("20 of 20 failed") < html.index("ct-patterns")
    assert f'href="/trace?id={60:032x}"' in html


def test_too_few_runs_are_told_instead_of_a_rule(some: Store, show: Callable[..., Any]) -> None:
    """Where nothing is significant the page says so and how many more runs it might take."""
    assert "No significant pattern yet" in show("clusters").html
