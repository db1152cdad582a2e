"""The clusters page: its sentence, its facts, its bar, its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.user_entries.annotations import PatternEdit, annotate_pattern
from tests.pages.conftest import facts_with, run


def test_an_empty_database_says_how_traces_get_in(store: Store, show: Callable[..., Any]) -> None:
    """Without traces there is a sentence and the ways in, and nothing else."""
    html = show("clusters").html
    assert "There are no traces yet" in html
    for way in ("@clustertrace.trace", "OTEL_EXPORTER_OTLP_ENDPOINT", "clustertrace import"):
        assert way in html


def test_the_headline_is_said_first(some: Store, show: Callable[..., Any]) -> None:
    """The page begins with the sentence that is computed from the patterns."""
    assert show("clusters").html.index("1 pattern holds both failures.") < 300


def test_failures_by_outcome_and_by_error_are_told_apart(
    some: Store, show: Callable[..., Any]
) -> None:
    """Both counts stand on the page, each a link to its traces."""
    html = show("clusters").html
    assert 'href="/?where=failed%3Ayes+outcome%3Afail"' in html
    assert 'href="/?where=failed%3Ayes+outcome%3Anone"' in html


def test_running_and_incomplete_runs_are_counted_apart(
    some: Store, show: Callable[..., Any]
) -> None:
    """Each is a number with its word, and a link to its traces."""
    html = show("clusters").html
    for word, condition in (("running", "status"), ("incomplete", "not+status")):
        start = f'href="/?where=finished%3Ano&amp;where={condition}%3Arunning"'
        assert html.split(start)[1].startswith(
            f' target="_self">1</a></b> <span class="ct-muted">{word}</span>'
        )


def test_every_pattern_is_a_row_with_links(some: Store, show: Callable[..., Any]) -> None:
    """A row leads to the pattern, its numbers to the traces that they count."""
    html = show("clusters", show="Patterns").html
    with some.read() as conn:
        page = queries.clusters(conn)
    for cluster in page.clusters:
        assert f'href="/pattern?id={cluster.id}"' in html
        assert f'href="/?where=pattern%3A{cluster.id}&amp;where=finished%3Ayes"' in html
        assert f'href="/?where=pattern%3A{cluster.id}&amp;where=failed%3Ayes"' in html


def test_the_step_that_broke_is_marked(some: Store, show: Callable[..., Any]) -> None:
    """A failed step has a sign beside its colour."""
    assert '<span class="ct-name">fetch</span><b class="ct-broke"' in show("clusters").html


def test_a_row_can_be_told_by_ear(some: Store, show: Callable[..., Any]) -> None:
    """The link of a row says which agent and which steps, not an id."""
    html = show("clusters", show="Patterns").html
    assert 'aria-label="Pattern agent: search → fetch!"' in html


def test_the_order_comes_from_the_address(some: Store, show: Callable[..., Any]) -> None:
    """`?by=` sorts the rows in the database."""
    with some.read() as conn:
        dear = queries.clusters(conn, order="cost_usd").clusters[0].id
    for grouped in ("Families", "Patterns"):
        first = _first_row(show("clusters", by="Cost", show=grouped))
        assert f'href="/pattern?id={dear}"' in first
        assert f'href="/pattern?id={dear}"' not in _first_row(show("clusters", show=grouped))


def _first_row(shown: Any) -> str:
    """Return the first row below the head line."""
    html: str = shown.html
    return html.split('<div class="ct-row')[2]


def test_a_family_unfolds_into_its_patterns(some: Store, show: Callable[..., Any]) -> None:
    """Folded it shows the patterns that failed; its row leads to the address that unfolds it."""
    some.write(run(8, "search", "search", "fetch!"))
    some.refresh()
    with some.read() as conn:
        family = next(one for one in queries.families(conn).families if one.variants > 1)
        members = queries.members(conn, {family.whole.id: 100})[family.whole.id].clusters
    shown = {one.id for one in members if one.failed}
    folded, opened = show("clusters").html, show("clusters", open=family.whole.id).html
    assert 'aria-label="Unfold family agent: ' in folded
    assert 'aria-label="Fold family agent: ' in opened
    for one in members:
        assert (f'href="/pattern?id={one.id}"' in folded) is (one.id in shown)
        assert f'href="/pattern?id={one.id}"' in opened
    assert f'href="/clusters?open={family.whole.id}"' in folded
    assert f"/?where=family%3A{family.whole.id}&amp;where=failed%3Ayes" in folded


def test_a_filter_counts_the_runs_that_match(some: Store, show: Callable[..., Any]) -> None:
    """`?where=` narrows the sentence, the facts and the rows, and is passed on to the traces."""
    html = show("clusters", where="outcome:fail", show="Patterns").html
    assert "The only finished trace that matches failed." in html
    assert "runs match" in html
    assert "No significant pattern" not in html
    assert html.count('aria-label="Pattern ') == 1
    assert "&amp;where=outcome%3Afail" in html
    assert "No finished run matches" in show("clusters", where="name:nobody").html


def test_expected_failures_lead_neither_the_sentence_nor_the_bar(
    some: Store, show: Callable[..., Any]
) -> None:
    """Expected failures stand together at the bar's end, and lead to their traces."""
    some.write(run(8, "lookup", status="error"))
    some.write(run(9, "lookup", status="error"))
    some.refresh()
    with some.read() as conn:
        page = queries.clusters(conn)
        known, other = (one.id for one in page.clusters if one.failed)
    annotate_pattern(some, known, PatternEdit(expected=True))
    html = show("clusters").html
    assert "1 pattern holds both unexpected failures; 2 more are expected." in html
    bar = html.partition("ct-segments")[2].partition("</div>")[0]
    assert bar.index(other) < bar.index("2 expected")
    assert known not in bar
    assert "expected%3Ayes" in bar


