"""What a week came to, held against the runs themselves, in any zone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.filters import parse
from clustertrace.filters.tree import And
from clustertrace.model import NS_PER_DAY, Batch, Span, TraceFacts
from clustertrace.review import sections
from clustertrace.review.sums import Sums
from clustertrace.review.weeks import Window, before, window
from clustertrace.store import queries
from clustertrace.store.queries.periods import period
from clustertrace.store.settling.removing import remove_traces
from clustertrace.store.store import Store
from tests.store.conftest import SECOND

FIRST = date(2025, 3, 24)
"""A Monday; clocks change in Europe on the Sunday that follows."""
START = 1_742_774_400 * SECOND
ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu")
HOURS = st.integers(-(10**6), 10**6)


@given(HOURS, st.integers(0, 10**6), st.integers(-(10**6), 2 * 10**6))
def test_the_pieces_of_a_period_are_the_period(start: int, length: int, at: int) -> None:
    """Each moment is counted once if it is inside, and not at all if it is outside."""
    start_ns, end_ns, at_ns = (one * 60 * SECOND for one in (start, start + length, at))
    pieces = period(start_ns, end_ns)
    counted = int(pieces.first_day <= at_ns // NS_PER_DAY < pieces.end_day)
    # Where a period is shorter than half a day its whole days may be less than none.
    counted -= int(pieces.end_day <= at_ns // NS_PER_DAY < pieces.first_day)
    counted += sum(part.sign for part in pieces.parts if part.start_ns <= at_ns < part.end_ns)
    assert counted == int(start_ns <= at_ns < end_ns)
    for part in pieces.parts:
        halves = {2 * part.start_ns // NS_PER_DAY, 2 * (part.end_ns - 1) // NS_PER_DAY}
        assert halves == {part.half_day}


def run(rng: random.Random, number: int) -> Batch:
    """A run at some time of three weeks, with a session or without, that may go wrong."""
    trace_id = f"{rng.getrandbits(128):032x}"
    start = START + rng.randrange(-14 * 24 * 4, 8 * 24 * 4) * 900 * SECOND
    status = rng.choice(["ok", "ok", "ok", "error", "running"])
    root = Span(
        *(trace_id, f"{1:016x}", None, f"agent-{number % 3}", "agent", status, start),
        end_ns=None if status == "running" else start + 9 * SECOND,
    )
    written, read = rng.choice([(0, 0), (2000, 0), (0, 2000), (5000, 4000)])
    call = root._replace(
        span_id=f"{2:016x}",
        parent_span_id=root.span_id,
        name="call",
        kind="llm",
        status="ok",
        end_ns=start + 5 * SECOND,
        model="claude-sonnet-4-6",
        provider="anthropic",
        input_tokens=read + written + 100,
        output_tokens=10,
        cache_read_tokens=read,
        cache_write_tokens=written,
        finish_reason=rng.choice([None, "max_tokens", "refusal"]),
    )
    facts = TraceFacts(
        trace_id,
        session_id=rng.choice([None, "a", "b", "c"]),
        outcome=rng.choice([None, None, "pass", "fail"]),
    )
    return Batch([root, call], [facts])


@pytest.fixture(scope="module")
def three_weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of runs of which some came late, some again, and some were taken away."""
    rng = random.Random(4)
    with Store.open(tmp_path_factory.mktemp("weeks") / "t.db") as store:
        fill(store, rng)
        yield store


def fill(store: Store, rng: random.Random) -> None:
    """Write the runs, change some, and remove some."""
    for number in range(240):
        spans_of_run = run(rng, number)
        store.write(spans_of_run)
        if number % 40 == 0:
            store.refresh()
            store.write(Batch([], [TraceFacts(spans_of_run.spans[0].trace_id, outcome="fail")]))
    store.refresh()
    with store.writing() as conn:
        gone = conn.rows("SELECT trace_id FROM traces ORDER BY trace_id LIMIT 20")
        remove_traces(conn, [row[0] for row in gone])
    store.refresh()


