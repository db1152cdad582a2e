"""The recorder's lines and the native keys of a span."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import BadInput
from clustertrace.wire import loads, parse_lines, span_from_dict, span_to_dict

TRACE = "0123456789abcdef0123456789abcdef"
SPAN: dict[str, Any] = {
    "type": "span",
    "trace_id": TRACE,
    "span_id": "0123456789abcdef",
    "name": "step",
    "start_time_unix_nano": 1,
}


def parse(*records: Any) -> Any:
    """Parse records as lines."""
    return parse_lines([json.dumps(record).encode() for record in records])


def test_each_type_becomes_what_it_says() -> None:
    """Starts run, spans have ended, facts are about their trace, other types are passed over."""
    lines = parse(
        {"type": "segment", "pid": 1},
        SPAN | {"type": "start", "tags": {"a": 1}, "session_id": "s"},
        SPAN | {"span_id": "f" * 16, "end_time_unix_nano": 2},
        {"type": "trace", "trace_id": TRACE, "outcome": "fail", "outcome_reason": "no"},
        {"type": "from the future", "trace_id": 7},
    )
    started, ended = lines.batch.spans
    assert (started.status, ended.status, ended.end_ns) == ("running", "ok", 2)
    about_span, facts = lines.batch.facts
    assert (about_span.tags, about_span.session_id) == ({"a": "1"}, "s")
    assert (facts.outcome, facts.outcome_reason) == ("fail", "no")
    assert lines.bad == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace_id": "0" * 32}, "trace_id"),
        ({"trace_id": "abc"}, "trace_id"),
        ({"span_id": None}, "span_id"),
        ({"parent_span_id": "x"}, "parent_span_id"),
        ({"name": 5}, "name"),
        ({"kind": "spaceship"}, "kind"),
        ({"kind": ["llm"]}, "kind"),
        ({"status": "fine"}, "status"),
        ({"start_time_unix_nano": None}, "start_time_unix_nano"),
        ({"start_time_unix_nano": -1}, "start_time_unix_nano"),
        ({"end_time_unix_nano": 2**63}, "end_time_unix_nano"),
        ({"end_time_unix_nano": True}, "end_time_unix_nano"),
        ({"input_tokens": -3}, "input_tokens"),
        ({"output_tokens": 1.5}, "output_tokens"),
        ({"cost_usd": "much"}, "cost_usd"),
        ({"model": 4}, "model"),
        ({"attributes": []}, "attributes"),
        ({"tags": "x"}, "tags"),
    ],
)
def test_a_bad_line_is_named_and_costs_no_other(change: dict[str, Any], reason: str) -> None:
    """The line's number and the key that can't be used are told; its neighbours are kept."""
    lines = parse(SPAN, SPAN | {"span_id": "e" * 16} | change, SPAN | {"span_id": "d" * 16})
    assert [number for number, _ in lines.bad] == [2]
    assert reason in lines.bad[0][1]
    ids = [span.span_id for span in lines.batch.spans]
    assert ids[0] == SPAN["span_id"]
    assert ids[-1] == "d" * 16


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[1]", b"12", b"\xff\xfe", b"{" * 200_000, b'{"type":']
)
def test_what_is_no_record_is_refused(line: bytes) -> None:
    """Bytes of any kind give a reason, never an exception."""
    assert [number for number, _ in parse_lines([line]).bad] == [1]


def test_what_pythons_own_writer_emits_is_read() -> None:
    """NaN, infinities and lone surrogates are replaced by what JSON can hold."""
    assert loads('{"a": [NaN, -Infinity, "\\ud800x"]}') == {"a": ["nan", "-inf", "?x"]}
    with pytest.raises(BadInput):
        loads("{")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON, extra=st.dictionaries(st.text(), JSON, max_size=3))
def test_a_span_survives_its_native_form(value: Any, extra: dict[str, Any]) -> None:
    """Record, keys and record again are the same, unknown keys included."""
    unknown = {f"x-{key}": held for key, held in extra.items()}
    span = span_from_dict(SPAN | {"input": value} | unknown, TRACE)
    assert span.extra == unknown
    assert span_from_dict(span_to_dict(span), TRACE) == span
