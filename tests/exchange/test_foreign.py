"""Exports of other tools: what of each record arrives where, and that none can do harm."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clustertrace.cli import main
from clustertrace.conventions.otlp.traces import received
from clustertrace.conventions.raw import RawSpan, origin
from clustertrace.errors import BadInput
from clustertrace.exchange.foreign import langfuse, langsmith, phoenix, predecessor
from clustertrace.exchange.foreign.fields import moment_ns, span_id, trace_id
from clustertrace.model import Span, Trace
from clustertrace.store import Store, queries

SECOND = 10**9
COUNTED = [name for name in Span._fields if name.endswith("_tokens")]
NOON = 1_762_171_200 * SECOND

LANGFUSE = {
    "id": "6f1e1c52-7a54-4a3e-9c55-0a1b2c3d4e5f",
    "name": "support",
    "timestamp": "2025-11-03T12:00:00.000Z",
    "input": {"question": "Where is it?"},
    "output": "On its way.",
    "sessionId": "chat-7",
    "userId": "u1",
    "tags": ["beta"],
    "observations": [
        {
            "id": "obs-1",
            "type": "GENERATION",
            "name": "chat",
            "startTime": "2025-11-03T12:00:00.100Z",
            "endTime": "2025-11-03T12:00:01.100Z",
            "parentObservationId": None,
            "model": "gpt-4o-mini",
            "input": [{"role": "user", "content": "Where is it?"}],
            "output": {"role": "assistant", "content": "On its way."},
            "usageDetails": {"input": 18, "input_cached_tokens": 64, "output": 17, "total": 99},
            "costDetails": {"total": 0.0012},
            "completionStartTime": "2025-11-03T12:00:00.500Z",
        },
        {
            "id": "obs-2",
            "type": "TOOL",
            "name": "track",
            "startTime": "2025-11-03T12:00:00.200Z",
            "endTime": "2025-11-03T12:00:00.300Z",
            "parentObservationId": "obs-1",
            "level": "ERROR",
            "statusMessage": "timeout",
            "input": {"order": 4},
        },
        {
            "id": "obs-3",
            "type": "SPAN",
            "name": "format",
            "startTime": "2025-11-03T12:00:01.200Z",
            "endTime": "2025-11-03T12:00:01.300Z",
            "parentObservationId": None,
        },
    ],
    "scores": [{"name": "helpful", "value": 0.8, "timestamp": "2025-11-03T12:01:00Z"}],
}

LANGSMITH = [
    {
        "id": "11111111-1111-4111-8111-111111111111",
        "trace_id": "11111111-1111-4111-8111-111111111111",
        "name": "AgentExecutor",
        "run_type": "chain",
        "start_time": "2025-11-03T12:00:00",
        "end_time": "2025-11-03T12:00:03",
        "inputs": {"input": "Where is it?"},
        "outputs": {"output": "On its way."},
        "prompt_tokens": 82,
        "completion_tokens": 17,
        "tags": ["beta"],
        "extra": {"metadata": {"thread_id": "chat-7"}},
        "feedback_stats": {"helpful": {"n": 2, "avg": 0.5}},
    },
    {
        "id": "22222222-2222-4222-8222-222222222222",
        "trace_id": "11111111-1111-4111-8111-111111111111",
        "parent_run_id": "11111111-1111-4111-8111-111111111111",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": "2025-11-03T12:00:00.500",
        "end_time": "2025-11-03T12:00:01.500",
        "outputs": {
            "usage_metadata": {
                "input_tokens": 82,
                "output_tokens": 17,
                "input_token_details": {"cache_read": 64},
                "output_token_details": {"reasoning": 8},
            }
        },
        "error": "RateLimitError('slow down')Traceback (most recent call last): …",
        "extra": {"metadata": {"ls_model_name": "gpt-4o-mini", "ls_provider": "openai"}},
    },
]

PHOENIX = {
    "name": "ChatCompletion",
    "span_kind": "LLM",
    "parent_id": None,
    "start_time": "2025-11-03T12:00:00+00:00",
    "end_time": "2025-11-03T12:00:01+00:00",
    "status_code": "OK",
    "status_message": "",
    "events": [],
    "context.trace_id": "a" * 32,
    "context.span_id": "b" * 16,
    "attributes.llm.model_name": "gpt-4o-mini",
    "attributes.llm.token_count.prompt": 82,
    "attributes.llm.token_count.completion": 17,
    "attributes.llm.input_messages": [{"message": {"role": "user", "content": "Where is it?"}}],
    "attributes.session": {"id": "chat-7"},
}


def stored(tmp_path: Path, form: str, text: str | bytes, *, name: str = "export.json") -> Trace:
    """The only trace of an import by the command."""
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["import", "--from", form, str(file)]) == 0
    with Store.open() as store, store.read() as conn:
        (trace,) = queries.export(conn)
        return trace


def test_a_langfuse_trace_has_its_observations_below_one_root(tmp_path: Path) -> None:
    """A trace with its observations below one root, cached tokens counted in, scores as metrics."""
    trace = stored(tmp_path, "langfuse", json.dumps({"data": [LANGFUSE]}))
    root, chat, track, after = trace.spans
    assert (trace.name, trace.session_id, root.input) == ("support", "chat-7", LANGFUSE["input"])
    assert trace.tags == {"user": "u1", "beta": "yes"}
    assert [(metric.name, metric.value) for metric in trace.metrics] == [("helpful", 0.8)]
    assert (chat.kind, chat.model, chat.input_tokens, chat.output_tokens) == (
        *("llm", "gpt-4o-mini"),
        *(82, 17),
    )
    assert (chat.cache_read_tokens, chat.cost_usd) == (64, 0.0012)
    assert (track.kind, track.status, track.error_message) == ("tool", "error", "timeout")
    assert track.parent_span_id == chat.span_id
    assert after.parent_span_id == chat.parent_span_id == root.span_id
    assert chat.start_ns == NOON + SECOND // 10
    assert chat.attributes["completionStartTime"] == "2025-11-03T12:00:00.500Z"


def test_langsmiths_runs_of_one_trace_come_together(tmp_path: Path) -> None:
    """Runs of one trace come together; sums that chains repeat are not counted again."""
    lines = "\n".join(json.dumps(run) for run in reversed(LANGSMITH))
    trace = stored(tmp_path, "langsmith", lines)
    root, chat = trace.spans
    assert (root.name, root.kind, root.input_tokens) == ("AgentExecutor", "chain", None)
    assert (trace.session_id, trace.tags) == ("chat-7", {"beta": "yes"})
    assert [(metric.name, metric.value) for metric in trace.metrics] == [("helpful", 0.5)]
    assert (chat.input_tokens, chat.cache_read_tokens, chat.reasoning_tokens) == (82, 64, 8)
    assert (chat.model, chat.provider) == ("gpt-4o-mini", "openai")
    assert (chat.status, chat.error_type) == ("error", "RateLimitError")
    assert chat.start_ns == NOON + SECOND // 2


USAGES = [
    {"input": 100, "input_cached_tokens": 80, "output": 20, "total": 120},
    {"input": 20, "input_cached_tokens": 80, "output": 20, "total": 120},
    {"prompt_tokens": 100, "input": 100, "completion_tokens": 20, "output": 20},
    {"output": 50, "output_reasoning_tokens": 30, "total": 60},
    {"input": 10, "input_ephemeral_1h_input_tokens": 500, "output": 5},
    {"input": 10, "output": 5, "cache_read_input_tokens": 90},
]


@pytest.mark.parametrize("usage", USAGES)
def test_langfuse_counts_as_its_sdk_does(usage: dict[str, int]) -> None:
    """An export's usage and costs are what the same call comes to over OpenTelemetry."""
    costs = {"input": 0.1, "output": 0.2}
    observation = LANGFUSE["observations"][0] | {"usageDetails": usage, "costDetails": costs}
    spans, _ = langfuse.read(LANGFUSE | {"observations": [observation]})
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.usage_details": json.dumps(usage),
        "langfuse.observation.cost_details": json.dumps(costs),
    }
    raw = RawSpan(
        *("a" * 32, "b" * 16, None, "chat", NOON, NOON, 0, "", attributes, [], {}),
        origin({}, "", "", {}),
    )
    (sent,) = received([raw]).batch.spans
    assert all(spans[0][at] == sent[at] for at in map(Span._fields.index, COUNTED))
    assert spans[0].cost_usd == pytest.approx(0.3)
    hour = "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens"
    assert spans[0].attributes.get(hour) == sent.attributes.get(hour)


