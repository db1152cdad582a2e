"""Records joined with the rows of their spans: whichever came first, as often as they come."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from clustertrace.conventions.otlp.logs import logs_of_json
from clustertrace.conventions.otlp.traces import decode_json
from clustertrace.model import Batch, Log, Trace, TraceFacts
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.upkeep.backfill import backfill_costs
from clustertrace.store.writing import log_rows
from tests.store.conftest import START, TRACE, batch, root, span

SPAN = f"{2:016x}"


def details(answer: str = "a platypus", **more: Any) -> Batch:
    """A record of the model call that is span 2."""
    attributes = {"gen_ai.output.messages": [{"role": "assistant", "content": answer}], **more}
    name = "gen_ai.client.inference.operation.details"
    return Batch([], [], None, [Log(TRACE, SPAN, START + 5, name, "tests", None, attributes)])


def call(**more: Any) -> Batch:
    """A run with one model call."""
    return batch(root(), span(2, "chat", kind="llm", **more))


def traces(store: Store) -> list[Trace]:
    store.refresh()
    with store.read() as conn:
        return list(queries.export(conn))


def found(store: Store, words: str) -> int:
    store.refresh()
    with store.read() as conn:
        return len(queries.search(conn, words, limit=50).hits)


@pytest.mark.parametrize("first", ["log", "span"])
@pytest.mark.parametrize("settled", [False, True])
def test_whichever_comes_first(store: Store, first: str, settled: bool) -> None:
    """A record fills its span whether it came before it, after it, or after the run was settled."""
    both = [details(), call()] if first == "log" else [call(), details()]
    for arriving in (*both, *both):
        store.write(arriving)
        if settled:
            store.settle(everything=True)
    (trace,) = traces(store)
    assert [span.name for span in trace.spans] == ["agent", "chat"]
    assert trace.spans[1].output == [{"role": "assistant", "content": "a platypus"}]
    assert found(store, "platypus") == 1


def test_totals_follow(store: Store) -> None:
    """Tokens that only a record tells are counted and priced, and no word of before is found."""
    store.write(details(**{"gen_ai.request.model": "gpt-4o-mini"}))
    assert found(store, "platypus") == 1
    tokens = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0}
    store.write(call(model="gpt-4o-mini"))
    store.write(details("a wombat", **tokens))
    with store.read() as conn:
        assert queries.overview(conn).input_tokens == 0
    store.refresh()
    with store.read() as conn:
        overview = queries.overview(conn)
        assert (overview.traces, overview.llm_calls, overview.input_tokens) == (1, 1, 1_000_000)
        assert overview.cost_usd == pytest.approx(0.15)
    assert backfill_costs(store).changed == 0
    assert traces(store) == traces(store)


def test_a_better_copy_of_the_span(store: Store) -> None:
    """A span that ends after a record filled it keeps what the record says."""
    store.write(batch(root(), span(2, "chat", kind="llm", status="running", end_ns=None)))
    store.write(details())
    store.refresh()
    store.write(call(input="hi"))
    (trace,) = traces(store)
    (_, chat) = trace.spans
    assert (chat.status, chat.input) == ("ok", "hi")
    assert chat.output is not None


def test_a_run_without_spans(store: Store) -> None:
    """Records whose spans never come are a run that can be found; when they come, it is theirs."""
    store.write(Batch([], [], None, [Log(TRACE, SPAN, START, "", "tests", "a platypus")]))
    (trace,) = traces(store)
    assert [one.name for one in trace.spans] == ["log records"]
    assert found(store, "platypus") == 1
    store.write(call())
    (trace,) = traces(store)
    assert [one.name for one in trace.spans] == ["agent", "chat"]
    assert found(store, "platypus") == 1
    with store.read() as conn:
        assert [one.count for one in queries.clusters(conn, limit=9).clusters] == [1]


def test_a_score_in_a_record_is_a_metric_of_the_run_once(store: Store) -> None:
    """A score that a record tells is a metric of the run, once."""
    attributes = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5}
    value = {"stringValue": "tone"}, {"doubleValue": 0.5}
    pairs = [{"key": key, "value": one} for key, one in zip(attributes, value, strict=True)]
    record = {
        "traceId": TRACE,
        "spanId": SPAN,
        "timeUnixNano": str(START),
        "eventName": "gen_ai.evaluation.result",
        "attributes": pairs,
    }
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    for _ in range(2):
        (received,) = logs_of_json(body, 9)
        store.write(received.batch)
        store.write(call())
    (trace,) = traces(store)
    ((name, value_, _, span_id),) = [tuple(metric) for metric in trace.metrics]
    assert (name, value_, span_id) == ("tone", 0.5, SPAN)


def test_metadata_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With content off, a record's content is stored nowhere; its numbers still count."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    store.write(call())
    store.write(details(**{"gen_ai.usage.input_tokens": 7}))
    (trace,) = traces(store)
    assert (trace.spans[1].output, trace.spans[1].input_tokens) == (None, 7)
    with store.read() as conn:
        assert "platypus" not in repr(conn.rows("SELECT * FROM logs"))


def test_secrets_are_counted(store: Store) -> None:
    """A secret in a record is cut, and counted on the span that the record fills."""
    store.write(call())
    store.write(details("sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4xY7z" * 2))
    (trace,) = traces(store)
    assert "sk-proj-aB3" not in repr(trace)
    assert trace.spans[1].attributes["clustertrace.redacted"] == 1


def test_a_session_of_metrics(store: Store) -> None:
    """Points of a session count until anything else is known of it."""
    attributes = {"type": "output", "model": "m", "value": 5.0, "temporality": 1, "start_ns": START}
    name, home = "claude_code.token.usage", "ee" * 16
    log = Log(home, None, START, name, "com.anthropic.claude_code", None, attributes, None, "s")
    store.write(Batch([], [TraceFacts(home, session_id="s")], None, [log]))
    (trace,) = traces(store)
    assert sorted(one.output_tokens or 0 for one in trace.spans) == [0, 5]
    store.write(call()._replace(facts=[TraceFacts(TRACE, session_id="s")]))
    (trace,) = traces(store)
    assert trace.trace_id == TRACE
    with store.read() as conn:
        assert queries.overview(conn).traces == 1


def test_more_records_than_are_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a flood of records the agents' own come first, and the run says how many were left."""
    monkeypatch.setattr(log_rows, "MOST", 600)
    flood = [Log(TRACE, None, START + n, "", "app", f"line {n}", ordinal=n) for n in range(1500)]
    store.write(call())
    store.write(Batch([], [], None, flood))
    store.write(details())
    (trace,) = traces(store)
    head, chat = trace.spans
    assert chat.output is not None
    kept = len(head.attributes["events"])
    assert head.attributes["clustertrace.records_left_out"] == 1500 - kept


