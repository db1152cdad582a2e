"""The read side: totals, patterns, lists and search agree with the traces behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import NotFound, UsageError
from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.connection import Connection
from clustertrace.store.search.words import match_expression
from clustertrace.store.user_entries.annotations import PatternEdit, annotate_pattern
from tests.store.conftest import SECOND, TRACE, batch, root, span


@pytest.fixture
def conn(store: Store, make_trace: Callable[..., list[Span]]) -> Iterator[Connection]:
    """Ten runs: six of one pattern (four failed), three of another (one failed), one alone."""
    spans: list[Span] = []
    for number in range(1, 7):
        spans += make_trace(number, "search", "search", failed=number <= 4)
    for number in range(7, 10):
        spans += make_trace(number, "search", "cite", failed=number == 7)
    spans += make_trace(10, "fetch", name="other agent")
    facts = [TraceFacts(f"{n:032x}", tags={"tier": "gold" if n < 4 else "tin"}) for n in (1, 3, 9)]
    facts.append(TraceFacts(f"{10:032x}", session_id="s", outcome="fail", outcome_reason="bad"))
    store.write(batch(*spans, facts=facts))
    store.refresh()
    with store.read() as opened:
        yield opened


def test_the_overview_adds_up(conn: Connection) -> None:
    """Failures by the user's word and by the root's status are told apart."""
    seen = queries.overview(conn)
    assert (seen.traces, seen.failed, seen.failed_by_outcome, seen.failed_by_status) == (
        10,
        6,
        1,
        5,
    )
    assert (seen.spans, seen.variants, seen.sessions, seen.finished) == (29, 3, 1, 10)


def test_patterns_come_with_most_failures_first(conn: Connection) -> None:
    """Each pattern knows its traces, its share of the failures and a failed sample."""
    page = queries.clusters(conn)
    assert [(one.count, one.failed) for one in page.clusters] == [(6, 4), (1, 1), (3, 1)]
    worst = page.clusters[0]
    assert worst.share_of_failures == pytest.approx(4 / 6)
    assert [(step.names, step.count) for step in worst.steps] == [(("search",), "2-3")]
    assert queries.trace(conn, worst.sample_trace_id).failed
    assert worst.p50_ns == pytest.approx(59 * SECOND, rel=0.05)
    assert (page.total, page.traces, page.failed) == (3, 10, 6)
    assert sum(day.failed for day in worst.days) == 4


def test_patterns_that_fail_as_expected_come_after_others_that_failed(
    conn: Connection, store: Store
) -> None:
    """So do families, by their other failures, and so it is for the runs of a filter."""
    worst = queries.clusters(conn).clusters[0]
    annotate_pattern(store, worst.id, PatternEdit(expected=True))
    with store.read() as later:
        for where in (None, parse("finished:yes")):
            page = queries.clusters(later, where)
            assert [(one.count, one.failed) for one in page.clusters] == [(1, 1), (3, 1), (6, 4)]
            assert (page.failed, page.expected) == (6, 4)
            families = queries.families(later, where).families
            assert families[-1].whole.failed >= 4
            members = queries.members(later, {families[-1].whole.id: 9}, where)
            (family,) = members.values()
            assert (family.clusters[-1].id, family.expected) == (worst.id, 4)


def test_patterns_can_be_ordered_and_paged(conn: Connection) -> None:
    """Another order and a page further on show the rest."""
    by_rate = queries.clusters(conn, order="failure_rate")
    assert [one.failure_rate for one in by_rate.clusters] == pytest.approx([1, 4 / 6, 1 / 3])
    second = queries.clusters(conn, order="failure_rate", limit=1, offset=1)
    assert second.clusters == by_rate.clusters[1:2]
    with pytest.raises(UsageError, match="failed, count"):
        queries.clusters(conn, order="colour")  # type: ignore[arg-type]


def test_a_pattern_is_found_by_the_beginning_of_its_id(conn: Connection) -> None:
    """A unique beginning is enough; anything else is a sentence."""
    cluster = queries.clusters(conn).clusters[0]
    assert queries.cluster(conn, cluster.id[:8]) == cluster
    for wrong in ("zz", "", "%"):
        with pytest.raises(NotFound):
            queries.cluster(conn, wrong)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("", 10),
        ("failed:yes", 6),
        ("failed:no", 4),
        ("status:error", 5),
        ("outcome:fail", 1),
        ("name:*THE*", 1),
        ("name:*%*", 0),
        ("tag.tier:gold", 2),
        ("tag.tier:gold failed:no", 0),
        ("session:s", 1),
        ("since:1970-01-01 until:1970-01-02", 0),
    ],
)
def test_traces_are_filtered(conn: Connection, where: str, count: int) -> None:
    """Every condition that is set must hold, and the total counts what matches."""
    page = queries.traces(conn, parse(where))
    assert page.total == len(page.rows) == count


def test_traces_of_a_pattern_are_its_count(conn: Connection) -> None:
    """A pattern's number of traces is the number that its filter finds."""
    for one in queries.clusters(conn).clusters:
        assert queries.traces(conn, parse(f"pattern:{one.id}")).total == one.count
        assert queries.traces(conn, parse(f"pattern:{one.id} failed:yes")).total == one.failed


