"""What the user says by hand: it wins, it stays, and everything follows at once."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.errors import UsageError
from clustertrace.exchange.native import dump_trace, parse_trace
from clustertrace.filters import parse
from clustertrace.model import Batch, TraceFacts
from clustertrace.store import queries
from clustertrace.store.answers import PatternAnnotation
from clustertrace.store.store import Store
from clustertrace.store.upkeep.backfill import backfill_signatures
from clustertrace.store.user_entries.annotations import (
    LONGEST,
    PatternEdit,
    TraceEdit,
    annotate_pattern,
    annotate_traces,
)
from tests.store.conftest import TRACE, batch, root, span

KEY = "sk-ant-api03-" + "a1B2" * 20


@pytest.fixture
def one_run(store: Store) -> Store:
    """One run that says itself that it passed, tagged, with a step."""
    facts = TraceFacts(TRACE, outcome="pass", outcome_reason="it ended", tags={"v": "1"})
    store.write(batch(root(), span(2, "search"), facts=[facts]))
    store.refresh()
    return store


def row(store: Store) -> Any:
    """The run's line."""
    with store.read() as conn:
        return queries.trace_row(conn, TRACE)


def totals(store: Store) -> tuple[int, int]:
    """Failed runs of the overview, and of the pattern."""
    with store.read() as conn:
        return queries.overview(conn).failed, queries.clusters(conn).clusters[0].failed


def test_a_given_outcome_moves_the_roll_ups_at_once(one_run: Store) -> None:
    """Lists, totals, patterns and rules know of it without another step."""
    with one_run.read() as conn:
        noted = queries.runs_noted(conn)
    assert annotate_traces(one_run, [TRACE], TraceEdit(outcome="fail", reason="cites nothing")) == 1
    assert (row(one_run).outcome, row(one_run).failed, row(one_run).by_hand) == ("fail", True, True)
    assert totals(one_run) == (1, 1)
    with one_run.read() as conn:
        assert queries.trace(conn, TRACE).outcome_reason == "cites nothing"
        assert queries.runs_noted(conn) > noted


def test_it_survives_late_spans_repeated_facts_and_a_new_summary(one_run: Store) -> None:
    """Whatever the run goes on to say, the user's word stays."""
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="fail", tags={"v": "mine"}))
    facts = TraceFacts(TRACE, outcome="pass", outcome_reason="again", tags={"v": "2", "w": "3"})
    one_run.write(batch(span(3, "late"), facts=[facts]))
    one_run.refresh()
    backfill_signatures(one_run)
    assert (row(one_run).outcome, row(one_run).span_count) == ("fail", 3)
    assert row(one_run).tags == {"v": "mine", "w": "3"}
    with one_run.read() as conn:
        assert queries.trace(conn, TRACE).outcome_reason is None


def test_unknown_takes_an_outcome_back(one_run: Store) -> None:
    """The run's own word no longer counts, its root's end does; pass and fail can follow."""
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="unknown"))
    assert (row(one_run).outcome, row(one_run).by_hand, row(one_run).failed) == (None, True, False)
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="fail"))
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="pass"))
    assert totals(one_run) == (0, 0)


def test_a_word_can_be_taken_back(one_run: Store) -> None:
    """What the run says of itself counts again, as if nothing had been said."""
    before, counted = row(one_run), totals(one_run)
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="fail", reason="wrong"))
    annotate_traces(one_run, [TRACE], TraceEdit(outcome="own"))
    assert (row(one_run), totals(one_run)) == (before, counted)
    with pytest.raises(UsageError, match="A reason needs an outcome"):
        annotate_traces(one_run, [TRACE], TraceEdit(outcome="own", reason="wrong"))


def test_star_note_and_tags_come_and_go(one_run: Store) -> None:
    """None leaves a thing alone, an empty text takes it away."""
    annotate_traces(one_run, [TRACE], TraceEdit(starred=True, note="look", tags={"a": "b"}))
    annotate_traces(one_run, [TRACE], TraceEdit(tags={"v": ""}))
    seen = row(one_run)
    assert (seen.starred, seen.note, seen.tags, seen.by_hand) == (True, "look", {"a": "b"}, False)
    with one_run.read() as conn:
        assert queries.matching(conn, parse("starred:yes note:lo* tag.a:b")) == [TRACE]
    annotate_traces(one_run, [TRACE], TraceEdit(starred=False, note=""))
    assert (row(one_run).starred, row(one_run).note) == (False, None)