def strip(body: bytes) -> bytes:
    """A log request whose records name neither trace nor span."""
    return re.sub(rb'"(traceId|spanId)": ?"[0-9a-f]+"', rb'"\1":""', body)


@pytest.mark.parametrize("run", ["claude-code-subagent", "claude-code-hooks", "codex-tool"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_turns_whose_records_name_no_trace(store: Store, shared: Path, run: str, seed: int) -> None:
    """Where spans and records of a turn have only their session in common, it is still one turn."""
    bodies = [
        (file.name, file.read_bytes())
        for file in sorted((shared / "otlp_samples").glob(f"{run}.*.json"))
        if "metrics" not in file.name
    ]
    batches: list[Batch] = []
    for name, body in bodies:
        if "logs" in name:
            batches += [received.batch for received in logs_of_json(strip(body), 1000)]
        else:
            batches.append(decode_json(body).batch)
    store.write(batches[0])
    alone = traces(store)
    assert alone
    for arriving in random.Random(seed).sample(batches * 2, len(batches) * 2):
        store.write(arriving)
        if seed == 2:
            store.settle(everything=True)
    spans = [one for trace in traces(store) for one in trace.spans]
    came = {one.span_id for part in batches for one in part.spans}
    assert {one.span_id for one in spans} == came
    assert any(one.kind == "agent" and one.input is not None for one in spans)
    if run.startswith("claude"):
        assert {one.cost_usd for one in spans if one.kind == "llm"} == {0.0011175}


def plan(store: Store, sql: str, *values: Any) -> str:
    with store.read() as conn:
        return " ".join(str(row[-1]) for row in conn.rows(f"EXPLAIN QUERY PLAN {sql}", values))


@pytest.mark.sqlite("its query plans")
def test_plain_spans_cost_a_look_into_an_index(store: Store) -> None:
    """Runs without records are told apart by indexes, however many records there are."""
    statements: list[str] = []
    store.write(call()._replace(facts=[TraceFacts(TRACE, session_id="s")]))
    with store.read() as conn:
        conn.raw.set_trace_callback(statements.append)
        log_rows.with_logs(conn, [bytes.fromhex(TRACE)])
        log_rows.of_sessions(conn, [TraceFacts(TRACE, session_id="s")])
        conn.raw.set_trace_callback(None)
    assert len(statements) == 2
    for statement in statements:
        assert "SCAN" not in plan(store, statement)
