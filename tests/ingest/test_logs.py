"""Logs and metrics beside traces, as real agents sent them, through a real receiver."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clustertrace.model import Span, Trace
from clustertrace.store import Store, queries
from tests.ingest.conftest import Receiver, running

CALL_USD = 0.0011175


class Request(NamedTuple):
    """What was posted, and where to."""

    signal: str
    content: bytes
    headers: dict[str, str]


Ordering = Callable[[list[Request]], list[Request]]


def traces_first(requests: list[Request]) -> list[Request]:
    return sorted(requests, key=lambda request: request.signal != "traces")


def traces_last(requests: list[Request]) -> list[Request]:
    return sorted(requests, key=lambda request: request.signal == "traces")


def shuffled(seed: int) -> Ordering:
    return lambda requests: random.Random(seed).sample(requests, len(requests))


def doubled(requests: list[Request]) -> list[Request]:
    return shuffled(7)(requests * 2)


ORDERS: dict[str, Ordering] = {
    "traces first": traces_first,
    "traces last": traces_last,
    "shuffled": shuffled(1),
    "doubled": doubled,
}


@pytest.fixture(scope="session")
def requests(shared: Path) -> list[Request]:
    """All requests of the runs that sent logs."""
    folder = shared / "otlp_samples"
    runs = {file.name.partition(".")[0] for file in folder.glob("*.logs*")}
    assert len(runs) == 11
    return [
        Request(
            file.name.split(".")[1].partition("-")[0],
            file.read_bytes(),
            {
                "Content-Type": f"application/{'json' if '.json' in file.name else 'x-protobuf'}",
                **({"Content-Encoding": "gzip"} if file.suffix == ".gz" else {}),
            },
        )
        for file in sorted(folder.iterdir())
        if file.name.partition(".")[0] in runs and file.is_file()
    ]


def post(receiver: Receiver, request: Request) -> None:
    answer = receiver.http.post(
        f"/v1/{request.signal}", content=request.content, headers=request.headers
    )
    assert answer.status_code == 200


@pytest.fixture(scope="module", params=list(ORDERS))
def receiver(
    request: pytest.FixtureRequest,
    requests: list[Request],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Receiver]:
    """A receiver that got all of them in one order, and settled in between."""
    with running(tmp_path_factory.mktemp("logs") / "traces.db") as started:
        for number, one in enumerate(ORDERS[request.param](requests)):
            post(started, one)
            if number % 9 == 8:
                started.traces()
        yield started


@pytest.fixture(scope="module")
def traces(receiver: Receiver) -> list[Trace]:
    """What became of them."""
    return receiver.traces()


@pytest.fixture(scope="module")
def session(traces: list[Trace], requests: list[Request]) -> Callable[[str], list[Trace]]:
    """The traces of a sample's session, by a text that its requests hold."""

    def find(session_id: str) -> list[Trace]:
        found = [trace for trace in traces if trace.session_id == session_id]
        assert found
        return found

    return find


def calls(traces: list[Trace]) -> list[Span]:
    return [span for trace in traces for span in trace.spans if span.kind == "llm"]


SUBAGENT = "5e77a0c8-d11b-4bfc-a365-52e751a617bb"
RAW_BODIES = "67a5092a-6485-47ee-96dd-7a87c4e9c2c3"
HOOKS = "291edfeb-e3d7-4ac5-80bc-7a76d021c3d0"
TOOL = "679ec70a-33de-4a85-a9c5-2d18ceb1e6c9"
TOOL_FAIL = "fa9cbdbd-b6b9-4e7b-a4fe-d2f0ccede11d"
LOGS_ONLY = "d2eced13-c69d-4de4-b1d8-74c8e5ba5f7a"
CODEX = "01a2060a-8310-79d3-b507-c1efa5e38da4"

Sessions = Callable[[str], list[Trace]]


@pytest.mark.parametrize(
    ("session_id", "runs", "asked"),
    [(SUBAGENT, 2, 5), (HOOKS, 2, 6), (TOOL, 1, 2), (TOOL_FAIL, 1, 3), (RAW_BODIES, 1, 2)],
)
def test_claude_code_costs(session: Sessions, session_id: str, runs: int, asked: int) -> None:
    """Each model call has the cost that its log record tells, once, and the cache split."""
    found = session(session_id)
    assert len(found) == runs
    asked_for = calls(found)
    assert [call.cost_usd for call in asked_for] == [CALL_USD] * asked
    assert {call.input_tokens for call in asked_for} == {1050}
    for call in asked_for:
        assert call.attributes["cache_creation_5m_tokens"] == 30
        assert call.attributes["cache_creation_1h_tokens"] == 0


def test_the_subagent_stays_in_its_place(session: Sessions) -> None:
    """A sub-agent's calls hang below the tool that began it, and its session is the agent's."""
    (first,) = [trace for trace in session(SUBAGENT) if len(trace.spans) > 3]
    by_id = {span.span_id: span for span in first.spans}
    inside = [span for span in calls([first]) if "agent_id" in span.attributes]
    assert len(inside) == 2
    for call in inside:
        execution = by_id[call.parent_span_id or ""]
        assert by_id[execution.parent_span_id or ""].name == "Agent"


