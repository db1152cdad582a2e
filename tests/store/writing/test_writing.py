"""The writer and settling: whatever the order of arrival, the same trace results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustertrace.exchange.native import dump_trace, parse_trace
from clustertrace.model import Batch, Metric, Span, Trace, TraceFacts
from clustertrace.pricing import price_span
from clustertrace.store import Store, queries
from clustertrace.store.rows import json_text, json_value
from clustertrace.store.writing import writer
from tests.store.conftest import SECOND, START, TRACE, batch, root, span


def settled(store: Store) -> Trace:
    """Refresh, and read the one trace."""
    store.refresh()
    with store.read() as conn:
        return queries.trace(conn, TRACE)


RUN = [
    root(input={"question": "why?"}, output="because", cost_usd=None),
    span(2, "search", input={"q": "a"}, output=["x"]),
    span(3, "chat", kind="llm", model="some-model", input_tokens=10, output_tokens=5),
    span(4, "search", status="error", error_type="Timeout", error_message="too slow"),
    span(5, "inner", parent=4, attributes={"depth": 2}, extra={"unknown": [1, None]}),
]


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every derived row that does not depend on the order of arrival by design."""
    store.refresh()
    with store.read() as conn:
        return {
            table: conn.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
            for table in (
                "traces",
                "variant_days",
                "variant_totals",
                "variant_durations",
                "variants",
                "trace_tags",
            )
        }


def test_a_span_comes_back_as_it_was_written(store: Store) -> None:
    """Nothing of a span is lost between the record and the record."""
    store.write(batch(*RUN))
    assert list(settled(store).spans) == RUN


