"""What users get to test their own traced code."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

import clustertrace
from clustertrace.record.clock import source
from clustertrace.store import Store, queries
from clustertrace.testing import capture_traces, deterministic


def ids_and_times(seed: int) -> list[tuple[str, str, int]]:
    """What two nested spans look like under a simulated clock."""
    ticks = count(10**18, 1000)
    with (
        deterministic(clock_ns=lambda: next(ticks), seed=seed),
        clustertrace.span("agent") as outer,
        clustertrace.span("step") as inner,
    ):
        return [(step.trace_id, step.span_id, step.start_ns) for step in (outer, inner)]


def test_the_same_seed_gives_the_same_run() -> None:
    """Ids and times repeat with the seed; another seed gives other ids at the same times."""
    first, again, other = ids_and_times(1), ids_and_times(1), ids_and_times(2)
    assert first == again
    assert {ids[1] for ids in first}.isdisjoint(ids[1] for ids in other)
    assert [ids[2] for ids in first] == [ids[2] for ids in other]
    assert 10**18 <= first[0][2] < first[1][2] < 10**18 + 10_000


def test_the_own_clock_returns_also_after_an_error() -> None:
    """Whatever happens inside, the recorder has its own clock and ids again afterwards."""
    before = (source.wall_ns, source.tick_ns, source.bits, source.chance)
    with pytest.raises(KeyError), deterministic(clock_ns=lambda: 5):
        raise KeyError
    assert (source.wall_ns, source.tick_ns, source.bits, source.chance) == before


@clustertrace.trace(kind="agent", tags={"tier": "gold"})
def agent(question: str) -> str:
    """Work in all the ways that leave traces of different shapes."""
    with clustertrace.session("s1"), clustertrace.span("chat", kind="llm") as call:
        call.set_usage("gpt-4o-mini", provider="openai", input_tokens=1000, output_tokens=10)
    clustertrace.tool_call("search", {"q": question}, error="no answer")
    clustertrace.metric("score", 0.5)
    clustertrace.tag("late", 1)
    if question == "why?":
        raise KeyError(question)
    clustertrace.outcome("fail", "wrong")
    return "because"


def test_traces_are_plain_values() -> None:
    """A test sees names, kinds, inputs, outputs, tags, metrics and outcomes of what has ended."""
    with capture_traces() as traces:
        agent("how?")
    trace = traces.one()
    assert (trace.name, trace.status, trace.outcome, trace.failed) == ("agent", "ok", "fail", True)
    assert trace.tags == {"late": "1", "tier": "gold"}
    assert [(metric.name, metric.value) for metric in trace.metrics] == [("score", 0.5)]
    root, call, tool = trace.spans
    assert (root.input, root.output) == ({"question": "how?"}, "because")
    assert (call.kind, call.input_tokens, call.cost_usd) == ("llm", 1000, pytest.approx(0.000156))
    assert (tool.name, tool.status, tool.error_message) == ("search", "error", "no answer")


def test_traces_are_what_the_store_would_have() -> None:
    """The same lines lead to the same traces with and without a database."""
    with capture_traces() as traces:
        for question in ("how?", "why?"):
            try:
                agent(question)
            except KeyError:
                clustertrace.tool_call("apologise")
        before_draining = list(traces)
        with Store.open() as store:
            store.refresh()
            with store.read() as conn:
                stored = list(queries.export(conn))
    assert len(before_draining) == 3
    assert before_draining == stored


def test_the_users_database_is_not_touched(tmp_path: Path) -> None:
    """Whatever is captured leaves nothing behind, neither beside the database nor elsewhere."""
    before = dict(os.environ)
    agent("how?")
    clustertrace.flush()
    with capture_traces() as traces:
        agent("how?")
        place = clustertrace.get_db_path().parent
        assert tmp_path not in place.parents
    assert not place.exists()
    assert len(traces) == 1
    assert dict(os.environ) == before
    agent("how?")
    with Store.open() as store:
        store.refresh()
        with store.read() as conn:
            assert queries.traces(conn).total == 2


def test_traces_can_be_seen_as_they_end() -> None:
    """Within the block the traces so far are there; a run that has not ended is not among them."""
    with capture_traces() as traces:
        assert len(traces) == 0
        with clustertrace.span("outer"):
            assert list(traces) == []
        assert [trace.name for trace in traces] == ["outer"]
        with clustertrace.span("left open"):
            pass
    assert [trace.name for trace in traces[-1:]] == ["left open"]
    with pytest.raises(AssertionError, match="found 2: outer, left open"):
        traces.one()


def test_threads_tasks_and_processes_are_captured() -> None:
    """Whoever records inside the block is seen."""

    async def tasks() -> None:
        await asyncio.gather(*(asyncio.to_thread(agent, "how?") for _ in range(3)))

    with capture_traces() as traces:
        asyncio.run(tasks())
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(agent, ["how?"] * 4))
        child = "import clustertrace\nwith clustertrace.span('child'): pass"
        subprocess.run([sys.executable, "-c", child], check=True)
    assert len(traces) == 8


def test_recording_is_on_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine's settings against recording don't hold inside; they do again after it."""
    monkeypatch.setenv("CLUSTERTRACE_DISABLED", "1")
    monkeypatch.setenv("CLUSTERTRACE_SAMPLE_RATE", "0")
    with capture_traces() as outer:
        agent("how?")
        with capture_traces() as inner:
            agent("how?")
        agent("how?")
    agent("how?")
    assert (len(outer), len(inner)) == (2, 1)
    assert not Path(os.environ["CLUSTERTRACE_DB"]).with_suffix(".db.spool").exists()


def test_the_environment_returns_after_an_error() -> None:
    """An error in the block goes on, and what had been captured by then stays to be seen."""
    before = os.environ["CLUSTERTRACE_DB"]
    with pytest.raises(KeyError), capture_traces() as traces:
        agent("why?")
    assert traces.one().status == "error"
    assert os.environ["CLUSTERTRACE_DB"] == before


def test_whole_runs_as_literals() -> None:
    """With a clock and ids of the test's own, a run is the same value each time."""

    def run() -> list[object]:
        ticks = count(10**18, 1000)
        with capture_traces() as traces, deterministic(clock_ns=lambda: next(ticks), seed=7):
            agent("how?")
        return list(traces)

    assert run() == run()


def test_the_documented_examples_run() -> None:
    """The page on testing shows what works."""
    page = Path(__file__).parents[1] / "docs" / "testing.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(block, namespace)
    tests = [name for name in namespace if name.startswith("test_")]
    assert len(tests) == len(blocks) == 2
    for name in tests:
        namespace[name]()  # type: ignore[operator]