def test_traces_are_paged_newest_first(conn: Connection) -> None:
    """Pages follow each other without gap or repetition."""
    ids = [
        row.trace_id
        for offset in range(0, 10, 3)
        for row in queries.traces(conn, limit=3, offset=offset).rows
    ]
    assert ids == [f"{number:032x}" for number in range(10, 0, -1)]


def test_a_trace_is_found_by_the_beginning_of_its_id(conn: Connection) -> None:
    """Ids shorter than four digits, unknown or ambiguous, are refused with a sentence."""
    full = f"{10:032x}"
    assert queries.trace(conn, full).name == "other agent"
    assert queries.trace_row(conn, full.upper()).tags == {}
    for wrong, sentence in [
        ("00", "first 4"),
        ("0000", "Several"),
        ("beef", "no trace"),
        ("not hex!", "first 4"),
    ]:
        with pytest.raises(NotFound, match=sentence):
            queries.trace(conn, wrong)


def test_the_latest_can_be_the_latest_failure(conn: Connection) -> None:
    """The newest trace and the newest failed one are found by an index."""
    assert queries.latest(conn) == f"{10:032x}"
    assert queries.latest(conn, failed=True) == f"{10:032x}"


def test_tags_list_their_keys_and_values(conn: Connection) -> None:
    """What traces are tagged with can be offered for choice."""
    assert queries.tag_keys(conn) == ("tier",)
    assert queries.tag_values(conn, "tier") == ("gold", "tin")


@pytest.mark.parametrize("where", [None, "name:agent"])
def test_what_a_run_of_a_pattern_costs(
    store: Store, make_trace: Callable[..., list[Span]], where: str | None
) -> None:
    """The cost of all runs that are added up, by as many: those that did not end are among both."""
    runs = [make_trace(number, "ask") for number in (1, 2, 3)]
    runs[2][0] = runs[2][0]._replace(status="running", end_ns=None)
    for run in runs:
        run[1] = run[1]._replace(kind="llm", model="m", input_tokens=1, cost_usd=0.5)
    store.write(Batch([span for run in runs for span in run], []))
    store.refresh()
    with store.read() as conn:
        (found,) = queries.clusters(conn, where=parse(where) if where else None).clusters
    assert found.count == 2
    assert found.cost_each_usd == pytest.approx(0.5)


def test_models_that_were_called(store: Store, make_trace: Any) -> None:
    """Each model of a call is offered once, whatever its case, and only of calls."""
    kinds = {"m-2": "llm", "M-2": "llm", "m-1": "llm", "m-0": "tool"}
    first, *steps = make_trace(1, *kinds)
    calls = [step._replace(model=step.name, kind=kinds[step.name]) for step in steps]
    store.write(Batch([first, *calls], []))
    with store.read() as conn:
        assert [one.lower() for one in queries.models(conn)] == ["m-1", "m-2"]
        assert len(queries.models(conn, 1)) == 1


def test_an_empty_database_answers(store: Store) -> None:
    """Every question has an answer before the first trace."""
    with store.read() as conn:
        assert queries.overview(conn).traces == 0
        assert queries.clusters(conn).clusters == ()
        assert queries.traces(conn).total == 0
        assert queries.search(conn, "word").hits == ()
        assert (queries.tag_keys(conn), queries.metric_names(conn)) == ((), [])
        with pytest.raises(NotFound):
            queries.latest(conn)


@pytest.fixture
def texts(store: Store) -> Store:
    """One trace whose spans hold texts of every sort."""
    store.write(
        batch(
            root(input="line one\nnext line\ttab C:\\path", output={"answer": "naïve Zürich"}),
            span(2, "find_user", input={"mail": "mia@example.com"}, output="東京 타워"),
            span(3, "pay", status="error", error_type="Refused", error_message="card don't work"),
        )
    )
    store.refresh()
    return store


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("next", "input"),
        ("tab", "input"),
        ("path", "input"),
        ("zurich", "output"),
        ('"mia@example.com"', "input"),
        ("mia@example.com", "input"),
        ("don't", "error"),
        ("Refus*", "error"),
        ("find_user", "name"),
        ("東京", "output"),
        ("line NEAR/3 next", "input"),
        ("NEAR(line next, 3)", "input"),
        ('NEAR("line" next) absent OR naive', "output"),
        ("nothing OR naive", "output"),
        ("(next AND line) NOT absent", "input"),
    ],
)
def test_text_is_found_in_the_field_that_holds_it(texts: Store, query: str, field: str) -> None:
    """Words behind line breaks, accents, other scripts, punctuation and operators are found."""
    with texts.read() as conn:
        hit = queries.search(conn, query).hits[0]
    assert hit.field == field
    assert "\x02" in hit.snippet
    assert hit.trace_id == TRACE


