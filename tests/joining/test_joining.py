"""What records say about spans, put where it belongs, whatever else is there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.joining import concerned, joined
from clustertrace.joining.belonging import Host
from clustertrace.model import INTERNAL, Log, Span

TRACE, OTHER, TURN = "ab" * 16, "cd" * 16, "ef" * 16
SECOND = 10**9
CLAUDE_CODE = "com.anthropic.claude_code.events"
CODEX = "codex_otel.log_only"


def log(name: str, at: float = 0, span: str | None = None, **more: Any) -> Log:
    """A record, so many seconds in."""
    fields: dict[str, Any] = {"scope": "tests", "body": None, "attributes": {}, "turn": None}
    given_ = {key: more.pop(key) for key in fields if key in more}
    given_.setdefault("attributes", {key.replace("__", "."): v for key, v in more.items()})
    return Log(TRACE, span, round((at + 1) * SECOND), name, **(fields | given_))


def claude(event: str, at: float = 0, **values: Any) -> Log:
    """A record of Claude Code's."""
    fields = {key: values.pop(key) for key in ("span",) if key in values}
    attributes = {"session.id": "s", "prompt.id": "p", **values}
    return log(
        f"claude_code.{event}", at, scope=CLAUDE_CODE, attributes=attributes, turn=TURN, **fields
    )


def span(number: int, kind: str = "llm", at: float = 0, **more: Any) -> Span:
    """A span that takes a second."""
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": f"{number:016x}",
        "parent_span_id": None if number == 1 else f"{1:016x}",
        "name": "call",
        "kind": kind,
        "status": "ok",
        "start_ns": round((at + 1) * SECOND),
        "end_ns": round((at + 2) * SECOND),
    }
    return Span(**(fields | more))


def call(number: int, at: float, request: str, **more: Any) -> Span:
    """A model call as Claude Code reports it."""
    attributes = {"scope.name": "com.anthropic.claude_code.tracing", "request_id": request}
    return span(number, "llm", at, attributes=attributes, model="claude-sonnet-4-6", **more)


def by_id(spans: list[Span]) -> dict[str, Span]:
    return {one.span_id: one for one in spans}


