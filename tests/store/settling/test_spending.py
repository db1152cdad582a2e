"""The roll-up of money: whatever came when, it is what the runs have spent."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from clustertrace.errors import NotFound, UsageError
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import queries
from clustertrace.store.queries.costing import SpendingPage
from clustertrace.store.settling.removing import remove_traces
from clustertrace.store.store import Store
from clustertrace.transcripts.finding import find
from clustertrace.transcripts.importing import import_history
from clustertrace.understanding.spending import DIMENSIONS
from tests.store.conftest import SECOND, START

MODEL = "claude-sonnet-4-6"
DATA = Path(__file__).parents[2] / "transcripts" / "data"


def turn(number: int, read: int, written: int, *, minutes: int) -> Batch:
    """A turn of one session with one model call."""
    trace_id, start = f"{number:032x}", START + minutes * 60 * SECOND
    root = Span(trace_id, f"{1:016x}", None, "turn", "agent", "ok", start, start + 9 * SECOND)
    call = root._replace(
        span_id=f"{2:016x}",
        parent_span_id=root.span_id,
        name="call",
        kind="llm",
        model=MODEL,
        provider="anthropic",
        input_tokens=read + written,
        output_tokens=10,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
    facts = TraceFacts(trace_id, session_id="s", tags={"folder": "~/shop"})
    return Batch([root, call], [facts])


TURNS = [
    turn(1, 0, 5000, minutes=0),
    turn(2, 5000, 1000, minutes=2),
    turn(3, 0, 7000, minutes=60),
    turn(4, 2000, 6000, minutes=61),
]


def spending(store: Store, by: str = "day") -> SpendingPage:
    store.refresh()
    with store.read() as conn:
        return queries.spending(conn, by)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_arrival_changes_nothing(store: Store, seed: int) -> None:
    """A turn that comes between two others changes what the later one has missed."""
    rng = random.Random(seed)
    for turn in rng.sample(TURNS, len(TURNS)):
        store.write(turn)
        if rng.random() < 0.5:
            store.refresh()
    page = spending(store)
    assert (page.total.calls, page.total.input_tokens) == (4, 26_000)
    lost = {row.name: row.measures.missed_tokens for row in page.breaks}
    assert lost == {"idle": 6000, "history": 5000}
    assert page.total.lost_usd == pytest.approx(11_000 * 3.45e-6)
    assert [row.name for row in spending(store, "project").rows] == ["~/shop"]


def test_what_is_removed_is_taken_out(store: Store) -> None:
    """Nothing is left of a run, and the next of its session goes on with the one before."""
    for turn in TURNS:
        store.write(turn)
    store.refresh()
    with store.writing() as conn:
        remove_traces(conn, [bytes.fromhex(f"{3:032x}")])
    page = spending(store)
    assert (page.total.calls, page.total.input_tokens) == (3, 19_000)
    assert {row.name: row.measures.missed_tokens for row in page.breaks} == {"idle": 4000}
    with store.writing() as conn:
        remove_traces(conn, [bytes.fromhex(f"{number:032x}") for number in (1, 2, 4)])
    empty = spending(store)
    assert (empty.rows, empty.names, empty.total.calls, empty.breaks) == ((), 0, 0, ())
    with store.read() as conn:
        assert conn.value("SELECT count(*) FROM spending") == 0
        assert queries.sessions(conn).total == 0


def test_spending_is_what_the_runs_have_spent(store: Store) -> None:
    """By whatever it is split, what was spent adds up to the total of the runs."""
    import_history(store, find("claude-code", DATA / "claude-code"))
    store.refresh()
    with store.read() as conn:
        whole = queries.overview(conn)
        for by in (*DIMENSIONS[1:-1], "day"):
            page = queries.spending(conn, by, limit=1000)  # type: ignore[arg-type]
            assert sum(row.measures.input_tokens for row in page.rows) == whole.input_tokens
            assert sum(row.measures.cost_usd for row in page.rows) == pytest.approx(whole.cost_usd)
            assert page.names == len(page.rows)
        skills = {row.name: row.measures.calls for row in queries.spending(conn, "skill").rows}
        assert skills["greet"] == 2


def test_some_days_only(store: Store) -> None:
    """Days are counted from 1970 and begin in UTC."""
    for turn in TURNS:
        store.write(turn)
    day = START // (86_400 * SECOND)
    store.refresh()
    with store.read() as conn:
        assert queries.spending(conn, "model", since_day=day).total.calls == 4
        later = queries.spending(conn, "model", since_day=day + 1)
        assert (later.rows, later.total.calls) == ((), 0)


@pytest.fixture
def filled(store: Store) -> Store:
    for turn in TURNS:
        store.write(turn)
    root = TURNS[0].spans[0]._replace(trace_id=f"{9:032x}", status="error", start_ns=START - 1)
    store.write(Batch([root], [TraceFacts(root.trace_id, session_id="bad")]))
    store.refresh()
    return store


def test_sessions_come_latest_dearest_or_worst_first(filled: Store) -> None:
    """Latest, dearest or worst first, with what they spent."""
    with filled.read() as conn:
        page = queries.sessions(conn)
        assert [(row.session_id, row.turns, row.failed) for row in page.rows] == [
            ("s", 4, 0),
            ("bad", 1, 1),
        ]
        assert page.rows[0].measures.calls == 4
        assert page.rows[0].project == "~/shop"
        assert queries.sessions(conn, order="failed").rows[0].session_id == "bad"
        assert queries.sessions(conn, limit=1, offset=1).rows[0].session_id == "bad"
        with pytest.raises(UsageError):
            queries.sessions(conn, order="x")  # type: ignore[arg-type]


def test_a_session_turn_by_turn(filled: Store) -> None:
    """The turns of a session come in order, with what each spent and where the cache was missed."""
    with filled.read() as conn:
        found = queries.session(conn, "s")
        assert [turn.trace.trace_id for turn in found.turns] == [f"{n:032x}" for n in (1, 2, 3, 4)]
        assert [turn.measures.missed_tokens for turn in found.turns] == [0, 0, 6000, 5000]
        breaks = [(one.reason, one.kept_tokens) for one in queries.session_breaks(conn, "s")]
        assert breaks == [("idle", 0), ("history", 2000)]
        assert [turn.measures.calls for turn in queries.session(conn, "bad").turns] == [0]
        with pytest.raises(NotFound):
            queries.session(conn, "nobody")


@pytest.mark.sqlite("its query plans")
def test_questions_go_by_an_index(store: Store) -> None:
    """Neither the list of sessions nor the run before looks at every row."""
    with store.read() as conn:
        for sql, index in (
            ("SELECT 1 FROM sessions WHERE last_ns > 0 ORDER BY last_ns DESC", "sessions_last"),
            (
                "SELECT tail FROM trace_spending WHERE session_id = 's' AND start_ns < 5"
                " AND tail IS NOT NULL ORDER BY start_ns DESC LIMIT 1",
                "trace_spending_session",
            ),
        ):
            plan = " ".join(str(row[-1]) for row in conn.rows(f"EXPLAIN QUERY PLAN {sql}"))
            assert f"INDEX {index}" in plan
            assert "TEMP B-TREE" not in plan