def test_an_error_is_shown_before_the_traceback_that_quotes_it(store: Store) -> None:
    """A message says more than the line of code that made it, however often that has the words."""
    trace = {"exception.stacktrace": 'raise Refused("card declined")\nRefused: card declined'}
    refused = span(2, "pay", status="error", error_message="card declined", attributes=trace)
    store.write(batch(root(), refused))
    store.refresh()
    with store.read() as conn:
        [hit] = queries.search(conn, "card declined").hits
    assert hit.field == "error"


def test_a_passage_is_read_without_the_escapes_of_json(store: Store) -> None:
    """Quotes in a text, which JSON escapes, are shown as quotes."""
    store.write(batch(root(), span(2, "say", output='He said "refund it" twice.')))
    store.refresh()
    with store.read() as conn:
        [hit] = queries.search(conn, "refund").hits
    assert 'He said "\x02refund\x03 it" twice.' in hit.snippet


def test_a_changed_span_is_found_by_its_new_words_only(texts: Store) -> None:
    """The index follows a span's better copy and forgets the old words."""
    texts.write(batch(span(2, "find_user", input={"mail": "bob"}, output="x", attributes={"a": 1})))
    texts.refresh()
    with texts.read() as conn:
        assert not queries.search(conn, "mia").hits
        assert queries.search(conn, "bob").hits
    with texts.writing() as conn:
        conn.texts.check(conn)


def test_search_says_how_far_behind_it_is(store: Store) -> None:
    """Spans that are stored and not yet indexed are counted."""
    store.write(batch(root(), span(2, "late")))
    with store.read() as conn:
        assert queries.search(conn, "late").behind == 2
    assert store.index_text(limit=1) == 1
    with store.read() as conn:
        assert queries.search(conn, "late").behind == 1


@given(
    st.text(max_size=60)
    | st.text(alphabet='"*()^:+-{}ab ANDORNEAR/5', max_size=60)
    | st.lists(
        st.sampled_from(
            ["a", '"b c"', "d*", "NEAR", "NEAR/5", "NEAR(a b, 2)", "(", ")", "OR", "NOT"]
        )
    ).map(" ".join)
)
def test_any_query_is_safe(query: str) -> None:
    """Whatever is typed becomes an expression that FTS5 accepts."""
    import sqlite3

    expression = match_expression(query)
    memory = sqlite3.connect(":memory:")
    memory.execute("CREATE VIRTUAL TABLE t USING fts5(a)")
    if expression:
        memory.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()
    memory.close()


def test_spans_that_are_known_are_not_read_again(store: Store) -> None:
    """What is known of a trace's spans holds until one comes, changes or goes."""
    store.write(batch(root(), span(2, "search", output="one")))
    store.refresh()
    with store.read() as conn:
        known = queries.trace(conn, TRACE)
        state = queries.spans_state(conn, TRACE)
        assert queries.trace(conn, TRACE, known.spans) == known
    store.write(batch(span(3, "late")))
    with store.read() as conn:
        later = queries.spans_state(conn, TRACE)
    store.write(batch(span(2, "search", output="two", attributes={"a": 1})))
    with store.read() as conn:
        assert len({state, later, queries.spans_state(conn, TRACE)}) == 3


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("(red OR blue) green", '( "red" OR "blue" ) AND "green"'),
        ("(red OR (blue green))", '( "red" OR ( "blue" AND "green" ) )'),
        ("f(x) OR g()", '"f(x)" OR "g()"'),
        ("f(x y)", '"f" AND ( "x" AND "y" )'),
    ],
)
def test_parentheses_close_where_they_stand(query: str, expression: str) -> None:
    """Right behind a word too; a pair inside one belongs to it."""
    assert match_expression(query) == expression


@pytest.mark.parametrize(
    "ask",
    [
        lambda conn, limit: queries.clusters(conn, limit=limit),
        lambda conn, limit: queries.clusters(conn, parse("since:2020-01-01"), limit=limit),
        lambda conn, limit: queries.families(conn, limit=limit),
        lambda conn, limit: queries.members(
            conn, {one.whole.id: 3 for one in queries.families(conn, limit=limit).families}
        ),
        lambda conn, limit: queries.sessions(conn, limit=limit),
        lambda conn, limit: queries.traces(conn, limit=limit),
        lambda conn, limit: queries.search(conn, "step", limit=limit),
    ],
)
def test_a_page_of_many_asks_as_often_as_one_of_few(
    store: Store,
    make_trace: Callable[..., list[Span]],
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Connection, int], object],
) -> None:
    """No question is asked for each row: on a server each of them is a way there and back."""
    for number in range(1, 7):
        facts = [TraceFacts(f"{number:032x}", session_id=f"s{number}")]
        store.write(batch(*make_trace(number, *(["step"] * number + [f"t{number}"])), facts=facts))
    store.refresh()
    with store.read() as conn:
        asked: list[str] = []
        for way in ("rows", "row"):
            real = getattr(type(conn), way)

            def counted(self: Connection, sql: str, params: Any = (), real: Any = real) -> Any:
                asked.append(sql)
                return real(self, sql, params)

            monkeypatch.setattr(type(conn), way, counted)
        ask(conn, 2)
        few = len(asked)
        ask(conn, 6)
        assert 0 < len(asked) - few <= few, asked
