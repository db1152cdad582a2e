"""The native format: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrace.errors import BadInput
from clustertrace.exchange.importing import import_native
from clustertrace.exchange.native import SPAN_KEYS, TRACE_KEYS, dump_trace, parse_trace
from clustertrace.exchange.reading import source_of
from clustertrace.model import KINDS, Metric, Span, Trace
from clustertrace.redaction import Redactor
from clustertrace.store import queries
from clustertrace.store.store import Store

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
SPAN = {"span_id": SPAN_ID, "name": "agent", "start_time_unix_nano": 5}
RECORD = {"format": "clustertrace/1", "trace_id": TRACE_ID, "spans": [SPAN]}


def test_a_missing_key_is_a_null() -> None:
    """The smallest record is a trace with one span, everything else unknown."""
    spans, facts = parse_trace(orjson.dumps(RECORD))
    assert spans == [Span(TRACE_ID, SPAN_ID, None, "agent", "chain", "ok", 5, None)]
    assert (facts.trace_id, facts.name, facts.status, facts.start_ns) == (
        TRACE_ID,
        None,
        None,
        None,
    )


def test_spans_keep_their_place() -> None:
    """The place of a span in the list is its ordinal, which orders equal starts."""
    second = SPAN | {"span_id": "00000000000000aa"}
    spans, _ = parse_trace(orjson.dumps(RECORD | {"spans": [SPAN, second]}))
    assert [(span.span_id, span.ordinal) for span in spans] == [
        (SPAN_ID, 0),
        (second["span_id"], 1),
    ]


def test_facts_of_the_trace_are_read() -> None:
    """Outcome, reason, session, tags, metrics, times and status belong to the trace."""
    record = {
        "name": "research",
        "status": "incomplete",
        "outcome": "fail",
        "outcome_reason": "no source",
        "session_id": "s1",
        "start_time_unix_nano": 4,
        "end_time_unix_nano": 9,
        "tags": {"n": 1, "v": "x"},
        "metrics": [{"name": "score", "value": 1, "time_unix_nano": 8, "span_id": SPAN_ID}],
    }
    _, facts = parse_trace(orjson.dumps(RECORD | record))
    assert facts._asdict() == {
        "trace_id": TRACE_ID,
        "name": "research",
        "status": "incomplete",
        "outcome": "fail",
        "outcome_reason": "no source",
        "session_id": "s1",
        "start_ns": 4,
        "end_ns": 9,
        "tags": {"n": "1", "v": "x"},
        "metrics": (Metric("score", 1.0, 8, SPAN_ID),),
        "extra": {},
        "by_hand": False,
        "starred": False,
        "note": None,
    }


def test_unknown_keys_are_kept_on_trace_and_span() -> None:
    """Keys of a newer version are kept, and so are keys that mean something elsewhere only."""
    strange = {"color": [1, {"a": None}], "type": "span", "tags": {"a": 1}, "trace_id": "other"}
    spans, facts = parse_trace(orjson.dumps(RECORD | {"spans": [SPAN | strange], "v2": {"x": 1}}))
    assert spans[0].extra == strange
    assert facts.extra == {"v2": {"x": 1}}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "this is not JSON"),
        (b'{"name": "caf\xe9"}', "it is not text in UTF-8"),
        (b"[]", "a line must be a JSON object"),
        (b'{"trace_id": 1}', 'format must be "clustertrace/1", not null'),
        (b'{"format": "clustertrace/2"}', 'not "clustertrace/2"'),
        (orjson.dumps(RECORD | {"trace_id": "xyz"}), "trace_id must be 32 hex digits, not 'xyz'"),
        (orjson.dumps(RECORD | {"trace_id": "0" * 32}), "trace_id must be 32 hex digits"),
        (orjson.dumps(RECORD | {"spans": None}), "spans must be a list of at least one span"),
        (orjson.dumps(RECORD | {"spans": []}), "spans must be a list of at least one span"),
        (orjson.dumps(RECORD | {"spans": {}}), "spans must be a list of at least one span"),
        (orjson.dumps(RECORD | {"spans": [3]}), "spans[0] must be an object"),
        (
            orjson.dumps(RECORD | {"spans": [SPAN, SPAN]}),
            f"spans[1]: span_id {SPAN_ID} occurs twice",
        ),
        (
            orjson.dumps(RECORD | {"status": "bad"}),
            "status must be ok, error, running or incomplete",
        ),
        (orjson.dumps(RECORD | {"status": []}), "status must be ok, error, running or incomplete"),
        (orjson.dumps(RECORD | {"outcome": "won"}), 'outcome must be "pass", "fail" or null'),
        (orjson.dumps(RECORD | {"tags": [1]}), "tags must be an object"),
        (orjson.dumps(RECORD | {"metrics": {"a": 1}}), "metrics must be a list"),
        (orjson.dumps(RECORD | {"metrics": [{"name": "x"}]}), "value of a metric is missing"),
        (orjson.dumps(RECORD | {"name": 7}), "name must be a text, not 7"),
        (orjson.dumps(RECORD | {"start_time_unix_nano": -1}), "start_time_unix_nano must be"),
        (orjson.dumps(RECORD | {"end_time_unix_nano": "²"}), "end_time_unix_nano must be"),
        (orjson.dumps(RECORD | {"session_id": 1}), "session_id must be a text"),
        (orjson.dumps(RECORD | {"spans": [{"span_id": SPAN_ID}]}), "spans[0]: name must be a text"),
        (
            orjson.dumps(RECORD | {"spans": [SPAN | {"kind": "bot"}]}),
            "spans[0]: kind must be one of",
        ),
        (
            orjson.dumps(RECORD | {"spans": [SPAN | {"kind": ["tool"]}]}),
            "spans[0]: kind must be one of",
        ),
        (
            orjson.dumps(RECORD | {"spans": [SPAN | {"cost_usd": "1"}]}),
            "spans[0]: cost_usd must be",
        ),
        (orjson.dumps(RECORD | {"spans": [SPAN | {"cost_usd": 1e300}]}), "at most 10^9"),
        (orjson.dumps(RECORD | {"spans": [SPAN | {"input_tokens": -1}]}), "input_tokens must be"),
        (
            orjson.dumps(RECORD | {"spans": [SPAN | {"attributes": []}]}),
            "attributes must be an obj",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_key(line: bytes, reason: str) -> None:
    """The reason names the key at fault and what it must be."""
    with pytest.raises(BadInput) as refused:
        parse_trace(line)
    assert reason in str(refused.value)


def test_a_trace_is_written_with_every_key_in_order() -> None:
    """Known keys come first and always, the outcome's reason if there is one, unknown keys last."""
    span = Span(TRACE_ID, SPAN_ID, None, "a", "tool", "ok", 1, 2, extra={"z": 1})
    trace = Trace(TRACE_ID, "a", "ok", "fail", "why", 1, 2, None, {}, (), (span,), {"y": 2})
    line = dump_trace(trace)
    assert line.endswith(b"}\n")
    assert tuple(orjson.loads(line)) == (*TRACE_KEYS, "outcome_reason", "y")
    assert tuple(orjson.loads(line)["spans"][0]) == (*SPAN_KEYS, "z")
    assert "outcome_reason" not in orjson.loads(dump_trace(trace._replace(outcome_reason=None)))


