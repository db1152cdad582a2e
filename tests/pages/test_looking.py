"""Search, failures, metrics and compare: what each puts on screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.user_entries.annotations import PatternEdit, annotate_pattern
from tests.pages.conftest import Shown, facts_with, run

Show = Callable[..., Any]


def failing(number: int) -> TraceFacts:
    """A failure for a reason that no other number has."""
    return facts_with(outcome="fail", outcome_reason=f"no {chr(97 + number)} there")


@pytest.fixture
def demo(store: Store) -> Store:
    """Load the demo's traces."""
    load_bundle(store, time.time_ns())
    store.refresh()
    return store


def test_words_are_found_marked_and_linked_to_their_step(demo: Store, show: Show) -> None:
    """The words are found, counted, set off and linked to their step."""
    html = show("search", q="refund").html
    assert "81 steps match, 3 of them failed." in html
    assert "<mark>refund</mark>" in html
    assert 'href="/trace?id=' in html


def test_search_says_all_where_all_failed(some: Store, show: Show) -> None:
    """`3 of them failed` of three would make one look for the others."""
    assert "3 steps match, all of them failed." in show("search", q="answer").html


def hits(html: str) -> list[str]:
    """Where the found steps are, in the order that they are shown in."""
    return re.findall(r'class="ct-hit.*?href="([^"]+)"', html, re.DOTALL)


def test_a_single_step_is_spoken_of_in_the_singular(store: Store, show: Show) -> None:
    """One step that matches and failed is not one of several."""
    store.write(Batch([Span("9" * 32, "9" * 16, None, "venus", "agent", "error", 1, 2)], []))
    store.refresh()
    assert "1 step matches, and failed." in show("search", q="venus").html


def test_the_place_in_what_was_found_is_in_the_address(demo: Store, show: Show) -> None:
    """A page can be shared; past the last one is the first, as in the pagination below."""
    first, second = (show("search", q="refund", page=number).html for number in "12")
    assert first != second
    assert "<mark>" in second
    for more in ({}, {"state": "failed"}):
        past_the_end = show("search", q="refund", page="9", **more).html
        assert hits(past_the_end) == hits(show("search", q="refund", **more).html) != []
    html = show("search", q="moka", state="failed").html
    assert "None of them is of this kind and state; pick others." in html
    assert "remove a word" not in html