def test_langfuse_with_one_root() -> None:
    """What is said of the trace alone stands in its only root, which keeps what it has."""
    silent = {**LANGFUSE["observations"][2], "output": "said"}
    record = LANGFUSE | {"observations": [silent], "metadata": {"customer": "acme"}}
    (root,), _ = langfuse.read(record)
    assert (root.input, root.output) == (LANGFUSE["input"], "said")
    assert root.attributes == {"customer": "acme"}


def test_langfuse_score_at_no_time() -> None:
    """A score whose time can't be read has the trace's, and costs nothing else."""
    record = LANGFUSE | {"scores": [{"name": "helpful", "value": 1, "timestamp": "yesterday"}]}
    spans, facts = langfuse.read(record)
    assert [one.time_ns for one in facts.metrics] == [spans[0].start_ns]


@pytest.mark.parametrize("form", ["generations", "record"])
def test_langsmith_cached_tokens(form: str) -> None:
    """LangChain's tracer leaves the usage with the message; the API sums it up in the run."""
    used = {
        "input_tokens": 10_000,
        "output_tokens": 10,
        "input_token_details": {"cache_read": 9000},
    }
    outputs = {"generations": [[{"message": {"kwargs": {"usage_metadata": used}}}]]}
    summed = {
        "prompt_tokens": 10_000,
        "completion_tokens": 10,
        "prompt_token_details": {"cache_read": 9000},
    }
    record = {**LANGSMITH[1], **({"outputs": outputs} if form == "generations" else summed)}
    record = record if form == "generations" else record | {"outputs": {}}
    (span,), _ = langsmith.read(record)
    assert (span.input_tokens, span.output_tokens, span.cache_read_tokens) == (10_000, 10, 9000)