def test_details_fill_their_span() -> None:
    """Messages, tokens and what else a span lacks come from the record that names it."""
    details = log(
        "gen_ai.client.inference.operation.details",
        span=f"{2:016x}",
        gen_ai__input__messages=[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
        gen_ai__output__messages=[{"role": "assistant", "parts": []}],
        gen_ai__usage__input_tokens=7,
        gen_ai__request__temperature=0.5,
    )
    (filled,) = joined(TRACE, [span(1, "agent"), span(2, model="m")], [details])
    assert filled.input[0]["role"] == "user"
    assert filled.output[0]["role"] == "assistant"
    assert (filled.input_tokens, filled.model) == (7, "m")
    assert filled.attributes == {"gen_ai.request.temperature": 0.5}


def test_what_a_span_has_stays() -> None:
    """A record fills what is empty and changes nothing that the span says itself."""
    details = log(
        "gen_ai.client.inference.operation.details",
        span=f"{2:016x}",
        gen_ai__usage__input_tokens=7,
        gen_ai__usage__output_tokens=4,
        gen_ai__request__model="other",
    )
    (filled,) = joined(TRACE, [span(2, model="m", input_tokens=3)], [details])
    assert (filled.model, filled.input_tokens, filled.output_tokens) == ("m", 3, 4)


def test_messages_as_events() -> None:
    """The older events, one a message, make the conversation in their order."""
    logs = [
        log("gen_ai.choice", 3, f"{2:016x}", body={"message": {"content": "fine"}, "index": 0}),
        log("gen_ai.user.message", 2, f"{2:016x}", body={"content": "and you?"}),
        log("gen_ai.system.message", 1, f"{2:016x}", body={"content": "be kind"}),
    ]
    (filled,) = joined(TRACE, [span(2)], logs)
    assert [(m["role"], m["content"]) for m in filled.input] == [
        ("system", "be kind"),
        ("user", "and you?"),
    ]
    assert filled.output[0]["content"] == "fine"


def test_an_exception_is_the_error_of_a_failed_span() -> None:
    """The exception's type and message stand on the span that failed; on others as an event."""
    attributes = {"exception__type": "Timeout", "exception__message": "too slow"}
    record = log("gen_ai.client.operation.exception", span=f"{2:016x}", **attributes)
    (failed,) = joined(TRACE, [span(2, status="error")], [record])
    assert (failed.error_type, failed.error_message) == ("Timeout", "too slow")
    (fine,) = joined(TRACE, [span(2)], [record])
    assert (fine.status, fine.error_type) == ("ok", None)
    assert fine.attributes["events"][0]["attributes"]["exception.type"] == "Timeout"


def test_calls_without_spans() -> None:
    """A model call of which only records came is a span made of them."""
    details = log(
        "gen_ai.client.inference.operation.details",
        span="12" * 8,
        gen_ai__request__model="gpt-4o-mini",
        gen_ai__usage__input_tokens=7,
        error__type="Timeout",
    )
    (new_call,) = joined(TRACE, [], [details])
    assert (new_call.span_id, new_call.name, new_call.kind) == ("12" * 8, "chat gpt-4o-mini", "llm")
    assert (new_call.status, new_call.error_type, new_call.input_tokens) == ("error", "Timeout", 7)
    assert new_call.attributes["clustertrace.made_from"] == "logs"
    below = by_id(joined(TRACE, [span(1, "agent")], [details]))
    assert below["12" * 8].parent_span_id == f"{1:016x}"


def test_other_records() -> None:
    """A record that is about no known span is an event of the trace's root, or of one made."""
    lost = log("", span="99" * 8, body="connection refused", code=7)
    (root,) = joined(TRACE, [span(1, "agent"), span(2)], [lost])
    assert root.attributes["events"] == [
        {
            "name": "log",
            "time_unix_nano": SECOND,
            "attributes": {"code": 7},
            "body": "connection refused",
        }
    ]
    (new_call,) = joined(TRACE, [], [lost])
    assert new_call.attributes[INTERNAL] is True
    assert new_call.attributes["events"] == root.attributes["events"]


def test_many_records() -> None:
    """A span lists so many records, and says how many more there are."""
    logs = [log("tick", number) for number in range(203)]
    (root,) = joined(TRACE, [span(1, "agent")], logs)
    assert len(root.attributes["events"]) == 200
    assert root.attributes["clustertrace.records_left_out"] == 3
    (root,) = joined(TRACE, [span(1, "agent")], logs, left_out=10)
    assert root.attributes["clustertrace.records_left_out"] == 13


def test_an_attribute_of_that_name() -> None:
    """A program's own attribute `events` stays what it is."""
    (root,) = joined(TRACE, [span(1, attributes={"events": "three"})], [log("tick")])
    assert root.attributes["events"] == "three"
    assert root.attributes["span.events"][0]["name"] == "tick"


def test_request_ids_that_repeat() -> None:
    """Costs go to the call that ended when the record was written, where ids come again."""
    spans = [span(1, "agent"), call(2, 0, "r"), call(3, 5, "r"), call(4, 9, "other")]
    logs = [
        claude("api_request", 6.1, request_id="r", cost_usd=0.5, cache_creation_1h_tokens=4),
        claude("api_request", 1.1, request_id="r", cost_usd=0.25, cache_creation_5m_tokens=3),
    ]
    changed = by_id(joined(TRACE, spans, logs))
    first, second = changed[f"{2:016x}"], changed[f"{3:016x}"]
    assert (first.cost_usd, first.attributes["cache_creation_5m_tokens"]) == (0.25, 3)
    assert (second.cost_usd, second.attributes["cache_creation_1h_tokens"]) == (0.5, 4)
    assert f"{4:016x}" not in changed


def test_a_reported_cost_replaces_a_derived_one() -> None:
    """What Claude Code says that a call cost counts, not what our prices say."""
    priced = call(2, 0, "r", cost_usd=9.0)
    priced = priced._replace(attributes={**priced.attributes, "clustertrace.cost_source": "prices"})
    changed = joined(TRACE, [priced], [claude("api_request", 1, request_id="r", cost_usd=0.5)])
    (now,) = [one for one in changed if one.kind == "llm"]
    assert now.cost_usd == 0.5
    assert "clustertrace.cost_source" not in now.attributes


def test_a_turn_from_its_records() -> None:
    """Without spans: a turn, its model calls and tools, its sub-agents, in their places."""
    logs = [
        claude("user_prompt", 0, prompt="do it"),
        claude("api_request", 2, request_id="a", model="claude-sonnet-4-6", duration_ms=1000,
               input_tokens=10, output_tokens=5, cache_read_tokens=90, cost_usd=0.1),
        claude("tool_decision", 2.5, tool_use_id="t1", tool_name="Agent", decision="accept"),
        claude("api_request", 4, request_id="b", agent_id="x", cost_usd=0.1, model="m",
               **{"agent.name": "helper"}),
        claude("tool_result", 5, tool_use_id="t2", tool_name="Bash", agent_id="x", success=False,
               error="boom", tool_input={"command": "false"}),
        claude("tool_result", 6, tool_use_id="t1", tool_name="Agent", success=True),
        claude("tool_decision", 6.5, tool_use_id="t3", tool_name="Write", decision="reject"),
        claude("assistant_response", 7, request_id="a", response="done"),
    ]  # fmt: skip
    spans = joined(TRACE, [], logs)
    found = by_id(spans)
    (turn,) = [one for one in spans if one.parent_span_id is None]
    assert (turn.kind, turn.input, turn.output) == ("agent", "do it", "done")
    above = {one.name: found.get(one.parent_span_id or "") for one in spans if one.kind != "llm"}
    assert above["Agent"] == above["Write"] == turn
    assert above["helper"] is not None
    assert above["helper"].name == "Agent"
    assert above["Bash"] is not None
    assert above["Bash"].name == "helper"
    named = {one.name: one for one in spans}
    assert (named["Bash"].status, named["Bash"].error_message) == ("error", "boom")
    assert (named["Write"].status, named["Write"].finish_reason) == ("ok", "refused")
    calls = [one for one in spans if one.kind == "llm"]
    assert [one.input_tokens for one in calls if one.input_tokens] == [100]
    assert sum(one.cost_usd or 0 for one in calls) == pytest.approx(0.2)
    assert {one.parent_span_id for one in calls} == {turn.span_id, named["helper"].span_id}


def test_a_failed_call_fails_its_turn() -> None:
    """A turn whose last model call failed has failed; one that was tried again has not."""
    failed = claude("api_error", 1, request_id="a", model="m", error="overloaded", status_code=529)
    (turn,) = [one for one in joined(TRACE, [], [failed]) if one.kind == "agent"]
    assert (turn.status, turn.error_type, turn.error_message) == ("error", "529", "overloaded")
    again = claude("api_request", 2, request_id="b", model="m")
    (turn,) = [one for one in joined(TRACE, [], [failed, again]) if one.kind == "agent"]
    assert turn.status == "ok"


def test_records_of_a_turn_without_a_trace() -> None:
    """Where some records of a turn name a trace, those that name none belong there."""
    homeless = claude("api_request", 2, request_id="r", cost_usd=1.0)._replace(trace_id=TURN)
    named = claude("user_prompt", 1, prompt="hi")
    later = claude("user_prompt", 3, prompt="on")._replace(trace_id=OTHER)
    both = [homeless, named, later]
    assert joined(TURN, [], both) == []
    changed = joined(TRACE, [span(1, "agent"), call(2, 1, "r")], both)
    assert [one.cost_usd for one in changed if one.kind == "llm"] == [1.0]
    assert not any(one.cost_usd for one in joined(OTHER, [], both))
    assert joined(TURN, [], [homeless])


def test_records_that_share_only_a_session() -> None:
    """A record that names no trace goes to the trace of its session in whose time it falls."""
    homeless = claude("api_request", 2, request_id="r", cost_usd=1.0)._replace(
        trace_id=TURN, session_id="s"
    )
    before, after = Host(OTHER, 1, 2 * SECOND), Host(OTHER, 4 * SECOND, 9 * SECOND)
    own = Host(TRACE, 2 * SECOND, 3 * SECOND)
    spans = [span(1, "agent"), call(2, 1, "r")]
    changed = joined(TRACE, spans, [homeless], [before, own, after])
    assert [one.cost_usd for one in changed if one.kind == "llm"] == [1.0]
    assert joined(TURN, [], [homeless], [before, own, after]) == []
    assert joined(TRACE, spans, [homeless], [after]) == []
    assert joined(TURN, [], [homeless], [after])


def test_codex_tools() -> None:
    """Arguments and results of Codex's tools come from its logs, by call id."""
    attributes = {"conversation.id": "c", "call_id": "k", "tool_name": "shell"}
    tool = span(
        2, "tool", attributes={"scope.name": "codex_core", **attributes}, parent_span_id=f"{1:016x}"
    )
    result = {**attributes, "arguments": {"cmd": "ls"}, "output": "a.txt", "success": False}
    record = log("codex.tool_result", scope=CODEX, attributes=result, turn=TURN)
    (filled,) = joined(TRACE, [tool], [record])
    assert (filled.input, filled.output, filled.status) == ({"cmd": "ls"}, "a.txt", "error")


def test_codex_without_spans() -> None:
    """A conversation of which only logs came: prompt, calls with their tokens, tools."""
    common = {"conversation.id": "c", "model": "gpt-5-codex"}

    def codex(event: str, at: float, **more: Any) -> Log:
        attributes = {**common, **more}
        return log(f"codex.{event}", at, scope=CODEX, attributes=attributes, turn=TURN)

    logs = [
        codex("user_prompt", 0, prompt="hi"),
        codex("api_request", 1, **{"http.response.status_code": 429}),
        codex("api_request", 2, duration_ms=500),
        codex("sse_event", 4, input_token_count=82, output_token_count=17, cached_token_count=64),
        codex("tool_result", 6, call_id="k", tool_name="shell", duration_ms=1000, success=True),
    ]
    spans = joined(TRACE, [], logs)
    (turn,) = [one for one in spans if one.parent_span_id is None]
    assert (turn.kind, turn.input) == ("agent", "hi")
    failed, fine = sorted((s for s in spans if s.kind == "llm"), key=lambda s: s.start_ns)
    assert (failed.status, failed.error_type) == ("error", "429")
    assert (fine.input_tokens, fine.cache_read_tokens, fine.output_tokens) == (82, 64, 17)
    assert fine.start_ns == 2.5 * SECOND
    (tool,) = [one for one in spans if one.kind == "tool"]
    assert (tool.name, tool.start_ns) == ("shell", 6 * SECOND)


def point(kind: str, value: float, at: float = 0, **more: Any) -> Log:
    """A point of Claude Code's metrics."""
    attributes = {
        "type": kind,
        "model": "m",
        "value": value,
        "temporality": 1,
        "start_ns": 0,
        **more,
    }
    name = "claude_code.cost.usage" if kind == "cost" else "claude_code.token.usage"
    return log(name, at, scope="com.anthropic.claude_code", attributes=attributes)


def test_a_session_from_its_metrics() -> None:
    """Tokens and cost of a session by model; input tokens include those that were cached."""
    logs = [point("input", 10), point("cacheRead", 90), point("output", 5), point("input", 1, 1)]
    logs += [point("cost", 0.5), point("input", 3, model="n", query_source="auxiliary")]
    spans = {one.model: one for one in joined(TRACE, [], logs)}
    assert set(spans) == {None, "m", "n"}
    calls = spans["m"]
    assert (calls.input_tokens, calls.cache_read_tokens, calls.output_tokens) == (101, 90, 5)
    assert calls.cost_usd == 0.5
    assert spans["n"].input_tokens == 3


def test_cumulative_points() -> None:
    """A cumulative series counts by its last point, whatever came when."""
    logs = [point("input", value, at, temporality=2) for at, value in ((2, 30), (1, 20), (0, 10))]
    (calls,) = [one for one in joined(TRACE, [], logs) if one.kind == "llm"]
    assert calls.input_tokens == 30


LOGS = [
    claude("user_prompt", 0, span=f"{1:016x}", prompt="do it"),
    claude("api_request", 1.1, span=f"{1:016x}", request_id="r", cost_usd=0.25),
    claude("api_request", 6.1, span=f"{1:016x}", request_id="r", cost_usd=0.5),
    claude("hook_execution_start", 6.2, span=f"{1:016x}"),
    log("gen_ai.user.message", 3, f"{4:016x}", body={"content": "hi"}),
    log("gen_ai.choice", 3, f"{4:016x}", body={"message": {"content": "fine"}}),
    log("", 4, body="text"),
]
SPANS = [span(1, "agent"), call(2, 0, "r"), call(3, 5, "r"), span(4)]


@given(st.permutations(LOGS), st.permutations(SPANS))
def test_order_changes_nothing(logs: list[Log], spans: list[Span]) -> None:
    """Neither the order of records nor that of spans matters."""
    assert by_id(joined(TRACE, spans, logs)) == by_id(joined(TRACE, SPANS, LOGS))


_VALUES = (
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
)
_VALUES = _VALUES | st.text(max_size=4) | st.just([{"a": 1}])
_RECORDS = st.builds(
    lambda name, scope, at, span_id, body, attributes: Log(
        TRACE, span_id, at, name, scope, body, attributes, TURN
    ),
    st.sampled_from(
        [
            *("claude_code.api_request", "claude_code.tool_result", "claude_code.user_prompt"),
            *("claude_code.api_request_body", "claude_code.api_response_body", "codex.sse_event"),
            *("codex.tool_result", "codex.api_request", "gen_ai.choice", "gen_ai.user.message"),
            *("gen_ai.client.inference.operation.details", "exception", ""),
            *("claude_code.token.usage", "claude_code.subagent_completed"),
        ]
    ),
    st.sampled_from([CLAUDE_CODE, CODEX, "tests"]),
    st.integers(1, 2**62),
    st.sampled_from([None, f"{1:016x}", f"{2:016x}", "99" * 8]),
    _VALUES,
    st.dictionaries(
        st.sampled_from(
            [
                *("request_id", "tool_use_id", "tool_name", "agent_id", "duration_ms", "cost_usd"),
                *("prompt", "body", "request_body_id", "call_id", "input_token_count", "model"),
                *("gen_ai.input.messages", "gen_ai.operation.name", "success", "event.sequence"),
                *("clustertrace.redacted", "clustertrace.capture", "value", "events", "type"),
            ]
        ),
        _VALUES,
        max_size=5,
    ),
)


@given(st.lists(_RECORDS, max_size=6), st.booleans())
def test_odd_records_break_nothing(logs: list[Log], with_spans: bool) -> None:
    """Whatever records hold, joining gives spans of the trace, each once."""
    came = SPANS if with_spans else []
    spans = joined(TRACE, came, logs)
    assert set(by_id(spans)) & set(by_id(came)) <= concerned(came, logs)
    assert len(by_id(spans)) == len(spans)
    assert {one.trace_id for one in spans} <= {TRACE}
    assert all(one.start_ns > 0 and (one.end_ns or 0) >= one.start_ns for one in spans)
