"""Whatever a transcript holds, reading it gives runs and raises nothing; tokens stay the sum."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrace.store.writing.intake import policy
from clustertrace.transcripts import claude_code, codex
from clustertrace.transcripts.rows import rows
from clustertrace.transcripts.sub_agents import session_of
from clustertrace.transcripts.turn import Portion

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_IDS = st.sampled_from(["a", "b", "c"])
_TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z", "0001-01-01", "x", 5])
_BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "tool_result", "thinking", "image"])},
    optional={
        **dict.fromkeys(("id", "tool_use_id", "name"), _IDS | _ANY),
        **dict.fromkeys(("text", "input", "content", "is_error"), _ANY),
    },
)
_USAGE = st.dictionaries(
    st.sampled_from(
        [
            *("input_tokens", "output_tokens", "cache_read_input_tokens"),
            *("cache_creation_input_tokens", "cache_creation", "output_tokens_details"),
        ]
    ),
    st.integers(-5, 10**15) | _ANY,
)
_MESSAGE = st.fixed_dictionaries(
    {"content": st.lists(_BLOCKS, max_size=3) | _ANY},
    optional={"id": _IDS, "model": _IDS | st.just("<synthetic>"), "usage": _USAGE | _ANY,
              "stop_reason": st.sampled_from(["end_turn", "tool_use", "refusal", None])},
)  # fmt: skip
_MARKS = ("isSidechain", "isMeta", "isApiErrorMessage", "isCompactSummary", "toolDenialBeforeRun")
_FREE = ("toolUseResult", "permissionDecision", "attachment", "error", "compactMetadata", "cwd")
_CLAUDE = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "assistant", "system", "attachment", "api-request", "new"])},
    optional={
        "message": _MESSAGE | _ANY,
        "timestamp": _TIMES,
        "subtype": st.sampled_from(["api_error", "compact_boundary", "turn_duration"]),
        **dict.fromkeys(("uuid", "parentUuid", "promptId", "agentId", "sessionId"), _IDS),
        **{key: st.booleans() for key in _MARKS},
        **dict.fromkeys(_FREE, _ANY),
    },
)
_PAYLOAD = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                *("message", "function_call", "function_call_output", "reasoning", "task_started"),
                *("task_complete", "turn_aborted", "token_count", "item_completed", "error"),
                *("local_shell_call", "web_search_call", "custom_tool_call_output", "other"),
            ]
        )
    },
    optional={
        **dict.fromkeys(("id", "call_id", "turn_id", "root_turn_id", "name"), _IDS | _ANY),
        **dict.fromkeys(("arguments", "output", "info", "item", "error", "git", "usage"), _ANY),
        "role": st.sampled_from(["user", "assistant", "developer"]),
        "content": st.lists(_BLOCKS, max_size=2) | _ANY,
        "trace_id": st.sampled_from(["ab" * 16, "zz"]) | _ANY,
    },
)
_CODEX = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["response_item", "event_msg", "session_meta", "turn_context", "token_usage_record"]
        ),
        "payload": _PAYLOAD | _ANY,
    },
    optional={"timestamp": _TIMES},
)
_LINES = st.one_of(
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
    _ANY.map(lambda value: json.dumps(value).encode()),
)


def file_of(items: list[Any], ending: bytes) -> io.BytesIO:
    """Rows, and lines that are none, as a file; the last line may be half written."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in items]
    return io.BytesIO(b"".join(line + b"\n" for line in lines) + ending)


def checked(portions: list[Portion]) -> None:
    """Every span can be stored, belongs to its trace, and ends after it began."""
    for portion in portions:
        policy().facts(portion.facts)
        for span in portion.spans:
            policy().row(span, None)
            assert span.trace_id == portion.facts.trace_id
            assert 0 < span.start_ns <= (span.end_ns or span.start_ns)


@settings(max_examples=60, deadline=None)
@given(st.lists(_CLAUDE | _LINES, max_size=12), st.binary(max_size=9), st.booleans())
def test_odd_sessions_of_claude_code(items: list[Any], ending: bytes, gone: bool) -> None:
    """Unknown rows, wrong types, cycles of parents and half lines break nothing."""
    checked(list(claude_code.Reader("s").read(rows(file_of(items, ending)), abandoned=gone)))


