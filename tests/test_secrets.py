"""The proof: forty secrets go in by every way there is, and no file on the disk holds one."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from clustertrace.model import Trace
from tests.ingest.conftest import Receiver, running
from tests.secret_agents import DECORATED, EXPORTING, WRAPPED

CHANCE = random.Random(40)
MARK = "platypus"
"""Stands beside every secret, to see that what was planted arrived at all."""


class Secret(NamedTuple):
    """What is written somewhere, and the part of it that must not reach the disk."""

    text: str
    needle: str


def body(length: int) -> str:
    """Letters and digits that nothing else has."""
    return "".join(CHANCE.choices(string.ascii_letters + string.digits, k=length))


def secrets() -> Iterator[Secret]:
    """Twenty kinds, two of each."""
    for _ in range(2):
        for prefix in (
            *("sk-ant-api03-", "sk-proj-", "sk-", "ghp_", "github_pat_", "glpat-", "xoxb-1234-"),
            *("AIza", "ya29.", "hf_", "sk_live_", "npm_"),
        ):
            key = body(40)
            yield Secret(f"{MARK} {prefix}{key} ok", key)
        yield Secret(f"{MARK} AKIA{(key := body(16).upper())}", key)
        yield Secret(f"eyJ{body(20)}.eyJ{(key := body(30))}.{body(20)}", key)
        pem = f"-----BEGIN RSA PRIVATE KEY-----\n{(key := body(60))}\n-----END RSA PRIVATE KEY-----"
        yield Secret(pem, key)
        yield Secret(f"postgres://bob:{(key := body(12))}@db.example/x", key)
        yield Secret(f"curl -H 'Authorization: Bearer {(key := body(24))}' host", key)
        yield Secret(f'{{"password": "{(key := body(12))}", "n": 1}}', key)
        yield Secret(f"export API_KEY={(key := body(20))} && run", key)
        yield Secret(f"https://host/path?access_token={(key := body(20))}&b=2", key)


SECRETS = tuple(secrets())

IDENTIFIERS = {
    *("gen_ai.request.model", "gen_ai.tool.name", "scope.name", "scope.version", "session.id"),
    *("gen_ai.response.id", "request_id", "tool.name"),
}
"""Attributes that are no content, whatever is written there."""


def otlp(text: str, number: int) -> dict[str, object]:
    """A span with the secret in every place that OTLP has for a text."""
    pairs = [{"key": f"note {text}", "value": {"stringValue": text}}]
    deep = {
        "kvlistValue": {
            "values": [{"key": "a", "value": {"arrayValue": {"values": [pairs[0]["value"]]}}}]
        }
    }
    named = [
        "input.value",
        "gen_ai.input.messages",
        "gen_ai.request.model",
        "session.id",
        "tool.name",
    ]
    attributes = [*pairs, {"key": "deep", "value": deep}]
    attributes += [{"key": key, "value": {"stringValue": text}} for key in named]
    attributes += [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.response.id", "value": {"stringValue": text}},
    ]
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": f"op {text}",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
        "attributes": attributes,
        "events": [
            {"name": f"e {text}", "timeUnixNano": "1700000000000000001", "attributes": pairs}
        ],
        "links": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "attributes": pairs}],
        "status": {"code": 2, "message": text},
    }
    scope = {"name": f"scope {text}", "version": text}
    return {"resource": {"attributes": pairs}, "scopeSpans": [{"scope": scope, "spans": [span]}]}


def spoken(program: str, db: Path, texts: list[str]) -> None:
    """Run an agent that is given all of them, and records into the spool of a database."""
    env = {**os.environ, "CLUSTERTRACE_DB": str(db)}
    given = json.dumps(texts).encode()
    subprocess.run([sys.executable, "-c", program], input=given, env=env, check=True)


def by_recorder(receiver: Receiver, texts: list[str]) -> None:
    """An agent with the decorator, spans, tags, metrics and outcomes."""
    spoken(DECORATED, receiver.db, texts)


def by_wrappers(receiver: Receiver, texts: list[str]) -> None:
    """An agent whose clients of three model SDKs are wrapped."""
    spoken(WRAPPED, receiver.db, texts)


def by_exporter(receiver: Receiver, texts: list[str]) -> None:
    """An agent whose OpenTelemetry spans are exported straight into the spool."""
    spoken(EXPORTING, receiver.db, texts)


def by_otlp_json(receiver: Receiver, texts: list[str]) -> None:
    """One OTLP/JSON request."""
    spans = [otlp(text, 1000 + number) for number, text in enumerate(texts)]
    receiver.http.post("/v1/traces", json={"resourceSpans": spans}).raise_for_status()


def by_otlp_protobuf(receiver: Receiver, texts: list[str]) -> None:
    """The same as protobuf."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans = [otlp(text, 2000 + number) for number, text in enumerate(texts)]
    request = ParseDict({"resourceSpans": spans}, ExportTraceServiceRequest())
    for number, resource in enumerate(request.resource_spans):
        for span in resource.scope_spans[0].spans:
            span.trace_id = (2000 + number).to_bytes(16, "big")
            span.span_id = (2000 + number).to_bytes(8, "big")
    receiver.http.post(
        "/v1/traces",
        content=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    ).raise_for_status()


