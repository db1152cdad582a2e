"""Claude Code's transcripts as runs: what belongs to a turn, and how its steps ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from clustertrace.conventions.otlp.log_homes import turn_id
from clustertrace.model import Span
from clustertrace.transcripts.claude_code import Reader
from clustertrace.transcripts.rows import rows

Turns = Callable[..., list[list[Span]]]
Draw = Callable[[Sequence[Span]], list[str]]


def test_a_turn_is_a_tree(session: Any, turns: Turns, drawn: Draw) -> None:
    """A prompt, the calls and tools that answer it, until the agent rests; then the next."""
    first, second = turns(
        [
            session.prompt(0, "what is in a.txt?"),
            session.answer(2, "m1", "Let me look.", ("t1", "Read", {"file_path": "a.txt"})),
            session.result(3, "t1", "hello"),
            session.answer(5, "m2", "It says hello."),
            session.prompt(60, "thanks"),
            session.answer(61, "m3", "You are welcome."),
        ]
    )
    assert drawn(first) == ["interaction", "  llm_request", "  Read", "  llm_request"]
    assert drawn(second) == ["interaction", "  llm_request"]
    root, call, tool, last = first
    assert root.trace_id == turn_id(session.id, "p-0")
    assert (root.input, root.output) == ("what is in a.txt?", "It says hello.")
    assert [(span.start_ns - root.start_ns) // 10**9 for span in first] == [0, 0, 2, 3]
    assert [((span.end_ns or 0) - root.start_ns) // 10**9 for span in first] == [5, 2, 3, 5]
    assert (tool.input, tool.output) == ({"file_path": "a.txt"}, "hello")
    assert call.input == [{"role": "user", "content": "what is in a.txt?"}]
    assert last.input[0]["content"][0]["tool_use_id"] == "t1"
    assert (call.input_tokens, call.cache_read_tokens, call.cache_write_tokens) == (13, 10, 2)
    assert (call.model, call.provider) == ("claude-sonnet-4-6", "anthropic")


def test_a_message_counts_once_with_its_last_usage(session: Any, turns: Turns) -> None:
    """Each block of a message is logged with a usage of its own; tools in parallel too."""
    [[_, call, *tools]] = turns(
        [
            session.prompt(0),
            session.answer(1, "m1", "Two at once.", stop="tool_use", n=1),
            session.answer(2, "m1", ("t1", "Bash"), n=2),
            session.result(3, "t1"),
            session.answer(4, "m1", ("t2", "Bash"), n=3),
            session.answer(4, "m1", ("t2", "Bash"), n=3),
            session.result(5, "t2"),
        ]
    )
    assert call.output_tokens == 3
    assert [block["type"] for block in call.output[0]["content"]] == ["text", *["tool_use"] * 2]
    assert [tool.name for tool in tools] == ["Bash", "Bash"]


@pytest.mark.parametrize(
    ("about", "how"),
    [
        ({}, "Bash error tool_error"),
        ({"permissionDecision": {"decision": "reject", "source": "config"}}, "Bash refused"),
        ({"toolDenialKind": "user-rejected", "toolDenialBeforeRun": True}, "Bash refused"),
        ({"toolDenialKind": "permission-rule"}, "Bash refused"),
        ({"toolDenialKind": "user-rejected"}, "Bash interrupted"),
        ({"toolUseResult": "User rejected tool use", "version": None}, "Bash refused"),
    ],
)
def test_how_a_tool_ended(
    about: dict[str, Any], how: str, session: Any, turns: Turns, drawn: Draw
) -> None:
    """Failed, not permitted, and stopped by the user are three things; the turn is well."""
    [turn] = turns(
        [
            session.prompt(0),
            session.answer(1, "m1", ("t1", "Bash")),
            session.result(2, "t1", "no", is_error=True, **about),
            session.answer(3, "m2", "Then not."),
        ]
    )
    assert drawn(turn) == ["interaction", "  llm_request", f"  {how}", "  llm_request"]


def test_how_a_turn_ended(session: Any, turns: Turns, drawn: Draw) -> None:
    """By the user, by an error of the API, by a refusal, at the limit of tokens."""

    def stop(second: float, suffix: str = "") -> Any:
        return session.prompt(second, f"[Request interrupted by user{suffix}]", promptId="p-0")

    def ended(*following: Any) -> str:
        [turn] = turns([session.prompt(0), *following])
        return drawn(turn)[0].removeprefix("interaction ")

    tool = session.answer(1, "m1", ("t1", "Bash"))
    denied = session.result(2, "t1", "no", is_error=True, toolDenialBeforeRun=True)
    failed = session.answer(
        1, "m1", "Overloaded", stop="stop_sequence", isApiErrorMessage=True, error="overloaded"
    )
    assert ended(stop(1)) == "interrupted"
    assert ended(tool, denied, stop(3, " for tool use")) == "denied"
    assert ended(failed) == "error api_error overloaded"
    assert ended(session.answer(1, "m1", "It is", stop="max_tokens")) == (
        "error max_tokens max_tokens"
    )
    assert ended(session.answer(1, "m1", "I won't.", stop="refusal")) == "error refusal refusal"
    assert ended(failed, session.answer(2, "m2", "There.")) == "interaction"


@pytest.mark.parametrize(
    ("stop", "about"),
    [
        ("refusal", {"error": "invalid_request", "refusedMessageId": "m1"}),
        ("refusal", {"error": "invalid_request", "requestId": "m1"}),
        ("max_tokens", {"error": "max_output_tokens", "requestId": None}),
    ],
)
def test_words_on_an_answer_are_no_call(
    stop: str, about: dict[str, Any], session: Any, turns: Turns, drawn: Draw
) -> None:
    """What Claude Code says of an answer that came to nothing ends the turn, and is no request."""
    answer = session.answer(2, "x", "API Error", isApiErrorMessage=True, **about)
    answer["message"] |= {"model": "<synthetic>", "id": "x"}
    answer["message"]["stop_reason"] = "refusal" if stop == "refusal" else "stop_sequence"
    [turn] = turns([session.prompt(0), session.answer(1, "m1", "It is", stop=stop), answer])
    assert drawn(turn) == [f"interaction error {stop} {stop}", f"  llm_request {stop}"]
    assert turn[0].error_message == "API Error"


def test_an_answer_without_a_message_is_no_call(session: Any, turns: Turns, drawn: Draw) -> None:
    """A damaged row neither adds a call nor opens a turn that has ended."""
    answer = [session.prompt(0), session.answer(1, "m1", "Done.")]
    damaged = session.answer(2, "m2", "x") | {"message": 5}
    assert drawn(turns([*answer, damaged])[0]) == drawn(turns(answer)[0])


def test_a_turn_that_nobody_ended(session: Any, turns: Turns, drawn: Draw) -> None:
    """It runs as long as somebody may go on with it, and never ended where nobody did."""
    answer = [session.prompt(0), session.answer(1, "m1", ("t1", "Bash"))]
    assert drawn(turns(answer)[0]) == ["interaction running", "  llm_request", "  Bash running"]
    gone = ["interaction incomplete", "  llm_request", "  Bash incomplete"]
    assert drawn(turns(answer, abandoned=True)[0]) == gone
    assert drawn(turns([*answer, session.prompt(9)])[0]) == gone


def test_tags_say_where_a_turn_ran(session: Any, tmp_path: Path) -> None:
    """Folder without the home, branch, version, model, permission mode, how it ended."""
    path = tmp_path / "s.jsonl"
    answer = [session.prompt(0, permissionMode="plan"), session.answer(1, "m1", "Done.")]
    path.write_bytes(session.lines(answer))
    with path.open("rb") as file:
        [portion] = Reader("s").read(rows(file))
    assert portion.facts.session_id == session.id
    assert portion.facts.tags == {
        "service": "claude-code",
        "folder": "~/shop",
        "branch": "main",
        "version": "2.1.330",
        "model": "claude-sonnet-4-6",
        "permission_mode": "plan",
        "ended": "answered",
    }


def test_what_is_no_prompt_begins_no_turn(session: Any, turns: Turns, drawn: Draw) -> None:
    """Commands of the program itself, their output, reminders and summaries ask nothing."""
    [turn] = turns(
        [
            session.prompt(0, "<command-name>/cost</command-name>"),
            session.prompt(1, "<local-command-stdout>$1</local-command-stdout>"),
            session.prompt(2, "real"),
            session.prompt(3, "reminder", isMeta=True, promptId="p-2"),
            session.answer(4, "m1", ("t1", "Bash")),
            session.prompt(5, "summary", isCompactSummary=True),
            session.row(
                "system", 5.5, subtype="compact_boundary", compactMetadata={"preTokens": 9}
            ),
            session.result(6, "t1"),
            session.answer(7, "m2", "Done."),
        ]
    )
    steps = ["llm_request", "Bash", "compaction", "llm_request"]
    assert drawn(turn) == ["interaction", *[f"  {step}" for step in steps]]
    assert turn[0].input == "real"


def test_sub_agents_inline(session: Any, turns: Turns, drawn: Draw) -> None:
    """Older versions log them in the same file; each stands below the call with its prompt."""
    side = {"isSidechain": True}
    [turn] = turns(
        [
            session.prompt(0),
            session.answer(
                1,
                "m1",
                ("t1", "Task", {"prompt": "one", "subagent_type": "finder"}),
                ("t2", "Task", {"prompt": "two", "subagent_type": "writer"}),
            ),
            session.prompt(2, "two", parentUuid=None, uuid="b0", **side),
            session.prompt(3, "one", parentUuid=None, uuid="a0", **side),
            session.answer(4, "m2", ("u1", "Grep"), parentUuid="a0", uuid="a1", **side),
            session.answer(5, "m3", "Written.", parentUuid="b0", uuid="b1", **side),
            session.result(6, "u1", parentUuid="a1", uuid="a2", **side),
            session.answer(7, "m4", "Found.", parentUuid="a2", uuid="a3", **side),
            session.result(8, "t1"),
            session.result(8, "t2"),
            session.answer(9, "m5", "Both done."),
        ]
    )
    assert sorted(drawn(turn)) == sorted(
        [
            *["interaction", "  llm_request", "  Task", "  Task", "    finder", "    writer"],
            *["      llm_request", "      Grep", "      llm_request", "      llm_request"],
            "  llm_request",
        ]
    )
    finder = next(span for span in turn if span.name == "finder")
    assert (finder.input, finder.output) == ("one", "Found.")
    inside = [span for span in turn if finder.span_id in (span.span_id, span.parent_span_id)]
    assert len(inside) == 4
    assert len({span.attributes["agent_id"] for span in inside}) == 1
    assert "agent_id" not in turn[0].attributes


def test_spans_say_whose_they_are(session: Any, turns: Turns) -> None:
    """Every span names the transcript as its source, and its session; what is unknown is absent."""
    [turn] = turns([session.prompt(0), session.answer(1, "m1", ("t1", "Bash"))])
    assert len(turn) == 3
    for span in turn:
        assert span.attributes["scope.name"] == "com.anthropic.claude_code.transcript"
        assert span.attributes["session.id"] == session.id
        assert None not in span.attributes.values()


def test_retries_stand_on_the_call_that_came_of_them(session: Any, turns: Turns) -> None:
    """What failed on the way is told by the call that got through."""
    [[_, call]] = turns(
        [
            session.prompt(0),
            session.row("system", 1, subtype="api_error", retryAttempt=1, error={"status": 529}),
            session.answer(5, "m1", "Hello."),
        ]
    )
    assert call.attributes["events"][0]["attributes"]["error"] == {"status": 529}


def test_a_long_turn_is_handed_over_in_pieces(
    session: Any, turns: Turns, drawn: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held is bounded; a usage that comes late still counts."""
    answer = [session.prompt(0)]
    for number in range(40):
        second = 1 + 4 * number
        answer.append(session.answer(second, f"m{number}", (f"t{number}", "Bash")))
        answer.append(session.result(second + 1, f"t{number}", "x" * 100))
    answer += [session.answer(400, "m0", "late", n=7), session.answer(401, "last", "Done.")]
    [whole] = turns(answer)
    monkeypatch.setattr("clustertrace.transcripts.turn.HELD_BYTES", 2_000)
    [pieces] = turns(answer)
    assert drawn(pieces) == drawn(whole)
    calls = [span for span in pieces if span.kind == "llm"]
    assert sum(call.output_tokens or 0 for call in calls) == 39 + 7 + 1
