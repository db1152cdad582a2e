"""Broken input of every kind, by chance and always the same; and the kinds that bite hardest."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clustertrace.filters import parse
from clustertrace.filters.syntax import FilterError
from clustertrace.prompts.written import written
from clustertrace.store import Store, queries
from clustertrace.wire import parse_lines
from tests.ingest.conftest import Receiver, running

LINE = {"type": "span", "span_id": "1" * 16, "name": "a", "start_time_unix_nano": 1}


@pytest.mark.slow
def test_no_input_breaks_anything(tmp_path: Path) -> None:
    """Sixty broken inputs for each thing that reads (`make fuzz` tries 100 000)."""
    program = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, str(program), "--plain", "--inputs", "60"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 14
    assert {one["inputs"] for one in found.values()} == {60}


def test_a_tag_that_is_no_text_costs_its_own_line_only() -> None:
    """Numbers past 64 bits can be read, where there is a NaN beside them, and not be written."""
    lines = [
        json.dumps({**LINE, "trace_id": "1" * 32, "tags": {"a": 10**30}, "input": float("nan")}),
        json.dumps({**LINE, "trace_id": "2" * 32, "tags": {"a": 5}}),
    ]
    parsed = parse_lines(line.encode() for line in lines)
    assert [span.trace_id for span in parsed.batch.spans] == ["2" * 32]
    assert [number for number, _ in parsed.bad] == [1]
    assert "a tag can't be" in parsed.bad[0][1]


@pytest.mark.parametrize("role", [{"a": 1}, ["user"], None, 5])
def test_a_role_may_be_anything(role: Any) -> None:
    """What stands where a role belongs is looked at, and is no prompt."""
    assert written("llm", [{"role": role, "content": "x"}], None) is None
    assert written("agent", {"role": role, "messages": "do it"}, None) == "do it"


def test_half_a_character_finds_nothing(store: Store) -> None:
    """What a terminal hands in that is no UTF-8 is asked for all the same."""
    with store.read() as conn:
        assert queries.newest(conn, parse("name:\udcff* text:\ud800"), 5) == []
        assert queries.search(conn, "\udcc8 x").hits == ()


@pytest.mark.parametrize("filter_", ["(" * 60 + "a" + ")" * 60, "not " * 60 + "a", "(" * 5_000])
def test_a_filter_may_not_be_deeper_than_a_person_writes(filter_: str) -> None:
    """A filter nested too deeply is refused in a sentence, at the place."""
    with pytest.raises(FilterError, match="too deeply"):
        parse(filter_)
    assert parse("(" * 40 + "a" + ")" * 40)


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_a_row_of_a_transcript_may_have_any_type(store: Store, tmp_path: Path, agent: Any) -> None:
    """Rows of tomorrow's versions, or of nonsense, are passed over."""
    from clustertrace.transcripts.finding import find
    from clustertrace.transcripts.importing import import_history

    path = tmp_path / "rollout-2026-11-23T06-59-24-x.jsonl"
    item = {"type": "response_item", "timestamp": "2026-01-01T00:00:00Z"}
    begin = {**item, "type": "event_msg", "payload": {"type": "task_started", "turn_id": "t"}}
    rows = [begin, {"type": {"a": 1}}, {"type": ["user"]}, {**item, "payload": {"type": []}}]
    path.write_text("\n".join(map(json.dumps, rows)))
    import_history(store, find(agent, path))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One receiver for all that is thrown at it."""
    with running(tmp_path_factory.mktemp("fuzz") / "traces.db") as started:
        yield started


@pytest.fixture(scope="module")
def post(receiver: Receiver) -> Callable[..., Any]:
    """Post a body to the receiver."""

    def send(body: bytes, **headers: str) -> Any:
        all_headers = {"Content-Type": "application/json"} | headers
        return receiver.http.post("/v1/traces", content=body, headers=all_headers)

    return send


def _span(number: int, **more: Any) -> dict[str, Any]:
    return {
        "traceId": f"{0xFA017:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
    } | more


def _body(*spans: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.mark.slow
def test_what_bites_hardest(post: Callable[..., Any], receiver: Receiver) -> None:
    """Bombs, depths, widths and lengths are refused or cut, and the receiver stays small."""
    pid = receiver.process.pid
    post(_body(_span(1)))
    bomb = gzip.compress(bytes(1 << 20))
    packed = gzip.compress(b"[" * (1 << 20))
    assert post(bomb * 1024, **{"Content-Encoding": "gzip"}).status_code == 413
    assert post(packed, **{"Content-Encoding": "gzip"}).status_code == 400
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert post(b'{"resourceSpans":' + deep + b"}").status_code == 400
    value = {"stringValue": "v"}
    attributes = [{"key": f"k{number}", "value": value} for number in range(250_000)]
    wide = _body(_span(2, attributes=attributes))
    assert post(wide).status_code == 200
    assert post(_body(_span(3, name="n" * 10_000_000))).status_code == 200
    nested: Any = value
    for _ in range(200):
        nested = {"arrayValue": {"values": [nested]}}
    assert post(_body(_span(4, attributes=[{"key": "a", "value": nested}]))).status_code == 200
    found = receiver.http.get("/healthz").json()
    assert found["status"] == "ok"
    status = Path(f"/proc/{pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) >> 10
    assert peak < 400, f"{peak} MiB"


BAD = (
    {"traceId": "ab"}, {"spanId": "zz" * 8}, {"traceId": "0" * 32}, {"spanId": 5},
    {"startTimeUnixNano": "9" * 24}, {"startTimeUnixNano": -1}, {"startTimeUnixNano": "NaN"},
    {"endTimeUnixNano": 2**63},
)  # fmt: skip
ODD = (
    {"endTimeUnixNano": "1600000000000000000"}, {"name": None}, {"attributes": {"a": 1}},
    {"parentSpanId": f"{12:016x}"}, {"parentSpanId": "nonsense"}, {"kind": 2**70},
    {"attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(2**70)}}]},
    {"attributes": [{"key": "gen_ai.usage.cost", "value": {"doubleValue": "Infinity"}}]},
    {"events": [{"timeUnixNano": 10**30}]}, {"status": {"code": "x"}}, {"links": [5]},
)  # fmt: skip


def test_one_bad_span_takes_no_good_one_with_it(
    post: Callable[..., Any], receiver: Receiver
) -> None:
    """The good ones are stored, the odd ones too or named, and the answer says which and why."""
    bad = [_span(100 + at, **one) for at, one in enumerate(BAD)]
    odd = [_span(10 + at, **one) for at, one in enumerate(ODD)]
    cycle = [_span(50, parentSpanId=f"{51:016x}"), _span(51, parentSpanId=f"{50:016x}")]
    cycle.append(_span(52, parentSpanId=f"{52:016x}"))
    good = [_span(60), _span(60), _span(61, parentSpanId=f"{60:016x}")]
    answer = post(_body(*bad, *odd, 5, None, *cycle, *good))
    assert answer.status_code == 200
    part = answer.json()["partialSuccess"]
    assert int(part["rejectedSpans"]) >= len(BAD)
    assert "its" in part["errorMessage"]
    (trace,) = [one for one in receiver.traces() if one.trace_id.endswith("fa017")]
    kept = {int(span.span_id, 16) for span in trace.spans}
    assert {50, 51, 52, 60, 61} <= kept
    assert not kept & {100 + at for at in range(len(BAD))}
    assert len(kept) == len(trace.spans)
    assert all(span.end_ns is None or span.end_ns >= 0 for span in trace.spans)
