"""What may be kept: the same rules for every way in, and once through is enough."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clustertrace.errors import BadSetting
from clustertrace.model import Metric, Span, Trace, TraceFacts
from clustertrace.record.values import capture
from clustertrace.redaction import Redactor
from clustertrace.store import Store, queries
from clustertrace.store.rows import json_text, span_of_row
from clustertrace.store.writing.intake import policy
from tests.store.conftest import TRACE, batch, root, span

LIMIT = 32768
KEY = "sk-ant-api03-" + "a1B2" * 12


def settled(store: Store) -> Trace:
    """Refresh, and read the one trace."""
    store.refresh()
    with store.read() as conn:
        return queries.trace(conn, TRACE)


def kept(span: Span) -> Span:
    """What is left of a span behind the intake."""
    row = policy().row(span, None)
    return span_of_row((*row[:2], *row[3:21], *row[22:]))


def test_ordinary_spans_pass_as_they_are() -> None:
    """Nothing happens to a span without secrets that fits."""
    span = root(
        input={"q": "é" * 100}, output=[1, None], attributes={"a": {"b": 1}}, error_type="E"
    )
    assert kept(span) == span


def test_secrets_are_cut_in_every_text_and_counted() -> None:
    """Names, errors, models and payloads alike lose their secrets; an attribute counts them."""
    fields: dict[str, Any] = dict.fromkeys(
        ("name", "error_type", "error_message", "model", "provider", "finish_reason"), f"a {KEY} b"
    )
    stored_span = kept(
        root(**fields, input=KEY, output=[KEY], attributes={KEY: KEY}, extra={"x": KEY})
    )
    assert KEY not in repr(stored_span)
    assert stored_span.attributes["clustertrace.redacted"] == 11
    assert kept(stored_span) == stored_span


def test_secrets_are_cut_from_what_is_said_about_a_trace() -> None:
    """Tags by their names, and keys and secrets in names of metrics, reasons and sessions."""
    facts = policy().facts(
        TraceFacts(
            TRACE,
            name=KEY,
            outcome_reason=KEY,
            session_id=KEY,
            tags={"password": "hunter2", KEY: KEY, "tier": "gold"},
            metrics=(Metric(KEY, 1.0, 5),),
            extra={"deep": [KEY]},
        )
    )
    assert KEY not in repr(facts)
    assert "hunter2" not in repr(facts)
    assert facts.tags["tier"] == "gold"


@pytest.mark.parametrize(
    ("field", "value", "paths"),
    [
        ("input", "x" * 100_000, ["input"]),
        ("input", {"small": 1, "large": "é" * 50_000}, ["input.large"]),
        ("output", ["ab"] * 100_000, ["output"]),
        ("output", {str(n): "y" * 50 for n in range(5000)}, ["output"]),
        ("name", "n" * 40_000, ["name"]),
        ("error_message", "e" * 40_000, ["error_message"]),
        ("attributes", {"kept": 1, "large": "z" * 40_000}, ["attributes.large"]),
        ("extra", {"large": "z" * 40_000}, ["extra.large"]),
    ],
)
def test_what_is_too_large_is_cut_and_named(field: str, value: Any, paths: list[str]) -> None:
    """No field takes more than the limit; an attribute names what was cut, as the recorder does."""
    span = kept(root(**{field: value}))
    assert span.attributes["clustertrace.cut"] == paths
    stored = getattr(span, field)
    text = stored if field in ("name", "error_message") else json_text(stored) or ""
    assert len(text.encode()) <= LIMIT + 512
    assert len(text) > LIMIT // 4
    assert kept(span) == span


def test_a_long_conversation_that_others_send_keeps_its_end() -> None:
    """The newest messages, without their secrets, however much stands before them."""
    said = [{"role": "assistant", "content": f"{n} {'x' * 1000}"} for n in range(500)]
    messages = [{"role": "system", "content": "Brief."}, *said, {"role": "user", "content": KEY}]
    for stored in (kept(root(input=messages)), kept(root(input={"messages": messages}))):
        found = stored.input if isinstance(stored.input, list) else stored.input["messages"]
        assert found[0] == messages[0]
        assert found[1].endswith("earlier messages]")
        assert found[-2] == messages[-2]
        assert KEY not in str(found)
        assert "redacted" in found[-1]["content"]
        assert stored.attributes["clustertrace.cut"][0].startswith("input")
        assert kept(stored) == stored


def test_what_is_far_beyond_the_limit_is_not_searched_for_secrets() -> None:
    """It goes unread, and what reaches over the limit loses its secrets all the same."""
    read_lengths: list[int] = []

    class Watched(Redactor):
        __slots__ = ()

        def suspects(self, text: str) -> bool:
            read_lengths.append(len(text))
            return super().suspects(text)

    watched = policy()._replace(redact=Watched())
    image = "data:image/png;base64," + "iVBORw0KGgo" * 100_000
    watched.row(root(input=[{"url": image}], output=image, attributes={"image": image}), None)
    assert max(read_lengths) < 4 * 2 * LIMIT
    for before in range(LIMIT - 60, LIMIT, 7):
        stored = kept(root(input="x" * before + f" {KEY} " + "y" * 3 * LIMIT))
        assert "sk-ant" not in stored.input
        assert "characters in all" in stored.input


def test_no_secret_is_cut_in_two_by_what_goes_unread() -> None:
    """Also where what was read is kept to its end, since secrets before that took up so much."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEabc\n" * 30 + "-----END PRIVATE KEY-----\n"
    keys = key * (2 * LIMIT // len(key) - 1)
    for before in range(0, 2 * LIMIT - len(keys), 7):
        text = keys + "x" * before + ' {"api_key": "hunter2-hunter2"} ' + "y " * LIMIT
        assert "hunter2" not in str(kept(root(input=text)))
        recorded = capture(text, LIMIT, Redactor()).text
        assert "hunter2" not in Redactor().json(recorded)[0]


def test_what_went_unread_is_named_where_the_rest_fits() -> None:
    """Of a text that is mostly secrets little is left, and yet it is not all of it."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEabc\n" * 30 + "-----END PRIVATE KEY-----\n"
    stored = kept(root(input=key * 500 + "and so on"))
    assert len(stored.input) < LIMIT
    assert stored.attributes["clustertrace.cut"] == ["input"]
    assert kept(stored) == stored


def test_a_smaller_limit_is_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLUSTERTRACE_MAX_PAYLOAD_BYTES holds for what comes from elsewhere."""
    monkeypatch.setenv("CLUSTERTRACE_MAX_PAYLOAD_BYTES", "256")
    span = kept(root(input={"a": "x" * 1000, "b": "short"}))
    assert span.input["b"] == "short"
    assert len(json_text(span.input) or "") <= 256


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=json_values, attributes=st.dictionaries(st.text(max_size=9), json_values))
@example(
    value={
        **dict.fromkeys(("", "\x1f", "0\x1f", "000", "0000\u0800")),
        "Token": 0,
        **dict.fromkeys(("0000", "000\x1f")),
    },
    attributes={},
)
def test_passing_twice_changes_nothing_more(
    value: Any, attributes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cut to fit stays as it is on its way through an export and an import."""
    monkeypatch.setenv("CLUSTERTRACE_MAX_PAYLOAD_BYTES", "256")
    once = kept(root(input=value, output=[value, value], attributes=attributes))
    assert kept(once) == once


CONTENT = {
    "input.value": "secret plan",
    "gen_ai.input.messages": [{"role": "user", "parts": ["secret plan"]}],
    "gen_ai.tool.call.arguments": {"q": "secret plan"},
    "user_prompt": "secret plan",
    "a.name.nobody.knows": "secret plan",
    "events": [{"name": "e", "attributes": {"text": "secret plan"}}],
    "exception.stacktrace": "secret plan",
    "gen_ai.tool.name": "secret plan " * 100,
}
METADATA = {"gen_ai.response.id": "msg_1", "ttft_ms": 12, "stream": True, "scope.name": "x"}


def test_metadata_only_stores_no_content(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CLUSTERTRACE_CAPTURE=metadata times, names and numbers are left, whatever came in."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    one = root(
        input="secret plan",
        output={"x": "secret plan"},
        status="error",
        error_type="Refused",
        error_message="secret plan",
        attributes=CONTENT | METADATA,
        extra={"more": "secret plan"},
    )
    call = span(2, "chat", kind="llm", model="gpt-4o-mini", input_tokens=1000, output_tokens=0)
    facts = TraceFacts(
        TRACE, outcome_reason="secret plan", extra={"k": "secret plan"}, tags={"a": "b"}
    )
    store.write(batch(one, call, facts=[facts]))
    trace = settled(store)
    assert "secret plan" not in repr(trace)
    stored, priced = trace.spans
    assert stored.error_type == "Refused"
    assert dict(stored.attributes) == METADATA | {"clustertrace.capture": "metadata"}
    assert priced.cost_usd == pytest.approx(0.00015)
    assert trace.tags == {"a": "b"}
    for file in store.path.parent.glob("traces.db*"):
        if file.is_file():
            assert b"secret plan" not in file.read_bytes()


def test_batch_prices_hold_without_content(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call's price is worked out before anything of it is left out."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    november_2026 = 1_793_500_000 * 10**9
    booked = {"gen_ai.openai.request.service_tier": "batch"}
    call = root(
        kind="llm",
        model="gpt-4o-mini",
        input_tokens=1000,
        output_tokens=0,
        start_ns=november_2026,
        end_ns=november_2026 + 1,
        attributes=booked,
    )
    store.write(batch(call))
    (stored,) = settled(store).spans
    assert stored.cost_usd == pytest.approx(0.000075)
    assert not booked.keys() & stored.attributes.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [("CAPTURE", "some"), ("MAX_PAYLOAD_BYTES", "12"), ("MAX_PAYLOAD_BYTES", "many")],
)
def test_settings_that_cannot_be_used_are_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong value is told before anything is stored under another rule than the user meant."""
    monkeypatch.setenv(f"CLUSTERTRACE_{name}", value)
    with pytest.raises(BadSetting, match=f"CLUSTERTRACE_{name} can't be used"):
        policy()