def test_langsmith_pending() -> None:
    """A run that has not ended is not taken for one that went well."""
    (span,), _ = langsmith.read(LANGSMITH[0] | {"end_time": None, "status": "pending"})
    assert (span.status, span.end_ns) == ("incomplete", None)


def test_our_own_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of ours under another name is told so, once a line."""
    file = tmp_path / "runs.jsonl"
    file.write_text('{"format":"clustertrace/1","spans":[{},{}]}\n')
    assert main(["import", "--from", "langfuse", str(file)]) == 2
    assert capsys.readouterr().err.count("leave out --from") == 1


@pytest.mark.parametrize("number", ["1" * 400, "1e400", "-1", "NaN"])
def test_numbers_that_nothing_costs(number: str, tmp_path: Path) -> None:
    """A number that no sum can have costs nothing but itself."""
    text = json.dumps(LANGFUSE).replace("0.0012", number)
    trace = stored(tmp_path, "langfuse", text)
    assert [span.cost_usd for span in trace.spans if span.kind == "llm"] != [0.0012]


@pytest.mark.parametrize("nested", [False, True])
def test_phoenixs_spans_are_read_as_openinference(tmp_path: Path, nested: bool) -> None:
    """Spans are read as OpenInference, from columns of a data frame and from the API's answer."""
    record: dict[str, Any] = dict(PHOENIX)
    if nested:
        attributes = {
            key.removeprefix("attributes."): record.pop(key)
            for key in list(record)
            if key.startswith("attributes.")
        }
        context = {key: record.pop(f"context.{key}") for key in ("trace_id", "span_id")}
        record |= {"attributes": attributes, "context": context}
    trace = stored(tmp_path, "phoenix", json.dumps([record], indent=1))
    (span,) = trace.spans
    assert (span.trace_id, span.span_id, span.kind) == ("a" * 32, "b" * 16, "llm")
    assert (span.model, span.input_tokens, span.output_tokens) == ("gpt-4o-mini", 82, 17)
    assert span.input[0]["content"] == "Where is it?"
    assert trace.session_id == "chat-7"