def test_prompts_and_answers(session: Sessions) -> None:
    """What the user asked and what was answered stand on the turn and on the call."""
    (trace,) = session(TOOL)
    (turn,) = [span for span in trace.spans if span.kind == "agent"]
    assert "Say hello with a command" in turn.input
    assert "sunny in Paris" in turn.output
    assert ["sunny in Paris" in str(call.output) for call in calls([trace])] == [False, True]
    (tool,) = [span for span in trace.spans if span.kind == "tool"]
    assert tool.input == {"command": "echo hello-from-tool", "description": "Say hello"}


def test_raw_bodies(session: Sessions) -> None:
    """Whole requests and responses are the input and output of their calls."""
    for call in calls(session(RAW_BODIES)):
        assert call.input
        assert call.output


def test_a_refused_tool_is_no_error(session: Sessions) -> None:
    """A tool call that nobody permitted did not fail."""
    (trace,) = session(TOOL_FAIL)
    (read,) = [span for span in trace.spans if span.name == "Read"]
    assert (read.status, read.finish_reason) == ("ok", "refused")
    assert trace.status == "ok"


def test_a_turn_of_logs_alone(session: Sessions) -> None:
    """Without traces the turn is built from its records."""
    (trace,) = session(LOGS_ONLY)
    assert trace.tags["service"] == "claude-code"
    (root,) = [span for span in trace.spans if span.parent_span_id is None]
    (call,) = calls([trace])
    assert (root.kind, call.parent_span_id) == ("agent", root.span_id)
    assert (call.model, call.input_tokens, call.output_tokens) == ("claude-sonnet-4-6", 1050, 25)
    assert (call.cache_read_tokens, call.cache_write_tokens) == (900, 30)
    assert call.cost_usd == CALL_USD


def test_codexs_records_join_its_spans_and_its_calls_count_once(session: Sessions) -> None:
    """Codex's prompt, arguments and results join its spans; its calls count once."""
    found = session(CODEX)
    tokens = [(call.input_tokens, call.output_tokens) for call in calls(found)]
    assert tokens == [(82, 17)] * 2
    (tool,) = [span for trace in found for span in trace.spans if span.kind == "tool"]
    assert tool.input == {"cmd": "echo hello-from-tool"}
    assert "hello-from-tool" in tool.output
    (turn,) = [span for trace in found for span in trace.spans if span.kind == "agent"]
    assert turn.input.startswith("Say hello with a command.")


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("gcp.vertex.agent", 2),
        ("opentelemetry.instrumentation.genai.openai", 2),
        ("opentelemetry.instrumentation.openai_v2", 3),
    ],
)
def test_content_of_genai_events(traces: list[Trace], scope: str, asked: int) -> None:
    """Messages that came in log records are the input and output of the call that they name."""
    found = [call for call in calls(traces) if call.attributes.get("scope.name") == scope]
    assert len(found) == asked
    for call in found:
        assert call.input[0]["role"] == "system"
        assert call.output[0]["role"] == "assistant"
    assert "get_weather" in json.dumps([call.output for call in found]) or scope.endswith("v2")
    assert "sunny in Paris" in json.dumps([call.output for call in found])


def test_everything_is_counted_once(receiver: Receiver, traces: list[Trace]) -> None:
    """Totals are those of the calls, whatever else repeats them; the texts can be searched."""
    with Store.open(receiver.db) as store:
        store.refresh()
        with store.read() as conn:
            overview = queries.overview(conn)
            found = queries.search(conn, "sunny", limit=100)
    assert overview.llm_calls == len(calls(traces)) == 28
    assert overview.cost_usd == pytest.approx(sum(call.cost_usd or 0 for call in calls(traces)))
    assert len(found.hits) == 20


def test_what_is_not_kept_is_told(receiver: Receiver, requests: list[Request]) -> None:
    """Records that belong to no run are counted and named in the answer."""
    logs = next(one for one in requests if b"managed_settings_resolved" in one.content)
    answer = receiver.http.post("/v1/logs", content=logs.content, headers=logs.headers)
    part = answer.json()["partialSuccess"]
    assert int(part["rejectedLogRecords"]) == 13
    assert "managed_settings_resolved: it belongs to no prompt" in part["errorMessage"]


def test_a_session_of_metrics_alone(
    start_receiver: Callable[..., Any], requests: list[Request]
) -> None:
    """Tokens and cost of a session come from its metrics until its logs or spans come."""
    own = [one for one in requests if SUBAGENT.encode() in one.content]
    with start_receiver() as receiver:
        for one in own:
            if one.signal == "metrics":
                post(receiver, one)
        (trace,) = receiver.traces()
        (call,) = calls([trace])
        assert (trace.session_id, call.model) == (SUBAGENT, "claude-sonnet-4-6")
        assert (call.input_tokens, call.output_tokens) == (5 * 1050, 5 * 25)
        assert call.cost_usd == pytest.approx(5 * CALL_USD)
        for one in own:
            if one.signal == "traces":
                post(receiver, one)
        after = receiver.traces()
        assert len(after) == 2
        assert len(calls(after)) == 5
