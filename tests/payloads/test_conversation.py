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


def test_json_is_one_line() -> None:
    """Any JSON value can stand in a table."""
    assert text({"a": ["é", None]}) == '{"a": ["é", null]}'