def test_the_kind_of_what_was_found_is_in_the_address(demo: Store, show: Show) -> None:
    """Its pages are all there at once, as many as it has; and how many there are of each kind."""
    shown = show("search", q="refund")
    counts = dict(re.findall(r"(\d+) (\w+)[,.]", re.findall("By kind: [^<]+", shown.html)[0]))
    kind = next(kind for number, kind in counts.items() if int(number) > 40)
    number = next(number for number, one in counts.items() if one == kind)
    with demo.read() as conn:
        facets = queries.facets(conn, "refund")
    assert facets.number(kind, None) == int(number)
    assert facets.number(None, True) == facets.failed == 3
    assert facets.number(kind, False) == facets.kinds[kind] - facets.failed_kinds.get(kind, 0)
    app = show("search", q="refund", kind=kind).ran
    assert app.session_state["kind"] == kind
    last = -(-facets.kinds[kind] // 40)
    html = show("search", q="refund", kind=kind, page=str(last)).html
    later = sum(map(int, re.findall(r"and in (\d+) later step", html)))
    assert html.count('class="ct-hit') + later == facets.kinds[kind] - (last - 1) * 40


def test_new_words_begin_on_the_first_page(demo: Store, show: Show) -> None:
    """Else a search with fewer results would seem to find nothing."""
    app = show("search", q="refund", page="3").ran
    app.text_input[0].set_value("question").run()
    assert "<mark>" in Shown(app).html


@pytest.mark.parametrize("query", ['"', "a AND (", "NEAR(", "*", "a:b-c/d'e", "x OR", "ß 日本語 é"])
def test_search_is_safe(demo: Store, show: Show, query: str) -> None:
    """Any punctuation and any script is a search, not an error."""
    assert "match" in show("search", q=query).html or "found" in show("search", q=query).html


def test_search_of_nothing(demo: Store, show: Show) -> None:
    """Without words the page says what to do, and offers the errors of recent runs."""
    html = show("search").html
    assert "Type words" in html
    (query,) = re.findall(r'href="/search\?q=([^"]+)"[^>]*>[^<]*searches made, and the', html)
    assert "steps match" in show("search", q=unquote_plus(query)).html


def test_the_failures_page_says_what_breaks_and_where_first(demo: Store, show: Show) -> None:
    """A sentence, error rates of steps, first broken steps, messages, and beginnings."""
    html = show("failures").html
    assert (
        "14 runs failed, 12 of them without a step that broke; retrieve broke most often, "
        "in 3 of 19 runs that took it; 2 of those 3 did not fail."
    ) in html
    assert "6 searches made, and the question is still open" in html
    assert "web_search" in html
    assert "has%28retrieve%21%29" in html
    assert re.search(r"retrieve.*? of all 19 failed", html, re.S), "of those that took it"


def test_a_step_that_always_breaks_is_not_told_as_what_failed(store: Store, show: Show) -> None:
    """The page says that most runs in which it broke did not fail."""
    for n in range(1, 31):
        words = ("ping!", "load!") if n > 28 else ("ping!", "load")
        store.write(run(n, *words, facts=failing(n) if n > 26 else None))
    store.refresh()
    html = show("failures").html
    assert (
        "4 runs failed, 2 of them without a step that broke more often than in other runs; "
        "load broke in 2 of them and never worked afterwards; ping broke most often, in 30 of 30 "
        "runs that took it; 26 of those 30 did not fail."
    ) in html
    assert "only steps that break in other runs as often" in html


def test_no_failures(store: Store, show: Show) -> None:
    """Where nothing failed, the page says so; where there is nothing, how to begin."""
    assert "no traces yet" in show("failures").html
    store.write(Batch([Span("ab" * 16, "cd" * 8, None, "a", "agent", "ok", 1, 2)], []))
    store.refresh()
    assert "The only finished run did not fail." in show("failures").html


def test_a_run_that_raised_has_no_wrong_result(store: Store, show: Show) -> None:
    """Of runs in which no step broke, the page says just that, whatever ended them."""
    root = Span("ab" * 16, "cd" * 8, None, "a", "agent", "error", 1, 2, error_message="gave up")
    store.write(Batch([root], []))
    store.refresh()
    html = show("failures").html
    assert "1 run failed without a step that broke." in html
    assert "result" not in html


def test_a_single_failed_run_is_not_all_of_them(store: Store, show: Show) -> None:
    """Beside steps that broke in runs that did not fail, too."""
    store.write(run(1, "search", facts=failing(1)))
    store.write(run(2, "fetch!", "fetch", facts=facts_with(outcome="pass")))
    store.refresh()
    sentence = "1 run failed without a step that broke; fetch broke most often, in 1 of 1 run"
    assert sentence in show("failures").html


def test_cut_lists_keep_the_most_frequent_and_say_what_they_cut(store: Store, show: Show) -> None:
    """Each of the lists of failures leaves out what is rare, and says how much that is."""
    # A late step that broke in three runs, and twenty that each broke early in one.
    late = [run(n, *(f"go {at}" for at in "abcd"), "late!", facts=failing(0)) for n in (1, 2, 3)]
    early = [run(n, f"{chr(61 + n)} breaks!", facts=failing(n)) for n in range(4, 24)]
    for batch in [*late, *early]:
        [root, *tools] = batch.spans
        store.write(batch._replace(spans=[root._replace(name=f"on {tools[-1].name}"), *tools]))
    store.refresh()
    html = show("failures").html
    part = re.split("<h2", html)
    steps, first, messages = part[1], part[2], part[3]
    assert "6 more, each in at most 1 run. Runs in which" in steps
    assert ">step 5<" in first
    assert first.index("A breaks") < first.index(">late<")
    assert "9 more, in 9 runs." in first
    assert "9 more, in 9 runs." in messages
    assert "11 more, in 11 runs." in part[-1]


def test_failures_and_metrics_take_the_filter(demo: Store, show: Show) -> None:
    """What matches is counted, links keep the filter, and nothing left is said in a sentence."""
    page = show("failures", where=["tag.agent:research"])
    sentence = "8 runs failed, all of them without a step that broke; open_page broke most often"
    assert sentence in page.html
    assert "in 2 of 15 runs that took it; none of those 2 failed." in page.html
    assert "/?where=tag.agent%3Aresearch&amp;where=pattern%3A" in page.html
    assert "No finished run matches" in show("failures", where=["name:none"]).html

    page = show("metrics", where=["tag.agent:research"], name="answer_score")
    assert list(page.table["metric"]) == ["answer_score", "sources_cited"]
    assert "No run that matches" in show("metrics", where=["name:none"]).html


@pytest.mark.parametrize("by", ["pattern", "tag.agent"])
def test_values_are_coloured_by_what_one_likes(demo: Store, show: Show, by: str) -> None:
    """Values are coloured by pattern or by a tag, never in the red that means failed."""
    [chart] = show("metrics", name="answer_score", by=by).ran.get("vega_lite_chart")
    assert "#c4302b" not in chart.proto.spec
    group = "research" if by == "tag.agent" else "others"
    assert group in chart.proto.spec


def test_every_metric_is_shown_with_its_latest_runs(demo: Store, show: Show) -> None:
    """Every metric with its figures, and its latest runs."""
    shown = show("metrics", name="answer_score")
    table = shown.table
    assert list(table["metric"]) == ["answer_score", "passages_found", "sources_cited"]
    with demo.read() as conn:
        values = sorted(one.value for one in queries.metric_values(conn, "answer_score"))
    assert table["p95"][0] == values[-(-95 * len(values) // 100) - 1]
    assert 'href="/trace?id=' in shown.html


def test_the_chart_of_a_metric_reads_like_the_rest_of_the_page(demo: Store, show: Show) -> None:
    """Times as everywhere, not 06 PM; what explains the chart stands with it, above the runs."""
    page = show("metrics", name="answer_score")
    [chart] = page.ran.get("vega_lite_chart")
    assert "%H:%M" in chart.proto.spec
    assert page.html.index("The line is the mean of") < page.html.index("The latest runs")


def test_a_metric_is_compared_between_failed_runs_and_others(demo: Store, show: Show) -> None:
    """Its means say in a sentence whether it has to do with failing."""
    html = show("metrics", name="answer_score").html
    assert "answer_score is 0.199 on average where the run failed (10 values), " in html
    assert "0.826 on average where it did not (46 values)." in html


def test_a_metric_of_runs_that_all_went_well(demo: Store, show: Show) -> None:
    """The sentence names what it speaks of also where no failed run has the metric."""
    html = show("metrics", name="answer_score", where="failed:no").html
    assert "answer_score is 0.826 on average where the run did not fail (46 values)." in html


def test_no_metrics(store: Store, show: Show) -> None:
    """Without a metric, the page says how to make one."""
    span = Span(*("1" * 32, "1" * 16, None, "agent", "agent", "ok", 1, 2))
    store.write(Batch([span], []))
    store.refresh()
    assert "clustertrace.metric(name, number)" in show("metrics").html


@pytest.mark.parametrize("page", ["failures", "metrics", "search"])
def test_an_empty_database_says_how_traces_get_in(page: str, store: Store, show: Show) -> None:
    """Every page that needs traces names the ways in."""
    html = show(page).html
    assert "There are no traces yet" in html
    assert "clustertrace demo" in html


def test_two_patterns_stand_side_by_side(demo: Store, show: Show) -> None:
    """Two patterns stand side by side, and the page says where they part."""
    with demo.read() as conn:
        first, second = queries.clusters(conn).clusters[:2]
    html = show("compare", a=first.id, b=second.id).html
    assert re.search(r"they part at step 1 \([^)]+\)\.<", html)
    assert f"{first.failed} of {first.count} failed · median" in html
    assert f'href="/pattern?id={first.id}"' in html


def test_what_differs_of_two_runs_is_said_in_words(demo: Store, show: Show) -> None:
    """Steps of the same name that were given something else say so, and nothing before it."""
    with demo.read() as conn:
        pattern = queries.clusters(conn).clusters[0].id
        first, second = queries.traces(conn, parse(f"pattern:{pattern}")).rows[:2]
    html = show("compare", a=first.trace_id, b=second.trace_id).html
    assert ">other input, other output<" in html


def test_compare_nothing(demo: Store, show: Show) -> None:
    """Missing and unknown ids are said in a sentence; two runs that part are a click away."""
    empty = show("compare").html
    assert "Name two traces" in empty
    similar, newest = re.findall(r'href="/compare\?a=(\w+)&amp;b=(\w+)"', empty)
    with demo.read() as conn:
        for pair in similar, newest:
            assert [queries.trace_row(conn, one).failed for one in pair] == [True, False]
        assert queries.latest(conn, failed=True) == newest[0]
    assert "not a trace id" in show("compare", a="zz", b="yy").html


def test_compare_offers_no_expected_failure(demo: Store, show: Show) -> None:
    """Beside a run that didn't fail is one of the pattern that is worth a look."""
    with demo.read() as conn:
        expected = queries.clusters(conn).clusters[0].id
    annotate_pattern(demo, expected, PatternEdit(expected=True))
    html = show("compare").html
    assert "the pattern with most unexpected failures" in html
    first = re.findall(r'href="/compare\?a=(\w+)&amp;b=', html)[0]
    with demo.read() as conn:
        assert queries.trace_row(conn, first).variant != expected


def test_compare_with_an_id_that_is_too_short(demo: Store, show: Show) -> None:
    """That several patterns begin so is said in either order, not that the trace is no pattern."""
    with demo.read() as conn:
        ids = [cluster.id for cluster in queries.clusters(conn).clusters]
        trace_id = queries.traces(conn).rows[0].trace_id
    begin = next(one for one in "123456789abcdef" if sum(id_[0] == one for id_ in ids) > 1)
    for a, b in ((begin, trace_id), (trace_id, begin)):
        assert f"Several patterns begin with {begin}" in show("compare", a=a, b=b).html


def test_compare_mixed(demo: Store, show: Show) -> None:
    """A trace beside a pattern is told to be one, in either order; neither is missing."""
    with demo.read() as conn:
        pattern = queries.clusters(conn).clusters[0].id
        trace_id = queries.traces(conn).rows[0].trace_id
    sentence = f"{pattern} is a pattern and {trace_id} a trace; name two patterns or two traces."
    for a, b in ((pattern, trace_id), (trace_id, pattern)):
        assert sentence in show("compare", a=a, b=b).html
    assert "There is no pattern beef" in show("compare", a=pattern, b="beef").html


@pytest.mark.parametrize("page", ["search", "failures", "metrics"])
def test_hostile_texts_stay_text(hostile: Store, show: Show, page: str) -> None:
    """No name, message or snippet becomes an element of the page."""
    html = show(page, q="owned").html
    assert "<script" not in html
    assert "<img" not in html


def test_what_has_no_name_is_called_so(store: Store, show: Show) -> None:
    """No sentence, row or link has a hole in it where an agent gave no name."""
    for number in (1, 2):
        store.write(run(number, "!", name="", status="error", error_message="gave up"))
    store.refresh()
    failures = show("failures").html
    assert "2 runs failed; (no name) broke most often, in 2 of 2 runs" in failures
    assert "in (no name), " in show("search", q="gave").html
    assert "(no name): (no name)!" in show("review", week="2023-11-14").html


def test_no_page_of_what_was_found_is_beyond_the_last(store: Store, show: Show) -> None:
    """Where the pagination begins again, so does the list above it."""
    spans = [
        Span("9" * 32, f"{number:016x}", None, f"moon {number}", "tool", "ok", number, number)
        for number in range(1, 2_042)
    ]
    store.write(Batch(spans, []))
    store.refresh()
    first = hits(show("search", q="moon").html)
    assert len(first) == 40
    assert hits(show("search", q="moon", page="51").html) == first