@settings(max_examples=60, deadline=None)
@given(st.lists(_CODEX | _LINES, max_size=12), st.binary(max_size=9), st.booleans())
def test_odd_rollouts_of_codex(items: list[Any], ending: bytes, gone: bool) -> None:
    """Unknown rows, wrong types and half lines of Codex break nothing."""
    checked(list(codex.Reader("s").read(rows(file_of(items, ending)), abandoned=gone)))


_COUNTS = st.integers(0, 10**6)
_CALLS = st.lists(
    st.tuples(st.integers(0, 5), _COUNTS, _COUNTS, _COUNTS, _COUNTS, st.booleans()), max_size=20
)


@settings(deadline=None)
@given(_CALLS, st.sampled_from([300, 10**9]))
def test_tokens_are_the_sum_of_the_records(calls: list[Any], held: int) -> None:
    """Each message counts once, by its last record, however records are mixed and handed over."""
    items: list[Any] = [
        {"type": "user", "uuid": "u", "timestamp": "2026-01-01T00:00:00Z", "promptId": "p",
         "message": {"content": "do it"}}
    ]  # fmt: skip
    expected: dict[int, tuple[int, ...]] = {}
    for number, (key, fresh, read, written, output, says) in enumerate(calls):
        usage = {"input_tokens": fresh, "cache_read_input_tokens": read, "output_tokens": output}
        usage["cache_creation_input_tokens"] = written
        block = {"type": "text", "text": "x"} if says else {"type": "tool_use", "id": str(number)}
        message = {"id": f"m{key}", "model": "m", "usage": usage, "content": [block]}
        when = f"2026-01-01T00:00:01.{number:03}Z"
        items.append({"type": "assistant", "timestamp": when, "message": message})
        expected[key] = (fresh + read + written, output, read, written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clustertrace.transcripts.turn.HELD_BYTES", held)
        portions = list(claude_code.Reader("s").read(rows(file_of(items, b""))))
    latest = {span.span_id: span for portion in portions for span in portion.spans}
    found = [span for span in latest.values() if span.kind == "llm"]
    sums = [
        sum(getattr(span, name) or 0 for span in found)
        for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    ]
    assert len(found) == len(expected)
    assert sums == [sum(column) for column in zip(*expected.values(), strict=True)] or [0] * 4


def test_a_line_that_is_too_long_is_stepped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long is no row, and the rows around it are read."""
    monkeypatch.setattr("clustertrace.transcripts.rows.LONGEST_LINE", 100)
    monkeypatch.setattr("clustertrace.transcripts.rows._SKIP_BYTES", 16)
    data = b'{"a":1}\n' + b'{"b":"' + b"x" * 500 + b'"}\n\n' + b'{"c":1}\n' + b"y" * 300
    found = list(rows(io.BytesIO(data)))
    assert [row.data for row in found] == [{"a": 1}, None, {"c": 1}, None]
    assert [row.end for row in found[:3]] == [8, 517, 526]


def test_half_a_line_waits_for_its_rest() -> None:
    """What can't be read at the end of a file may not be whole yet."""
    whole = io.BytesIO(b'{"a":1}\n{"b":2}')
    assert [(row.data, row.whole) for row in rows(whole)] == [({"a": 1}, True), ({"b": 2}, False)]
    assert [row.data for row in rows(io.BytesIO(b'{"a":1}\n{"b":'))] == [{"a": 1}]
    assert [row.data for row in rows(io.BytesIO(b'{"a":1}\n{"b":2}\n'), 8)] == [{"b": 2}]


@pytest.mark.parametrize("session_id", ["a/b", "a\0b", "..", "x" * 5_000, 7])
def test_a_sub_agent_of_no_session(session_id: Any, tmp_path: Path) -> None:
    """What a file says of its session may be anything, and is a path only if it is a name."""
    path = tmp_path / "agent-1.jsonl"
    path.write_text(json.dumps({"type": "user", "sessionId": session_id}) + "\n")
    with path.open("rb") as file:
        _, beside = session_of(path, file)
    assert beside == tmp_path / "agent-1.jsonl"