def native(text: str, number: int) -> dict[str, object]:
    """A native span with the secret everywhere, also under keys that nobody knows."""
    fields = ("name", "error_type", "error_message", "model", "provider", "finish_reason", "input")
    return {
        **dict.fromkeys((*fields, "unknown key"), f"{MARK} {text}"),
        "span_id": f"{number:016x}",
        "start_time_unix_nano": 1,
        "end_time_unix_nano": 2,
        "output": {"x": [text]},
        "attributes": {"a": text, text: 1},
        "tags": {"t": text, text: "x"},
        "session_id": text,
    }


def by_lines(receiver: Receiver, texts: list[str]) -> None:
    """Recorder lines to /v1/spans."""
    lines = []
    for number, text in enumerate(texts, 3000):
        trace_id = f"{number:032x}"
        lines.append({"type": "span", "trace_id": trace_id, **native(text, number)})
        metric = {"name": text, "value": 1, "time_unix_nano": 5}
        fields = {"outcome": "fail", "outcome_reason": text, "name": text, "metrics": [metric]}
        lines.append({"type": "trace", "trace_id": trace_id, **fields})
    content = "\n".join(map(json.dumps, lines)) + "\n"
    receiver.http.post(
        "/v1/spans", content=content, headers={"Content-Type": "application/x-ndjson"}
    ).raise_for_status()


def by_import(receiver: Receiver, texts: list[str]) -> None:
    """A native file."""
    lines = [
        {
            "format": "clustertrace/1",
            "trace_id": f"{number:032x}",
            "outcome": "fail",
            "unknown": {"x": text},
            **dict.fromkeys(("name", "outcome_reason", "session_id"), text),
            "tags": {"password": text, text: text},
            "metrics": [{"name": text, "value": 1, "time_unix_nano": 5}],
            "spans": [native(text, number)],
        }
        for number, text in enumerate(texts, 4000)
    ]
    command = [sys.executable, "-m", "clustertrace", "import", "--db", str(receiver.db)]
    given = "\n".join(map(json.dumps, lines)).encode()
    subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE)


