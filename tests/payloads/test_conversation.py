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