PREDECESSOR = {
    "trace": {
        "id": "9d8e295f407445b898bdc0baf6f0ee82",
        "name": "agent",
        "started_at": 1762171200.5,
        "ended_at": 1762171202.5,
        "status": "error",
        "error_type": "ValueError",
        "error_message": "ValueError: nope",
        "signature": "empty",
        "cost_usd": None,
    },
    "spans": [
        {
            "id": "878dcb7bd72d4ba0af2784e7f659ebe5",
            "trace_id": "9d8e295f407445b898bdc0baf6f0ee82",
            "parent_id": None,
            "name": "agent",
            "kind": "function",
            "started_at": 1762171200.5,
            "ended_at": 1762171202.5,
            "status": "error",
            "error_type": "ValueError",
            "error_message": "ValueError: nope",
            "input_json": '{"args": ["hi"]}',
            "output_json": None,
            "attrs_json": '{"module": "__main__"}',
            "cost_usd": None,
        },
        {
            "id": "52feb0a3fd1d40c180c57837cc0345e7",
            "trace_id": "9d8e295f407445b898bdc0baf6f0ee82",
            "parent_id": "878dcb7bd72d4ba0af2784e7f659ebe5",
            "name": "search",
            "kind": "tool_call",
            "started_at": 1762171201.0,
            "ended_at": 1762171201.25,
            "status": "ok",
            "error_type": None,
            "error_message": None,
            "input_json": '{"q": "hi"}',
            "output_json": '["a"]',
            "attrs_json": None,
            "cost_usd": None,
        },
    ],
    "tags": {"env": "x"},
    "metrics": {"score": 0.5},
}


def check_predecessor(trace: Trace) -> None:
    root, search = trace.spans
    assert (root.status, root.error_type, root.error_message) == ("error", "ValueError", "nope")
    assert (search.kind, search.input, search.output) == ("tool", {"q": "hi"}, ["a"])
    assert search.parent_span_id == root.span_id
    assert root.start_ns == NOON + SECOND // 2
    assert (trace.tags, trace.metrics[0].value) == ({"env": "x"}, 0.5)


def test_predecessor_export(tmp_path: Path) -> None:
    """A line of 0.14's export is a trace; its header line is none."""
    header = json.dumps({"_clustertrace_header": True, "export_format_version": 1})
    lines = f"{header}\n{json.dumps(PREDECESSOR)}\n"
    packed = gzip.compress(lines.encode())
    check_predecessor(stored(tmp_path, "clustertrace-0.14", packed, name="old.jsonl.gz"))


def test_predecessor_database(tmp_path: Path) -> None:
    """0.14's own database is read as it lies, and not changed."""
    file = tmp_path / "old.db"
    conn = sqlite3.connect(file)
    trace, spans = PREDECESSOR["trace"], PREDECESSOR["spans"]
    assert isinstance(trace, dict)
    assert isinstance(spans, list)
    conn.execute(f"CREATE TABLE traces ({', '.join(trace)})")
    conn.execute(f"CREATE TABLE spans ({', '.join(spans[0])})")
    conn.execute("CREATE TABLE trace_tags (trace_id, key, value)")
    conn.execute("CREATE TABLE trace_metrics (trace_id, name, value, recorded_at)")
    for table, rows in (("traces", [trace]), ("spans", spans)):
        for row in rows:
            marks = ", ".join("?" * len(row))
            conn.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))
    conn.execute("INSERT INTO trace_tags VALUES (?, 'env', 'x')", (trace["id"],))
    conn.execute("INSERT INTO trace_metrics VALUES (?, 'score', 0.5, 1)", (trace["id"],))
    conn.commit()
    conn.close()
    before = file.read_bytes()
    check_predecessor(stored(tmp_path, "clustertrace-0.14", before, name="copy.db"))
    assert (tmp_path / "copy.db").read_bytes() == before