def by_logs_and_metrics(receiver: Receiver, texts: list[str]) -> None:
    """Log records and points of metrics with the secret in every place that OTLP has for a text."""
    for number, text in enumerate(texts, 5000):
        value = {"stringValue": text}
        pairs = [
            {"key": key, "value": value} for key in ("note", f"k {text}", "prompt", "session.id")
        ]
        scopes = []
        for name in (f"scope {text}", "com.anthropic.claude_code.events", "codex"):
            record = {
                "timeUnixNano": "1700000000000000000",
                "traceId": f"{number:032x}" if name.startswith("scope") else "",
                "spanId": f"{number:016x}" if name.startswith("scope") else "",
                "eventName": f"e {text}",
                "body": {"kvlistValue": {"values": [{"key": "content", "value": value}]}},
                "attributes": [
                    *pairs,
                    {"key": "prompt.id", "value": {"stringValue": "p"}},
                    {"key": "conversation.id", "value": value},
                ],
            }
            records = [record, {**record, "eventName": "gen_ai.user.message"}]
            records.append({**record, "eventName": "codex.user_prompt"})
            records.append({**record, "eventName": "user_prompt"})
            scopes.append({"scope": {"name": name, "version": text}, "logRecords": records})
        logs = {"resourceLogs": [{"resource": {"attributes": pairs[:2]}, "scopeLogs": scopes}]}
        receiver.http.post("/v1/logs", json=logs).raise_for_status()
        point = {"timeUnixNano": "1700000000000000000", "asDouble": 1.0, "attributes": pairs}
        metrics = [
            {"name": name, "sum": {"dataPoints": [point], "isMonotonic": True}}
            for name in (f"m {text}", "claude_code.token.usage")
        ]
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
        receiver.http.post("/v1/metrics", json=body).raise_for_status()


WAYS = (
    *(by_recorder, by_wrappers, by_exporter),
    *(by_otlp_json, by_otlp_protobuf, by_lines, by_import, by_logs_and_metrics),
)


def plant(receiver: Receiver) -> list[Trace]:
    """Send every secret every way; what is stored of them."""
    for way in WAYS:
        way(receiver, [secret.text for secret in SECRETS])
    return receiver.traces()


def on_disk(folder: Path) -> list[str]:
    """The secrets that any file in a folder holds, with the file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [
        f"{path.name}: {secret.text}"
        for path in files
        for secret in SECRETS
        if secret.needle.encode() in path.read_bytes()
    ]


@pytest.fixture
def receive(tmp_path: Path) -> Callable[..., object]:
    """Start a receiver whose files all lie in one folder."""
    return lambda **environment: running(tmp_path / "disk" / "traces.db", **environment)


def test_there_are_forty() -> None:
    """Forty different ones, each with its own needle."""
    assert len({secret.needle for secret in SECRETS}) == len(SECRETS) == 40


@pytest.mark.slow
def test_no_secret_reaches_the_disk(receive: Callable[..., object], tmp_path: Path) -> None:
    """Neither spool nor database, log of writes and index included, holds any of the forty."""
    with receive() as receiver:
        traces = plant(receiver)
        assert on_disk(tmp_path / "disk") == []
    assert on_disk(tmp_path / "disk") == []
    assert len(traces) >= 7 * 40
    counts = [sum(s.attributes.get("clustertrace.redacted", 0) for s in t.spans) for t in traces]
    assert min(counts[: 7 * 40]) >= 1
    assert MARK in repr(traces)


@pytest.mark.slow
@pytest.mark.parametrize("program", [DECORATED, WRAPPED, EXPORTING])
def test_the_spool_never_holds_one(tmp_path: Path, program: str) -> None:
    """What an agent records is clean before any receiver looks at it."""
    spoken(program, tmp_path / "disk" / "traces.db", [secret.text for secret in SECRETS])
    assert on_disk(tmp_path / "disk") == []


@pytest.mark.slow
def test_the_search_would_find_them(
    receive: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With redaction off all forty are there: the proof looks in the right places."""
    monkeypatch.setenv("CLUSTERTRACE_REDACT", "0")
    with receive() as receiver:
        plant(receiver)
        found = on_disk(tmp_path / "disk")
    assert {line.partition(": ")[2] for line in found} == {secret.text for secret in SECRETS}


@pytest.mark.slow
def test_metadata_only_keeps_no_word_of_them(
    receive: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With content off, nothing that was said is stored, whichever way it came in."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    with receive() as receiver:
        traces = plant(receiver)
    for span in (span for trace in traces for span in trace.spans):
        assert (span.input, span.output, span.error_message) == (None, None, None)
        worded = {key for key, value in span.attributes.items() if MARK in str(value)}
        assert worded <= IDENTIFIERS
    assert {trace.outcome_reason for trace in traces} == {None}
