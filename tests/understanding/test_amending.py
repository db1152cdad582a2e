from __future__ import annotations

from typing import Any

import pytest

from clustertrace.model import Span
from clustertrace.understanding.amending import REFUSED, amended

TOOL = "claude_code.tool"


def span(span_id: str, parent: str | None = None, **fields: Any) -> Span:
    defaults: dict[str, Any] = {"name": span_id, "kind": "chain", "status": "ok"}
    defaults |= {"start_ns": 1, "end_ns": 2}
    return Span("t", span_id, parent, **{**defaults, **fields})


def test_a_failed_execution_is_the_tools_failure() -> None:
    """The tool takes over the error of its execution; once it has, nothing more changes."""
    tool = span("a", name="Bash", kind="tool")
    run = span("b", "a", name=f"{TOOL}.execution", status="error", error_type="ShellError")
    run = run._replace(error_message="exit 1")
    (changed,) = amended([run, tool])
    assert (changed.span_id, changed.status) == ("a", "error")
    assert (changed.error_type, changed.error_message) == ("ShellError", "exit 1")
    assert amended([run, changed]) == []


def test_a_refusal_is_no_error() -> None:
    """A tool that was not permitted is refused, not failed."""
    tool = span("a", name="Read", kind="tool")
    wait = span("b", "a", name=f"{TOOL}.blocked_on_user", finish_reason="reject")
    (changed,) = amended([wait, tool])
    assert (changed.status, changed.finish_reason) == ("ok", REFUSED)
    assert amended([wait._replace(finish_reason="accept"), tool]) == []


def test_phases_without_their_tool() -> None:
    """A phase whose tool has not come, or is none, changes nothing."""
    run = span("b", "a", name=f"{TOOL}.execution", status="error")
    assert amended([run]) == []
    assert amended([run, span("a")]) == []


def test_the_model_above() -> None:
    """A call that names no model has the one of the nearest span above it that does."""
    call = span("c", "b", kind="llm", output_tokens=3)
    (changed,) = amended([span("a", model="gpt-5-codex"), span("b", "a"), call])
    assert changed.model == "gpt-5-codex"
    assert amended([span("b"), call]) == []


def test_the_model_above_in_a_circle() -> None:
    """Spans that are each other's parents end the search."""
    assert amended([span("b", "c"), span("c", "b", kind="llm", output_tokens=3)]) == []


def agents(message: str, **more: Any) -> list[Span]:
    """A run of the OpenAI Agents SDK that was ended by an error."""
    agent = span("c", "b", kind="agent", status="error", error_message=message)
    return [span("a", kind="agent", **more), span("b", "a"), agent]


@pytest.mark.parametrize(
    "message",
    [
        "Error in agent run: {'error': '429'}",
        "{'message': 'Error in agent run', 'data': {'error': '429'}}",
        "Max turns exceeded",
    ],
)
def test_a_run_that_was_ended(message: str) -> None:
    """The workflow around an agent whose run raised has failed, with its error."""
    spans = agents(message)
    changed = amended(spans)
    assert {(one.span_id, one.status, one.error_message) for one in changed} == {
        ("a", "error", message),
        ("b", "error", message),
    }
    assert amended([*changed, spans[2]]) == []


def test_a_run_that_went_on() -> None:
    """An error after which the program did more, or inside a tool, or of another kind, stays."""
    spans = agents("Error in agent run")
    assert [one.span_id for one in amended([*spans, span("d", "a", start_ns=5)])] == ["b"]
    inside = spans[1]._replace(kind="tool")
    assert amended([spans[0], inside, spans[2]]) == []
    assert amended(agents("some error")) == []


TURN = "claude_code.interaction"


def turn(**last: Any) -> list[Span]:
    """A turn of Claude Code with two calls, a tool between them, as telemetry reports it."""
    call: dict[str, Any] = {"name": "claude_code.llm_request", "kind": "llm", "output_tokens": 1}
    return [
        span("a", name=TURN, kind="agent", end_ns=9),
        span("b", "a", **call, finish_reason="tool_use"),
        span("c", "a", kind="tool", start_ns=3, end_ns=4),
        span("d", "a", **{**call, "start_ns": 5, "end_ns": 8, **last}),
    ]


def test_a_turn_that_ends_with_a_failed_call() -> None:
    """The turn failed as its last call did, as it does in a transcript."""
    spans = turn(status="error", error_type="overloaded", error_message="529")
    (changed,) = amended(spans)
    assert (changed.span_id, changed.status) == ("a", "error")
    assert (changed.error_type, changed.error_message) == ("overloaded", "529")
    assert amended([changed, *spans[1:]]) == []


@pytest.mark.parametrize("reason", ["refusal", "max_tokens"])
def test_a_turn_that_ends_badly(reason: str) -> None:
    """A turn ended badly where the model refused, or its answer was cut."""
    (changed,) = amended(turn(finish_reason=reason))
    assert (changed.status, changed.error_type) == ("error", reason)


def test_a_turn_that_goes_on() -> None:
    """A failed call after which another came fails no turn; nor does one that still runs."""
    assert amended(turn(finish_reason="end_turn")) == []
    failed = turn(status="error")
    again = span("e", "a", kind="llm", start_ns=9, end_ns=10, finish_reason="end_turn")
    assert amended([*failed, again]) == []
    running = failed[0]._replace(status="running", end_ns=None)
    assert amended([running, *failed[1:]]) == []
    below = [*turn(finish_reason="end_turn"), failed[3]._replace(span_id="f", parent_span_id="c")]
    assert amended(below) == []