def test_counts_say_what_became_of_each_span(store: Store) -> None:
    """New spans, better copies and repeated ones are told apart."""
    assert store.write(batch(RUN[0], RUN[1])) == (2, 0, 0)
    better = RUN[1]._replace(attributes={"more": True})
    assert store.write(batch(RUN[0], better, RUN[2])) == (1, 1, 1)
    assert store.write(batch(RUN[1])) == (0, 0, 1)
    assert settled(store).spans[1] == better


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_order_copies_and_batches_do_not_matter(
    data: st.DataObject, empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Spans late, doubled, in any order and in any batches lead to the same rows."""
    started = RUN[0]._replace(status="running", end_ns=None, output=None)
    arrivals = data.draw(st.permutations([*RUN, started, RUN[3], RUN[0]]))
    cuts = data.draw(st.lists(st.integers(1, len(arrivals)), max_size=3).map(sorted))
    folder = tmp_path_factory.mktemp("any")
    for name in ("any.db", "plain.db"):
        shutil.copy(empty_database, folder / name)
    with Store.open(folder / "any.db") as shuffled, Store.open(folder / "plain.db") as plain:
        plain.write(batch(*RUN))
        at = 0
        for cut in (*cuts, len(arrivals)):
            shuffled.write(batch(*arrivals[at:cut]))
            if data.draw(st.booleans()):
                shuffled.refresh()
            at = cut
        assert dump(shuffled) == dump(plain)


def test_a_late_span_moves_the_trace_to_its_new_variant(store: Store) -> None:
    """Roll-ups hold a trace once, wherever late news moves it."""
    store.write(batch(RUN[0], RUN[1]))
    store.refresh()
    with store.read() as conn:
        before = queries.clusters(conn)
    store.write(batch(RUN[3]))
    store.refresh()
    with store.read() as conn:
        after = queries.clusters(conn)
        assert queries.overview(conn).traces == 1
    assert before.total == after.total == 1
    assert before.clusters[0].id != after.clusters[0].id


def test_facts_before_any_span_wait_for_it(store: Store) -> None:
    """A tag that arrives first is kept, and the trace appears with its first span."""
    store.write(batch(facts=[TraceFacts(TRACE, tags={"tier": "gold"}, session_id="s1")]))
    store.refresh()
    with store.read() as conn:
        assert queries.traces(conn).total == 0
    store.write(batch(RUN[0]))
    trace = settled(store)
    assert trace.tags == {"tier": "gold"}
    assert trace.session_id == "s1"


def test_an_outcome_beats_the_status_of_the_root(store: Store) -> None:
    """A run that ended well and is called a failure counts as failed, and the other way round."""
    store.write(batch(RUN[0], facts=[TraceFacts(TRACE, outcome="fail", outcome_reason="wrong")]))
    assert settled(store).failed
    with store.read() as conn:
        seen = queries.overview(conn)
    assert (seen.failed, seen.failed_by_outcome, seen.failed_by_status) == (1, 1, 0)
    store.write(batch(facts=[TraceFacts(TRACE, outcome="pass")]))
    assert not settled(store).failed
    with store.read() as conn:
        assert queries.overview(conn).failed == 0


def test_metrics_are_kept_once(store: Store) -> None:
    """The same measurement twice is one; another time makes another."""
    score = Metric("score", 0.5, START)
    later = Metric("score", 0.5, START + 1)
    for metrics in ((score,), (score, later)):
        store.write(batch(RUN[0], facts=[TraceFacts(TRACE, metrics=metrics)]))
    assert settled(store).metrics == (score, later)


def test_running_becomes_ended_and_never_runs_again(store: Store) -> None:
    """A start line that arrives after the end changes nothing."""
    started = RUN[0]._replace(status="running", end_ns=None)
    store.write(batch(started))
    assert settled(store).status == "running"
    store.write(batch(RUN[0]))
    assert settled(store).status == "ok"
    store.write(batch(started))
    assert settled(store).status == "ok"


def test_spans_without_their_root_make_a_trace(store: Store) -> None:
    """A remote parent that never arrives does not hide the spans below it."""
    store.write(batch(span(7, "tool", parent=99), span(8, "tool", parent=99)))
    trace = settled(store)
    assert (trace.name, trace.status) == ("tool", "ok")
    assert trace.end_ns == START + 9 * SECOND


def test_cyclic_parents_are_stored_and_settled(store: Store) -> None:
    """Two spans that call each other parent cost nothing but their tree."""
    store.write(batch(span(2, "a", parent=3), span(3, "b", parent=2)))
    assert len(settled(store).spans) == 2


def test_settling_waits_its_turn(store: Store) -> None:
    """A trace with fresh news is not due yet; `everything` takes it all the same."""
    store.write(batch(RUN[0]))
    assert store.settle() == 0
    assert store.settle(everything=True) == 1
    assert store.settle(everything=True) == 0


@pytest.mark.parametrize("value", ["\ud800", 2**70, {"a": [1.5, None]}, "", [], 0, False])
def test_odd_payloads_are_stored(store: Store, value: Any) -> None:
    """Values that strict JSON writers refuse are kept as well as UTF-8 allows."""
    store.write(batch(RUN[0]._replace(input=value)))
    kept = settled(store).spans[0].input
    assert kept == ("?" if value == "\ud800" else value)


def test_a_nest_too_deep_for_any_parser_is_said_so(store: Store) -> None:
    """What is nested past every limit is replaced by a note, not by an exception."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    store.write(batch(RUN[0]._replace(input=deep)))
    assert "deeply" in json.dumps(settled(store).spans[0].input)


@pytest.mark.parametrize("levels", [199, 200, 201, 253, 254, 255, 300, 500])
def test_deep_values_are_shown_and_exported(store: Store, levels: int) -> None:
    """However deep a value came, whatever reads it can: below the 200th level it is text."""
    deep: Any = "core"
    for _ in range(levels):
        deep = {"a": deep}
    failed = RUN[0]._replace(input=deep, output=[deep], status="error")
    store.write(batch(failed))
    trace = settled(store)
    spans, _ = parse_trace(dump_trace(trace))
    assert spans[0].input == trace.spans[0].input
    assert (trace.spans[0].input == deep) == (levels <= 200)
    assert "core" in json.dumps(trace.spans[0].input)
    with store.read() as conn:
        assert queries.suspects_of(conn, trace) is not None
        assert conn.value("SELECT count(*) FROM trace_traits") == 1


def test_large_values_keep_their_form() -> None:
    """Two megabytes with a number past 64 bits are no text: only what is deep becomes one."""
    value = [{"n": 2**70, "text": "x" * 4_000} for _ in range(500)]
    assert json_value(json_text(value)) == json.loads(json.dumps(value))
    deep: Any = "core"
    for _ in range(300):
        deep = [deep]
    assert isinstance(json_value(json_text([deep] * 8_000)), str)


def test_what_no_row_can_be_made_of_costs_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours in one span is told in the log, and all others are stored."""

    def broken(span: Span) -> Span:
        if span.span_id == RUN[1].span_id:
            raise ValueError("a fault of ours")
        return price_span(span)

    monkeypatch.setattr(writer, "price_span", broken)
    assert store.write(batch(*RUN)).new == len(RUN) - 1
    assert "ValueError" in caplog.text
    assert "a fault of ours" not in caplog.text  # it may quote the record
    assert {span.span_id for span in settled(store).spans} == {
        span.span_id for span in RUN if span is not RUN[1]
    }


def test_what_is_said_of_a_run_is_within_the_limit(store: Store) -> None:
    """Tags and reasons of three megabytes are cut as payloads are, once."""
    trace_id = RUN[0].trace_id
    fact = TraceFacts(
        trace_id, outcome="fail", outcome_reason="y" * 3_000_000, tags={"k": "x" * 3_000_000}
    )
    store.write(Batch([*RUN], [fact]))
    once = settled(store)
    assert len(once.tags["k"]) < 40_000
    assert len(once.outcome_reason or "") < 40_000
    store.write(Batch([], [fact._replace(tags=once.tags, outcome_reason=once.outcome_reason)]))
    assert settled(store).tags == once.tags


def test_two_stores_write_to_one_file(tmp_path: Path) -> None:
    """Two processes' writers share a database without losing a span."""
    first, second = Store.open(tmp_path / "t.db"), Store.open(tmp_path / "t.db")
    with first, second:
        for at, one in enumerate(RUN):
            (first if at % 2 else second).write(batch(one))
        assert list(settled(first).spans) == RUN


def test_only_ids_of_the_store_are_known(store: Store) -> None:
    """An id counts as known once a span of it is stored."""
    other: Span = RUN[0]._replace(trace_id="f" * 32)
    store.write(batch(RUN[0], facts=[TraceFacts(other.trace_id, tags={"a": "b"})]))
    with store.read() as conn:
        assert queries.known_traces(conn, [TRACE, other.trace_id]) == {TRACE}


@pytest.mark.sqlite("its file")
def test_secrets_never_reach_the_disk(store: Store) -> None:
    """Whatever field a secret comes in, no file holds it, and the cut is counted."""
    secret = "sk-ant-api03-" + "a1B2" * 12
    hidden = root(
        name=f"run {secret}",
        input={"password": "hunter2", "nested": [secret]},
        output=secret,
        status="error",
        error_message=f"bad key {secret}",
        attributes={"http.header": f"Authorization: Bearer {secret}"},
        extra={"unknown": secret},
    )
    tags = {"api_key": "hunter2", "note": secret}
    fields = {"name": secret, "outcome_reason": secret, "extra": {"x": secret}}
    facts = [TraceFacts(TRACE, tags=tags, outcome="fail", **fields)]
    store.write(batch(hidden, facts=facts))
    assert store.write(batch(hidden)).same == 1
    trace = settled(store)
    for path in store.path.parent.iterdir():
        data = path.read_bytes()
        assert secret.encode() not in data, path
        assert b"hunter2" not in data, path
    assert trace.spans[0].attributes["clustertrace.redacted"] == 7
    assert trace.tags["api_key"].startswith("[redacted")


@pytest.mark.sqlite("its query plans")
def test_spans_of_known_traces_are_found_by_their_keys(store: Store) -> None:
    """Traces come in many requests; however many spans there are, none is looked for among all."""
    statements: list[str] = []
    store.write(batch(*RUN[:3]))
    with store.writing() as conn:
        conn.raw.set_trace_callback(statements.append)
        writer.write(conn, writer.prepared(batch(*RUN)), START)
        conn.raw.set_trace_callback(None)
        asked = [one for one in statements if one.startswith("SELECT") and "VALUES" in one]
        plans = [row[-1] for one in asked for row in conn.rows(f"EXPLAIN QUERY PLAN {one}")]
    assert len(asked) == 3
    assert not [step for step in plans if step.startswith("SCAN") and "spans" in step]