@pytest.mark.sqlite("its query plans")
def test_a_star_is_found_by_its_index(one_run: Store) -> None:
    """Starred runs are found without a look at the others."""
    with one_run.read() as conn:
        [plan] = conn.rows(
            "EXPLAIN QUERY PLAN SELECT trace_id FROM traces WHERE starred IS NOT NULL"
            " ORDER BY start_ns DESC, trace_id DESC LIMIT 50"
        )
    assert "traces_starred" in plan[3]


def test_runs_that_are_not_there_are_left_out(one_run: Store) -> None:
    """A run that was deleted meanwhile is not counted and not made."""
    assert annotate_traces(one_run, ["f" * 32, TRACE, TRACE], TraceEdit(starred=True)) == 1


def test_secrets_are_cut_and_odd_characters_replaced(one_run: Store) -> None:
    """What is typed passes the same way as what is recorded."""
    word = TraceEdit("fail", f"key {KEY}", None, f"note {KEY} \udcff", {"k": KEY})
    annotate_traces(one_run, [TRACE], word)
    with one_run.read() as conn:
        trace = queries.trace(conn, TRACE)
    assert KEY not in f"{trace}"
    assert str(trace.note).endswith("?")


@pytest.mark.parametrize(
    "word",
    [
        TraceEdit(reason="why"),
        TraceEdit(tags={"": "x"}),
        TraceEdit(note="x" * (LONGEST + 1)),
    ],
)
def test_what_makes_no_sense_is_refused(one_run: Store, word: TraceEdit) -> None:
    """A sentence says why, and nothing changes."""
    with pytest.raises(UsageError):
        annotate_traces(one_run, [TRACE], word)
    assert not row(one_run).by_hand


def test_it_travels_in_a_file_byte_for_byte(one_run: Store, tmp_path: Any) -> None:
    """Out, into an empty database, and out again: the same bytes, still by hand."""
    word = TraceEdit("unknown", "who knows", starred=True, note="look", tags={"a": "b"})
    annotate_traces(one_run, [TRACE], word)
    with one_run.read() as conn:
        line = dump_trace(queries.trace(conn, TRACE))
    spans, facts = parse_trace(line)
    with Store.open(tmp_path / "other.db") as other:
        other.write(Batch(spans, [facts]))
        other.write(batch(facts=[TraceFacts(TRACE, outcome="fail")]))
        other.refresh()
        with other.read() as conn:
            assert dump_trace(queries.trace(conn, TRACE)) == line


def test_what_was_said_here_wins_over_a_file(one_run: Store) -> None:
    """A file that comes again with another word by hand changes nothing."""
    annotate_traces(one_run, [TRACE], TraceEdit("fail", note="mine"))
    facts = TraceFacts(TRACE, outcome="pass", by_hand=True, starred=True, note="theirs")
    one_run.write(batch(facts=[facts]))
    one_run.refresh()
    assert (row(one_run).outcome, row(one_run).note, row(one_run).starred) == ("fail", "mine", True)


def test_other_peoples_keys_of_these_names_are_kept(one_run: Store) -> None:
    """A note that is no text is an unknown key, until the user writes a note of their own."""
    with one_run.read() as conn:
        line = dump_trace(queries.trace(conn, TRACE))
    odd = line.rstrip()[:-1] + b',"note":{"by":"x"},"starred":0,"outcome_by":"judge"}\n'
    spans, facts = parse_trace(odd)
    assert facts.extra == {"note": {"by": "x"}, "starred": 0, "outcome_by": "judge"}
    assert (facts.note, facts.starred, facts.by_hand) == (None, False, False)
    assert spans


def test_a_pattern_keeps_what_is_said_of_it(one_run: Store) -> None:
    """Expected, priority and note stand in its record; normal and empty take them away."""
    with one_run.read() as conn:
        pattern = queries.clusters(conn).clusters[0].id
    assert annotate_pattern(one_run, pattern, PatternEdit(expected=True, note=f"x {KEY}")).expected
    annotation = annotate_pattern(one_run, pattern, PatternEdit(priority="high"))
    assert (annotation.expected, annotation.priority) == (True, "high")
    with one_run.read() as conn:
        assert queries.cluster(conn, pattern).annotation == annotation
    assert KEY not in str(annotation.note)
    nothing = annotate_pattern(one_run, pattern, PatternEdit(False, "normal", ""))
    assert nothing == PatternAnnotation()