def test_another_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database of something else is refused in a sentence."""
    conn = sqlite3.connect(tmp_path / "other.db")
    conn.execute("CREATE TABLE notes (text)")
    conn.close()
    assert main(["import", "--from", "clustertrace-0.14", str(tmp_path / "other.db")]) == 2
    assert "not a database of clustertrace 0.14" in capsys.readouterr().err


def test_the_same_export_again_adds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same export again adds nothing; one with a further run adds just that."""
    for runs, spans in ((LANGSMITH[:1], 1), (LANGSMITH, 1), (LANGSMITH, 0)):
        (tmp_path / "runs.json").write_text(json.dumps(runs))
        capsys.readouterr()
        assert main(["import", "--from", "langsmith", str(tmp_path / "runs.json"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["spans"] == spans


def test_otlp_files(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests as they were sent are files too: protobuf, JSON, gzip; a folder of them at once."""
    samples = shared / "otlp_samples"
    names = (
        "openinference-openai-chat.traces.pb",
        "openinference-openai-chat-gzip.traces.pb.gz",
        "claude-code-toolfail.traces.json",
    )
    files = [str(samples / name) for name in names]
    assert main(["import", "--from", "otlp", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spans"] == 1 + 1 + 9


@pytest.mark.parametrize("length", [91, 123])
@pytest.mark.parametrize("key", [None, "host.name", "service.name"])
def test_otlp_protobuf_that_begins_as_json(
    length: int, key: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message as long as a bracket's code begins with a line end and a bracket."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    if key:
        resource_spans.resource.attributes.add(key=key).value.string_value = "a"
    span = resource_spans.scope_spans.add().spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=NOON, end_time_unix_nano=NOON
    )
    span.name = "n"
    span.name += "n" * (length - resource_spans.ByteSize())
    body = request.SerializeToString()
    assert body[:2] in (b"\n[", b"\n{")
    (tmp_path / "a.pb").write_bytes(body)
    assert main(["import", "--from", "otlp", str(tmp_path / "a.pb"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spans"] == 1


def test_otlp_signals(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bodies of logs and of metrics are told from those of spans, in protobuf as in JSON."""
    samples = shared / "otlp_samples"
    for name, records, left in (
        ("otel-openai-v2-tool.logs.pb", 8, 0),
        ("otel-genai-openai-events-tool.logs.pb", 2, 0),
        ("otel-genai-openai-chat.metrics.pb", 0, 3),
    ):
        assert main(["import", "--from", "otlp", str(samples / name), "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["records"], answer["left"]) == (records, left)


def test_folder_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What describes a folder of samples, or is hidden in it, is not read as one of them."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "good.json").write_text(json.dumps(LANGFUSE))
    (folder / ".git").mkdir()
    for name in ("README.md", ".DS_Store", ".git/config"):
        (folder / name).write_text("# Samples")
    assert main(["import", "--from", "langfuse", str(folder)]) == 0
    assert "0 bad lines" in capsys.readouterr().out
    (folder / "good.json").unlink()
    assert main(["import", "--from", "langfuse", str(folder)]) == 2
    assert "There is no file to import" in capsys.readouterr().err


def test_every_file_of_a_folder_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file of a folder is read, and a bad one is named with its reason."""
    folder = tmp_path / "export" / "more"
    folder.mkdir(parents=True)
    (folder / "good.json").write_text(json.dumps(LANGFUSE))
    (folder / "bad.json").write_text("{")
    assert main(["import", "--from", "langfuse", str(tmp_path / "export")]) == 2
    printed = capsys.readouterr()
    assert "bad.json, line 1: it is not JSON" in printed.err
    assert "1 trace with 4 spans added" in printed.out


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
EXAMPLES = {
    langfuse.read: LANGFUSE,
    langsmith.read: LANGSMITH[1],
    phoenix.read: PHOENIX,
    predecessor.read: PREDECESSOR,
}


@given(st.data())
def test_odd_records(data: st.DataObject) -> None:
    """Whatever stands in a record, it becomes spans or is refused with a reason."""
    read, example = data.draw(st.sampled_from(list(EXAMPLES.items())))
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(example)), values, max_size=3))
    try:
        spans, facts = read(json.loads(json.dumps({**example, **changes}, allow_nan=True)))
    except BadInput:
        return
    assert spans
    assert all(span.trace_id == facts.trace_id and span.start_ns > 0 for span in spans)
    assert all(span.end_ns is None or span.end_ns >= span.start_ns for span in spans)


@given(st.text(min_size=1))
def test_any_id_becomes_one_of_ours(text: str) -> None:
    """Any id becomes one of ours, the same each time."""
    assert len(bytes.fromhex(trace_id(text))) == 16
    assert len(bytes.fromhex(span_id(text, "t"))) == 8
    assert span_id(text, "t") == span_id(text, "t")


@pytest.mark.parametrize(
    "text",
    ["2025-11-03T12:00:00Z", "2025-11-03 12:00:00", 1762171200, 1762171200000, NOON // 1000, NOON],
)
def test_times_read_the_same_in_any_form(text: Any) -> None:
    """Times read the same in whichever form they come."""
    assert moment_ns(text) == NOON
