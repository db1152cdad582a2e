"""Traces as OTLP: what comes back when they are received again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.conventions.otlp.traces import decode_json, decode_protobuf
from clustertrace.exchange.otlp import dump_otlp
from clustertrace.model import KINDS, Span, Trace

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ROOT = Span(TRACE_ID, "00000000000000aa", None, "agent", "agent", "ok", 5, 9)


def trace_of(*spans: Span) -> Trace:
    """A trace of these spans, about which nothing else is known."""
    root = spans[0]
    return Trace(
        root.trace_id, root.name, root.status, None, None, root.start_ns, root.end_ns, None, {}, (),
        spans,
    )  # fmt: skip


def again(trace: Trace) -> list[Span]:
    """Its spans, as the receiver would read them."""
    received = decode_json(dump_otlp(trace))
    assert received.rejected == []
    return sorted(received.batch.spans, key=lambda span: span.span_id)


def assert_same(before: Span, after: Span) -> None:
    """Every field is as it was, and every attribute is still there."""
    bare = {"attributes": {}, "extra": {}, "ordinal": 0}
    assert after._replace(**bare) == before._replace(**bare)
    assert {key: after.attributes.get(key) for key in before.attributes} == before.attributes


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXTS})
ARGUMENTS = st.dictionaries(TEXTS, st.integers(-(2**53), 2**53) | TEXTS | st.none(), min_size=1)
CONTENTS = st.none() | TEXTS | st.lists(MESSAGE, min_size=1, max_size=2) | ARGUMENTS
COUNTS = st.none() | st.integers(0, 10**6)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    contents=st.tuples(CONTENTS, CONTENTS),
    tokens=COUNTS,
    cost=st.none() | st.floats(0, 100),
    attributes=st.dictionaries(TEXTS.map("my.{}".format), TEXTS | st.booleans() | st.floats(0, 1)),
)
def test_a_span_comes_back_as_it_was(
    kind: str,
    contents: tuple[object, object],
    tokens: int | None,
    cost: float | None,
    attributes: dict,
) -> None:  # type: ignore[type-arg]
    """Kind, content, tokens, cost and attributes survive."""
    span = ROOT._replace(
        kind=kind,
        input=contents[0],
        output=contents[1],
        model="gpt-4o",
        provider="openai",
        input_tokens=tokens,
        output_tokens=tokens,
        cost_usd=cost,
        finish_reason="stop",
        attributes=attributes,
    )
    [after] = again(trace_of(span))
    assert_same(span, after)


def test_errors_links_and_events_stand_where_otlp_has_them() -> None:
    """A failed step has a status, an exception event and its links; its scope and resource too."""
    attributes = {
        "resource.service.name": "shop",
        "scope.name": "my-tracer",
        "scope.version": "2",
        "otel.kind": "client",
        "links": [{"trace_id": "1" * 32, "span_id": "2" * 16}],
        "events": [{"name": "retry", "time_unix_nano": 6, "attributes": {"n": 1}}],
        "exception.stacktrace": "Traceback",
    }
    span = ROOT._replace(
        status="error", error_type="ValueError", error_message="no", attributes=attributes
    )
    request = orjson.loads(dump_otlp(trace_of(span)))
    [of_resource] = request["resourceSpans"]
    assert of_resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "shop"}}
    ]
    assert of_resource["scopeSpans"][0]["scope"]["name"] == "my-tracer"
    [sent] = of_resource["scopeSpans"][0]["spans"]
    assert (sent["kind"], sent["status"]) == (3, {"code": 2, "message": "no"})
    assert [event["name"] for event in sent["events"]] == ["retry", "exception"]
    [after] = again(trace_of(span))
    assert_same(span, after)


def test_what_was_said_of_the_run_goes_along() -> None:
    """Session, outcome, reason and tags come back as facts of the trace."""
    trace = trace_of(ROOT)._replace(
        outcome="fail", outcome_reason="no source", session_id="s1", tags={"tier": "gold"}
    )
    [facts] = decode_json(dump_otlp(trace)).batch.facts
    assert (facts.outcome, facts.outcome_reason) == ("fail", "no source")
    assert (facts.session_id, facts.tags) == ("s1", {"tier": "gold"})


def test_strange_values_are_carried() -> None:
    """Nulls, integers beyond 64 bits, nested lists, and lists where objects belong."""
    attributes = {
        "a": None,
        "b": 2**64 - 1,
        "c": [[1], {"d": None}],
        "links": "none",
        "events": [3],
    }
    [after] = again(trace_of(ROOT._replace(attributes=attributes)))
    assert after.attributes["b"] == float(2**64 - 1)
    assert after.attributes["c"] == [[1], {"d": None}]


def test_what_no_reader_would_take_is_text() -> None:
    """A value nested deeper than readers of OTLP go ends as JSON text; nothing of it is lost."""
    deep: Any = "end"
    for _ in range(240):
        deep = {"a": deep}
    [after] = again(trace_of(ROOT._replace(attributes={"deep": deep, "input": deep})))
    inner: Any = after.attributes["deep"]
    for _ in range(30):
        inner = inner["a"]
    for _ in range(210):
        inner = (json.loads(inner) if isinstance(inner, str) else inner)["a"]
    assert inner == "end"


def test_a_running_span_has_no_end() -> None:
    """What has not ended is not given an end."""
    [after] = again(trace_of(ROOT._replace(status="running", end_ns=None)))
    assert (after.status, after.end_ns) == ("running", None)


def test_real_exports_come_back_as_they_were_read(shared: Path) -> None:
    """Whatever instrumentation made a span, its fields survive the way out and in."""
    samples = shared / "otlp_samples"
    names = json.loads((samples / "manifest.json").read_bytes())
    seen = 0
    for name in sorted(name for name, entry in names.items() if entry["signal"] == "traces"):
        body = (samples / name).read_bytes()
        body = gzip.decompress(body) if name.endswith(".gz") else body
        batch = (decode_json if ".json" in name else decode_protobuf)(body).batch
        sessions = {facts.trace_id: facts.session_id for facts in batch.facts if facts.session_id}
        for span in batch.spans:
            trace = trace_of(span)._replace(session_id=sessions.get(span.trace_id))
            [after] = again(trace)
            assert_same(span, after)
            seen += 1
    assert seen > 100