def test_a_value_that_was_stored_can_always_be_written() -> None:
    """The deepest value that a store can hold is exported, though it stands three levels lower."""
    deep = orjson.loads(b"[" * 254 + b'"\xc3\xa4"' + b"]" * 254)
    span = Span(TRACE_ID, SPAN_ID, None, "a", "tool", "ok", 1, 2, input=deep)
    trace = Trace(TRACE_ID, "a", "ok", None, None, 1, 2, None, {}, (), (span,))
    assert orjson.loads(dump_trace(trace))["spans"][0]["input"] == deep


def test_the_largest_times_fit(two_stores: tuple[Store, Store]) -> None:
    """Runs that claim to have lasted from 1970 to 2262 are kept, and so is their session."""
    last = 2**63 - 1
    span = SPAN | {"kind": "llm", "start_time_unix_nano": 1, "end_time_unix_nano": last}
    late = span | {"span_id": "00000000000000aa", "start_time_unix_nano": last}
    records = [
        RECORD | {"trace_id": f"{number:032x}", "session_id": "s", "spans": [span, late]}
        for number in range(1, 5)
    ]
    exported = through(two_stores[0], b"\n".join(map(orjson.dumps, records)))
    assert [
        orjson.loads(line)["spans"][1]["start_time_unix_nano"] for line in exported.split()
    ] == [last for _ in records]


