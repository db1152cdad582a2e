"""Samples to begin with, and ways to break them."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
TRANSCRIPTS: Final = ROOT / "tests" / "transcripts" / "data"
SHARED: Final = ROOT.parent / "shared" / "otlp_samples"
"""Samples of real programs that may stand beside the checkout."""

_LONGEST: Final = 60_000
"""Bytes of a sample: longer ones only make each try slower."""

_NASTY: Final[tuple[Any, ...]] = (
    *(None, True, "", [], {}, 0, -1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30),
    *(1e308, -1e308, 1e-320, float("nan"), float("inf"), "NaN", "Infinity", "1e999", "-0"),
    *("0" * 32, "f" * 32, "F" * 16, "0" * 16, "zz" * 16, "ab" * 15, "AAAA", "=" * 24),
    *("\x00", "\ud800", "\u202e", "\U0001f600" * 20, "\x1b[31m", "x" * 40_000, "%s{}", "é" * 3),
    *("2026-11-23T25:61:61Z", "+275760-09-13", "9" * 24, "-62135596800000000000", "0001-01-01"),
    *({"intValue": str(2**70)}, {"doubleValue": "NaN"}, {"bytesValue": "!"}, {"stringValue": 5}),
    *({"arrayValue": {}}, {"arrayValue": {"values": [{}] * 50}}, {"kvlistValue": []}),
    *([[[[[[[[[[]]]]]]]]]], {"a": {"a": {"a": {"a": {}}}}}, ["x"] * 2_000),
)

_FILTERS: Final = (
    b"status:error tag.env:prod",
    b"not (name:a* or duration>5s) cost>=$0.10 since:7d",
    b'text:"rate limit" steps:search,fetch! tokens>1k',
    b"outcome:fail -model:gpt* metric.score<0.5 until:2025-01-01",
    b"session:x id:ab starred:yes errors>2 spans<10",
)
_SEARCHES: Final = (
    b'"rate limit" OR timeout',
    b"NEAR(search fetch, 5) name:agent",
    b"input:caf\xc3\xa9 NOT output:x* (a AND b)",
)
_WORDS: Final = (
    *(b"(", b")", b'"', b"'", b"*", b":", b"\\", b" or ", b" not ", b"-", b">", b"<=", b"^"),
    *(b"NEAR(", b"since:", b"tag.", b"metric.", b"steps:", b"1e999", b"$", b"%", b"\x00", b"\xff"),
)  # fmt: skip


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """Samples that a target understands."""
    found = [data for data in _seeds(target) if len(data) <= _LONGEST]
    return tuple(found or [b"{}"])


def _seeds(target: str) -> list[bytes]:
    signal = {"otlp": "traces"}.get(target.partition("-")[0], target.partition("-")[0])
    if target.endswith("-json"):
        return _files(TRANSCRIPTS / "both", f"*{signal}*.json") + _files(SHARED, f"*{signal}*.json")
    if target.endswith("-protobuf"):
        return [_protobuf(one, signal) for one in seeds(f"{_of(signal)}-json")] + _files(
            SHARED, f"*{signal}*.pb"
        )
    if target in ("claude-code", "codex"):
        return _files(TRANSCRIPTS / target, "**/*.jsonl")
    if target == "filter":
        return list(_FILTERS)
    if target == "search":
        return list(_SEARCHES)
    lines = gzip.decompress((ROOT / "demo" / "traces.jsonl.gz").read_bytes()).splitlines()[:12]
    if target == "lines":
        return [_recorded(line) for line in lines]
    if target == "native":
        return lines
    return [json.dumps(one).encode() for one in _FOREIGN[target]]


def _of(signal: str) -> str:
    return "otlp" if signal == "traces" else signal


def _files(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob(pattern))]


def _protobuf(data: bytes, signal: str) -> bytes:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kind = ExportTraceServiceRequest if signal == "traces" else ExportLogsServiceRequest
    whole = ParseDict(json.loads(data), kind(), ignore_unknown_fields=True)
    made: bytes = whole.SerializeToString()
    return made


def _recorded(line: bytes) -> bytes:
    """A native trace as the lines of its recorder."""
    record = json.loads(line)
    spans = [
        {
            "type": "span",
            "trace_id": record["trace_id"],
            **span,
            "session_id": "s",
            "tags": {"a": "b"},
        }
        for span in record["spans"][:6]
    ]
    about = {"type": "trace", "trace_id": record["trace_id"], "outcome": "fail", "tags": {"k": "v"}}
    about["metrics"] = [{"name": "score", "value": 0.5, "time_unix_nano": 5}]
    start = {**spans[0], "type": "start"}
    return b"\n".join(json.dumps(one).encode() for one in (start, *spans, about))


_TIMES: Final = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:01Z"}
_FOREIGN: Final[dict[str, list[Any]]] = {
    "langfuse": [
        {"id": "t1", "name": "run", "timestamp": "2026-01-01T00:00:00Z", "sessionId": "s",
         "tags": ["a"], "scores": [{"name": "q", "value": 0.5}],
         "observations": [
             {"id": "o1", "type": "GENERATION", "name": "chat", "model": "gpt-4o", **_TIMES,
              "input": [{"role": "user", "content": "hi"}], "output": "ho", "level": "ERROR",
              "usage": {"input": 5, "output": 6}, "parentObservationId": None},
             {"id": "o2", "type": "SPAN", "name": "tool", "parentObservationId": "o1", **_TIMES},
         ]},
    ],
    "langsmith": [
        {"id": "11111111-1111-1111-1111-111111111111", "name": "run", "run_type": "chain",
         "trace_id": "11111111-1111-1111-1111-111111111111", "start_time": "2026-01-01T00:00:00",
         "end_time": "2026-01-01T00:00:01", "inputs": {"a": 1}, "outputs": {"b": 2}, "error": "x",
         "tags": ["a"], "extra": {"metadata": {"session_id": "s"}}, "prompt_tokens": 5},
    ],
    "phoenix": [
        {"name": "run", "span_kind": "LLM", "parent_id": None, "status_code": "ERROR",
         "start_time": "2026-01-01T00:00:00+00:00", "end_time": "2026-01-01T00:00:01+00:00",
         "context": {"trace_id": "ab" * 16, "span_id": "cd" * 8},
         "attributes": {"llm": {"model_name": "gpt-4o"}, "input.value": "hi"},
         "events": [{"name": "exception", "attributes": {"exception.type": "E"}}]},
    ],
}  # fmt: skip


def mutated(rng: random.Random, target: str, samples: Sequence[bytes]) -> bytes:
    """A sample, broken in one to four places."""
    data = rng.choice(samples)
    if target in ("filter", "search"):
        return _text(rng, data)
    structured = not target.endswith("protobuf") and rng.random() < 0.7
    for _ in range(rng.randint(1, 4)):
        data = _json_lines(rng, data) if structured else rng.choice(_BYTES)(rng, data)
    return data


def _text(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.randint(1, 5)):
        at = rng.randint(0, len(data))
        if rng.random() < 0.6:
            data = data[:at] + rng.choice(_WORDS) * rng.choice((1, 1, 2, 60)) + data[at:]
        else:
            data = rng.choice(_BYTES)(rng, data)
    return data[:20_000]


def _json_lines(rng: random.Random, data: bytes) -> bytes:
    """Break one value somewhere in a document, or in a line of several."""
    try:
        whole = [json.loads(data)]
        lines = False
    except ValueError:
        lines = True
        try:
            whole = [json.loads(line) for line in data.splitlines() if line.strip()]
        except ValueError:
            return rng.choice(_BYTES)(rng, data)
    if not whole:
        return data
    at = rng.randrange(len(whole))
    whole[at] = _broken(rng, whole[at])
    if lines and rng.random() < 0.2:
        rng.shuffle(whole)
    try:
        return b"\n".join(json.dumps(one).encode() for one in whole)
    except RecursionError:
        return data


def _broken(rng: random.Random, value: Any) -> Any:
    """The value with a nasty one somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.93:
        key = rng.choice(list(value))
        fate = rng.random()
        if fate < 0.05:
            return {name: one for name, one in value.items() if name != key}
        if fate < 0.1:
            return value | {rng.choice(list(value)): value[key]}
        return value | {key: _broken(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.93:
        at = rng.randrange(len(value))
        fate = rng.random()
        if fate < 0.05:
            return [*value, *value]
        if fate < 0.1:
            return value[::-1]
        return [*value[:at], _broken(rng, value[at]), *value[at + 1 :]]
    return rng.choice(_NASTY)


def _flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    begin, end = sorted(rng.randint(0, len(data)) for _ in range(2))
    return data[:begin] + data[end:]


def _double(rng: random.Random, data: bytes) -> bytes:
    begin = rng.randint(0, len(data))
    part = data[begin : begin + rng.randint(1, 400)]
    at = rng.randint(0, len(data))
    return data[:at] + part * rng.choice((1, 1, 2, 9)) + data[at:]


def _noise(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 30)) + data[at + rng.randint(0, 30) :]


_BYTES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (_flip, _cut, _double, _noise)