def test_a_filter_that_can_t_be_read_is_told_where(some: Store, show: Callable[..., Any]) -> None:
    """The character at which it goes wrong is named."""
    assert "be read at character 1: there is no field" in show("clusters", where="colour:red").html


def test_trouble_with_rules_hides_nothing_else(
    some: Store, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rules can't be learned, the sentence, the bar and the patterns stay."""

    def broken(*_: object) -> None:
        raise ValueError("no rules today")

    monkeypatch.setattr(queries, "learned", broken)
    html = show("clusters").html
    assert "Something went wrong" in html
    assert "ct-segments" in html
    assert html.count("ct-row") > 2


def test_rules_are_learned_once_for_all_looks(
    some: Store, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that draws itself again does not mine again while nothing has been settled."""
    learned = queries.learned
    asked: list[int] = []

    def counted(*given: Any) -> Any:
        asked.append(1)
        return learned(*given)

    monkeypatch.setattr(queries, "learned", counted)
    for _ in range(3):
        show("clusters")
    assert len(asked) == 1


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
        store.write(run(number, *tools, facts=facts_with(outcome="fail" if loops else "pass")))
    store.refresh()
    html = show("clusters").html
    assert "20 of 20 failed (100 %; 33 % of all runs)" in html
    assert "conditions were tried" in html
    assert html.index("20 of 20 failed") < html.index("ct-patterns")
    assert f'href="/trace?id={60:032x}"' in html


def test_a_filter_says_what_its_failures_share(store: Store, show: Callable[..., Any]) -> None:
    """Among runs of several agents, a rule of one stands out once the others are left out."""
    for number in range(1, 41):
        failed, step = number % 2 == 0, "lookup" if number % 2 == 0 else "search"
        facts = facts_with(outcome="fail" if failed else "pass", tags={"agent": "docs"})
        store.write(run(number, step, facts=facts))
    for number in range(41, 121):
        facts = facts_with(outcome="fail" if number % 2 else "pass", tags={"agent": "orders"})
        store.write(run(number, "lookup", facts=facts))
    store.refresh()
    html = show("clusters", where="tag.agent:docs").html
    assert "20 of 20 failed (100 %; 50 % of all runs)." in html
    assert "Learned from all finished runs that match;" in html


def test_rules_are_not_about_expected_failures(store: Store, show: Callable[..., Any]) -> None:
    """What the user knows of is left out, and the note says how many runs that were."""
    for number in range(1, 91):
        tools = (["search"] * 4, ["lookup"], ["search", "cite"])[number % 3]
        outcome = "pass" if number % 3 == 2 else "fail"
        store.write(run(number, *tools, facts=facts_with(outcome=outcome)))
    store.refresh()
    with store.read() as conn:
        [known] = [c for c in queries.clusters(conn).clusters if c.steps[0].names == ("lookup",)]
    annotate_pattern(store, known.id, PatternEdit(expected=True))
    html = show("clusters").html
    assert "30 of 30 failed (100 %; 50 % of all runs)" in html
    assert "Learned from all finished runs without 30 expected failures" in html
    assert "lookup" not in html[html.index("ct-rules") : html.index("Learned from")]


def test_too_few_runs_are_told_instead_of_a_rule(some: Store, show: Callable[..., Any]) -> None:
    """Where nothing is significant the page says so and how many more runs it might take."""
    assert "No significant pattern in what runs did" in show("clusters").html


@pytest.mark.parametrize(
    "params", [{"page": "abc"}, {"page": "99"}, {"open": "'; DROP"}, {"by": "x", "show": "y"}]
)
def test_a_broken_address_shows_the_list_all_the_same(
    some: Store, show: Callable[..., Any], params: dict[str, str]
) -> None:
    """What the address says wrongly is left aside."""
    assert show("clusters", **params).html.count("ct-row") > 2
