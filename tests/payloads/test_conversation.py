"""Which payloads read as conversations."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.payloads.conversation import conversation, text

HELLO = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("value", "messages", "rest"),
    [
        ([HELLO], [HELLO], {}),
        (HELLO, [HELLO], {}),
        (HELLO | {"choices": ["a"]}, [HELLO | {"choices": ["a"]}], {}),
        ({"messages": [HELLO], "model": "m"}, [HELLO], {"model": "m"}),
        ([HELLO, "[cut: 2 more]"], [HELLO, {"role": "…", "content": "[cut: 2 more]"}], {}),
        (["[cut: 2 more]"], [], {}),
        ([], [], {}),
        ([HELLO, 1], [], {}),
        ({"messages": "none"}, [], {}),
        ({"messages": []}, [], {}),
        ([{"role": 1, "content": "x"}], [], {}),
        ([{"role": "user"}], [], {}),
        ("hello", [], {}),
        (None, [], {}),
    ],
)
def test_conversations_are_recognised(value: Any, messages: list[Any], rest: Any) -> None:
    """Lists of messages, single ones, and requests that hold them; nothing else."""
    assert conversation(value) == (messages, rest)


def test_langchains_messages_have_a_type_for_a_role() -> None:
    """With their facts in `data` or beside the type; their id and what is empty are left out."""
    empty: dict[str, Any] = {"additional_kwargs": {}, "name": None, "invalid_tool_calls": []}
    empty |= {"id": "e96cef39"}
    call = {"name": "find", "args": {"id": 7}, "id": "c1"}
    given = [
        {"type": "human", "data": {"type": "human", "content": "hello", **empty}},
        {"type": "ai", "data": {"type": "ai", "content": "", "tool_calls": [call], **empty}},
        {"type": "tool", "content": "found", "tool_call_id": "c1"},
    ]
    messages = [
        HELLO,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
    ]
    assert conversation({"messages": given}) == (messages, {})
    assert conversation([{"type": "tool", "name": "find"}]) == ([], {})


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        (
            {"choices": [{"index": 0, "message": HELLO, "finish_reason": "stop"}], "usage": {}},
            {"usage": {}},
        ),
        ({"candidates": [{"content": HELLO}], "modelVersion": "m"}, {"modelVersion": "m"}),
        ({"object": "response", "output": [HELLO], "id": "r"}, {"object": "response", "id": "r"}),
    ],
)
def test_answers_as_an_api_gives_them(answer: dict[str, Any], rest: dict[str, Any]) -> None:
    """What an instrumentation records whole reads as what was said, with the rest beside."""
    assert conversation(answer) == ([HELLO], rest)


def test_json_is_one_line() -> None:
    """Any JSON value can stand in a table."""
    assert text({"a": ["é", None]}) == '{"a": ["é", null]}'
