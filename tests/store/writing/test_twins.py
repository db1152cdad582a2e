"""Turns that were seen both ways: one session, each turn once, whichever came first."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from clustertrace.conventions.otlp.logs import logs_of_json
from clustertrace.conventions.otlp.traces import decode_json
from clustertrace.model import REPLAY_OF, Trace
from clustertrace.store import queries
from clustertrace.store.settling.removing import remove_traces
from clustertrace.store.store import Store
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from clustertrace.transcripts.finding import find
from clustertrace.transcripts.importing import import_history

Step = Callable[[Store], object]

BOTH = Path(__file__).parents[2] / "transcripts" / "data" / "both"
"""Two sessions of the real Claude Code 2.1.330: their transcripts, and what they reported."""

HISTORY = BOTH / "projects"
CALL_USD = 0.0011175


def telemetry(folder: Path, run: str, *signals: str) -> list[Step]:
    """What a run has reported."""
    steps: list[Step] = []
    for path in sorted(folder.glob(f"{run}.*.json")):
        body, signal = path.read_bytes(), path.name.split(".")[1].partition("-")[0]
        if signal == "traces" and signal in signals:
            steps.append(lambda store, body=body: store.write(decode_json(body).batch))
        elif signal == "logs" and signal in signals:
            steps += [
                lambda store, batch=received.batch: store.write(batch)
                for received in logs_of_json(body, 1000)
            ]
    return steps


def read_history(store: Store) -> None:
    """Import the transcripts."""
    import_history(store, find("claude-code", HISTORY))


def export(store: Store) -> list[Trace]:
    store.refresh()
    with store.read() as conn:
        return list(queries.export(conn))


@pytest.mark.parametrize("signals", [("traces", "logs"), ("traces",), ("logs",)], ids="+".join)
@pytest.mark.parametrize("seed", range(4))
def test_claude_code_seen_both_ways(store: Store, signals: tuple[str, ...], seed: int) -> None:
    """Three turns, nine calls, whatever came first, was settled before, or came twice."""
    rng = random.Random(seed)
    reported = telemetry(BOTH, "both", *signals) + telemetry(BOTH, "logsonly", *signals)
    steps: list[Step] = [*reported, read_history]
    rng.shuffle(steps)
    for step in [*steps, *rng.sample(steps, 2)]:
        step(store)
        if rng.random() < 0.5:
            store.refresh()
    turns = export(store)
    sessions = [turn.session_id for turn in turns]
    assert (len(sessions), len(set(sessions))) == (3, 2)
    calls = [span for turn in turns for span in turn.spans if span.kind == "llm"]
    assert sum(call.cost_usd or 0 for call in calls) == pytest.approx(9 * CALL_USD)
    assert len(calls) == 9
    assert {call.output[0]["role"] for call in calls} == {"assistant"}
    tools = [span for turn in turns for span in turn.spans if span.kind == "tool"]
    assert [tool.name for tool in tools if tool.status == "error"] == ["Read"]
    assert sorted(tool.name for tool in tools) == ["Agent", *["Bash"] * 3, "Read"]
    assert [tool.output for tool in tools].count("hello-from-tool") == 3
    assert turns[0].tags["folder"] == "~/project"
    root = next(span for span in turns[0].spans if span.parent_span_id is None)
    assert root.input == "[[main]] [[tools:Bash,Agent]] both ways"


def test_steps_that_were_not_reported(store: Store) -> None:
    """Telemetry that was lost in part is made whole from the transcript."""
    lost = {"req_fake_ace9e267", "req_fake_0a980e06"}
    for path in sorted(BOTH.glob("both.traces*")):
        batch = decode_json(path.read_bytes()).batch
        kept = [one for one in batch.spans if one.attributes.get("request_id") not in lost]
        store.write(batch._replace(spans=kept))
    read_history(store)
    turns = export(store)
    calls = [span for turn in turns for span in turn.spans if span.kind == "llm"]
    assert len({call.attributes["request_id"] for call in calls}) == len(calls) == 9
    assert len(turns) == 3


@pytest.mark.parametrize("signals", [("traces", "logs"), ("traces",), ("logs",)], ids="+".join)
@pytest.mark.parametrize("last", ["transcript", "telemetry"])
def test_codex_seen_both_ways(
    store: Store, shared: Path, signals: tuple[str, ...], last: str
) -> None:
    """One turn with two calls and a tool; its rollout has what was said."""
    path = shared / "otlp_samples" / "transcripts" / "codex-tool.rollout.jsonl"
    steps = telemetry(shared / "otlp_samples", "codex-tool", *signals)
    read: Step = lambda store: import_history(store, find("codex", path))  # noqa: E731
    for step in [*steps, read] if last == "transcript" else [read, *steps]:
        step(store)
        store.refresh()
    with store.read() as conn:
        turns = [row for row in queries.traces(conn, limit=500).rows if row.llm_calls]
        assert [(turn.llm_calls, turn.input_tokens) for turn in turns] == [(2, 164)]
        spans = queries.trace(conn, turns[0].trace_id).spans
    [tool] = [span for span in spans if span.kind == "tool"]
    assert tool.name == "exec_command"
    assert tool.output is not None


def test_removing_a_turn_removes_what_both_told(store: Store) -> None:
    """Nothing of it is left, and what was read is not read again."""
    read_history(store)
    for step in telemetry(BOTH, "both", "traces"):
        step(store)
    turns = [bytes.fromhex(turn.trace_id) for turn in export(store)]
    with store.writing() as conn:
        remove_traces(conn, turns)
        left = [
            conn.value(f"SELECT count(*) FROM {table}")
            for table in ("spans", "unjoined_spans", "turn_hosts")
        ]
    assert left == [0, 0, 0]
    read_history(store)
    assert export(store) == []


def test_a_replay_that_both_tell_of_is_one_run(store: Store) -> None:
    """A turn that counts nowhere leaves no empty run behind either when telemetry takes it over."""
    read_history(store)
    turns = [turn.trace_id for turn in export(store)]
    annotate_traces(store, turns, TraceEdit(tags={REPLAY_OF: "f" * 32}))
    for step in telemetry(BOTH, "both", "traces"):
        step(store)
    assert len(export(store)) == len(turns) == 3
    with store.read() as conn:
        assert queries.overview(conn).replays == queries.traces(conn).total == 3