def _is_plain(text: str) -> bool:
    """Whether a text is no secret and names none: what is redacted is no round trip's affair.

    Hypothesis draws words of our own source too, names of secrets among them.
    """
    return not Redactor().suspects(f'"{text}": "x"')


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(_is_plain)
TIMES = st.integers(0, 2**63 - 1)
COUNTS = st.none() | st.integers(0, 10**12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SPAN_IDS = st.integers(1, 2**64 - 1).map("{:016x}".format)
UNKNOWN = st.dictionaries(TEXTS.map("x-{}".format), VALUES, max_size=2)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    """A span with any of its keys, and some of nobody's."""
    optional = {
        "parent_span_id": st.none() | SPAN_IDS,
        "kind": st.none() | st.sampled_from(sorted(KINDS)),
        "status": st.none() | st.sampled_from(["ok", "error", "running", "incomplete"]),
        "end_time_unix_nano": st.none() | TIMES,
        "input": VALUES,
        "output": VALUES,
        "error_type": st.none() | TEXTS,
        "error_message": st.none() | TEXTS,
        "model": st.none() | TEXTS,
        "provider": st.none() | TEXTS,
        "input_tokens": COUNTS,
        "reasoning_tokens": COUNTS,
        "cost_usd": st.none() | st.floats(0, 1e9),
        "finish_reason": st.none() | TEXTS,
        "attributes": st.dictionaries(TEXTS, VALUES, max_size=3),
        "type": VALUES,
    }
    needed = {"span_id": SPAN_IDS, "name": TEXTS, "start_time_unix_nano": TIMES}
    return draw(st.fixed_dictionaries(needed, optional=optional)) | draw(UNKNOWN)


@st.composite
def traces(draw: st.DrawFn) -> dict[str, Any]:
    """A trace with any of its keys, and some of nobody's."""
    metric = st.fixed_dictionaries(
        {"name": TEXTS, "value": st.floats(allow_nan=False, allow_infinity=False)},
        optional={"time_unix_nano": TIMES, "span_id": st.none() | SPAN_IDS},
    )
    optional = {
        "name": st.none() | TEXTS.filter(bool),  # an empty name is none: the root's is taken
        "status": st.none() | st.sampled_from(["ok", "error", "running", "incomplete"]),
        "outcome": st.none() | st.sampled_from(["pass", "fail"]),
        "outcome_reason": st.none() | TEXTS,
        "start_time_unix_nano": st.none() | TIMES,
        "end_time_unix_nano": st.none() | TIMES,
        "session_id": st.none() | TEXTS,
        "tags": st.dictionaries(TEXTS, TEXTS, max_size=3),
        "metrics": st.lists(metric, max_size=3),
    }
    needed = {
        "format": st.just("clustertrace/1"),
        "trace_id": st.integers(1, 2**128 - 1).map("{:032x}".format),
        "spans": st.lists(spans(), min_size=1, max_size=4, unique_by=lambda span: span["span_id"]),
    }
    return draw(st.fixed_dictionaries(needed, optional=optional)) | draw(UNKNOWN)


def through(store: Store, data: bytes) -> bytes:
    """Import into an empty database, export everything again, and remove it."""
    result = import_native(store, source_of(io.BytesIO(data), "test"))
    assert result.bad == []
    store.refresh()
    with store.read() as conn:
        found = list(queries.export(conn))
    store.remove(*(trace.trace_id for trace in found))
    return b"".join(dump_trace(trace) for trace in found)


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Where traces come from, and where they go."""
    folder = tmp_path_factory.mktemp("stores")
    with Store.open(folder / "a.db") as here, Store.open(folder / "b.db") as there:
        yield here, there


@settings(max_examples=60, deadline=None)
@given(st.lists(traces(), min_size=1, max_size=3, unique_by=lambda trace: trace["trace_id"]))
def test_any_trace_survives_the_round_trip(
    two_stores: tuple[Store, Store], records: list[dict[str, Any]]
) -> None:
    """Export, import elsewhere, export: the same bytes, with every key that was there at first."""
    here, there = two_stores
    exported = through(here, b"\n".join(orjson.dumps(record) for record in records))
    assert through(there, exported) == exported
    found = {trace["trace_id"]: trace for trace in map(orjson.loads, exported.splitlines())}
    for record in records:
        trace = found[record["trace_id"]]
        spans_found = {span["span_id"]: span for span in trace.pop("spans")}
        for span in record.pop("spans"):
            for key, value in span.items():
                default = {"kind": "chain", "status": "ok"}.get(key)
                wanted = default if value is None else value
                assert spans_found[span["span_id"]][key] == wanted
        for key in record.keys() - {"metrics"}:
            assert record[key] is None or trace[key] == record[key]