def runs_of(store: Store, given: Window) -> list[dict[str, Any]]:
    """The runs that began in a window, one by one."""
    names = "session_id status failed dead_end cost_usd lost_usd missed_tokens input_tokens"
    names += " cache_read_tokens unpriced_calls variant_id start_ns trace_id"
    with store.read() as conn:
        rows = conn.rows(f"SELECT {names.replace(' ', ', ')} FROM traces")
    found = [dict(zip(names.split(), row, strict=True)) for row in rows]
    return [one for one in found if given.start_ns <= one["start_ns"] < given.end_ns]


def summed(runs: list[dict[str, Any]]) -> Sums:
    """The same sums by hand."""
    return Sums(
        finished=sum(one["failed"] is not None for one in runs),
        failed=sum(one["failed"] or 0 for one in runs),
        ended=sum(one["failed"] is not None or one["status"] != "running" for one in runs),
        dead_ends=sum(one["dead_end"] is not None for one in runs),
        missed_runs=sum(one["missed_tokens"] > 0 for one in runs),
        **{
            name: sum(one[name] for one in runs)
            for name in ("unpriced_calls", "input_tokens", "cache_read_tokens", "missed_tokens")
        },
        cost_usd=pytest.approx(sum(one["cost_usd"] for one in runs)),
        lost_usd=pytest.approx(sum(one["lost_usd"] for one in runs)),
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("weeks_ago", [0, 1, 2])
def test_a_week_is_what_its_runs_are(three_weeks: Store, zone: str, weeks_ago: int) -> None:
    """Sums, patterns, sessions and dead ends, with days that begin at any hour of UTC."""
    given = before(window(FIRST, ZoneInfo(zone)), weeks_ago)
    runs = runs_of(three_weeks, given)
    with three_weeks.read() as conn:
        found = queries.review(conn, given)
    assert len(runs) > 50
    by_pattern: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_pattern.setdefault(run["variant_id"], []).append(run)
    assert found.total == summed(runs)
    assert found.total.missed_runs
    assert {one.id: one.sums for one in found.cache} == {
        pattern: summed(own) for pattern, own in by_pattern.items()
    }
    assert found.most_run is not None
    assert found.trend[-1][1:] == (found.most_run.sums.finished, found.most_run.sums.failed)
    for week in found.trend:
        own = runs_of(three_weeks, week.window)
        own = [one for one in own if one["variant_id"] == found.most_run.id]
        assert week.runs == sum(one["failed"] is not None for one in own)
    costs: dict[str, float] = {}
    for run in runs:
        of = run["session_id"] or run["trace_id"].hex()
        costs[of] = costs.get(of, 0.0) + run["cost_usd"]
    dearest = sorted(costs.values(), reverse=True)[:10]
    assert [one.cost_usd for one in found.dearest] == pytest.approx(dearest)
    for run in found.dearest:
        assert run.cost_usd == pytest.approx(costs[run.session_id or run.trace_id])
    dead = [one for one in runs if one["dead_end"]]
    assert sum(found.endings.values()) == len(dead) == found.total.dead_ends
    for end in found.dead_ends:
        if end.session_id:
            assert end.runs == sum(one["session_id"] == end.session_id for one in dead)


def test_sessions_that_were_dear_just_before_are_not_dear(store: Store) -> None:
    """Days of the roll-up reach over the edges of a week; only what is inside counts."""
    given = window(FIRST, ZoneInfo("Pacific/Auckland"))
    rng = random.Random(2)
    for number in range(45):
        outside = 100.0 if number < 30 else 0.0
        for at, cost in ((given.start_ns - SECOND, outside), (given.start_ns, 1.0 + number)):
            root, call = run(rng, number).spans
            root = root._replace(start_ns=at, end_ns=at + 9 * SECOND)
            facts = TraceFacts(root.trace_id, session_id=f"s{number:02}")
            store.write(Batch([root, call._replace(start_ns=at, cost_usd=cost)], [facts]))
    store.refresh()
    with store.read() as conn:
        found = queries.review(conn, given)
    assert [one.session_id for one in found.dearest] == [
        f"s{number}" for number in range(44, 34, -1)
    ]
    assert [one.cost_usd for one in found.dearest] == [1.0 + number for number in range(44, 34, -1)]
    assert {one.runs for one in found.dearest} == {1}


def test_the_newest_dead_ends_come_first(three_weeks: Store) -> None:
    """Of a session the last one; a later run of it means that it went on."""
    given = window(FIRST, ZoneInfo("UTC"))
    with three_weeks.read() as conn:
        found = queries.review(conn, given).dead_ends
        last = {
            session: conn.value("SELECT max(start_ns) FROM traces WHERE session_id = ?", (session,))
            for session in "abc"
        }
    assert [one.start_ns for one in found] == sorted((one.start_ns for one in found), reverse=True)
    assert {"a", "b", "c"} <= {one.session_id for one in found}
    for one in found:
        assert one.went_on == (bool(one.session_id) and last[one.session_id] > one.start_ns)


def test_lost_dollars_are_those_of_the_roll_up_of_money(three_weeks: Store) -> None:
    """One arithmetic: patterns and days of money agree."""
    with three_weeks.read() as conn:
        total = queries.spending(conn, "day").total
        row = conn.row(
            "SELECT sum(missed_tokens), sum(missed_runs), sum(lost_usd) FROM variant_days"
        )
    assert row == (total.missed_tokens, total.misses, pytest.approx(total.lost_usd))
    assert total.lost_usd > 0


def test_an_empty_week(store: Store) -> None:
    """A week without runs gives an empty review, and no error."""
    with store.read() as conn:
        found = queries.review(conn, window(FIRST + timedelta(days=700), None))
    assert (found.total, found.patterns, found.most_run) == (Sums(), 0, None)
    assert (found.dearest, found.cache, found.trend, found.dead_ends) == ((), (), (), ())


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_numbers_are_those_of_the_lists_that_they_lead_to(three_weeks: Store, zone: str) -> None:
    """Each number of runs that has an address counts what the list there shows."""
    given = window(FIRST, ZoneInfo(zone))
    with three_weeks.read() as conn:
        found = queries.review(conn, given)
        cells = [fact.cell for fact in sections.facts(found)]
        for section in sections.sections(found):
            cells += [fact.cell for fact in section.facts]
            cells += [cell for row in section.rows for cell in row]
        checked = 0
        for cell in cells:
            number = re.match(r"(\d+)($| runs?$| failed$)", cell.text)
            filters = parse_qs(urlsplit(cell.href).query).get("where", [])
            # Tokens lead to the runs that they are of.
            if number and cell.href.startswith("/?") and "missed>0" not in filters:
                where = And(tuple(parse(one) for one in filters))
                assert queries.traces(conn, where).total == int(number[1]), cell
                checked += 1
    assert checked > 15


def test_nothing_is_read_run_by_run(three_weeks: Store) -> None:
    """Each question finds what it needs in an index; parts of days need no row of the table."""
    asked: list[str] = []
    with three_weeks.read() as conn:
        conn.raw.set_trace_callback(asked.append)
        queries.review(conn, window(FIRST, ZoneInfo("Asia/Kathmandu")))
        conn.raw.set_trace_callback(None)
        plans = [row[3] for sql in asked for row in conn.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert not [step for step in plans if step.startswith(("SCAN traces", "SCAN spending"))]
    parts = [step for step in plans if "traces_parts" in step]
    assert parts
    assert all("USING COVERING INDEX" in step for step in parts)
    assert any("traces_lone_cost (half_day=? AND cost_usd>?)" in step for step in plans)
    assert any("traces_dead_end (dead_end=? AND start_ns>?" in step for step in plans)
