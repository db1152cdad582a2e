"""A conversation that is too long keeps what it is for and what its last call is about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from clustertrace.record.conversations import left_out
from clustertrace.record.values import capture

LIMIT = 8192
MESSAGES = st.lists(
    st.builds(
        lambda role, size: {"role": role, "content": "x" * size},
        st.sampled_from(["user", "assistant", "tool"]),
        st.integers(0, 5_000),
    ),
    min_size=1,
    max_size=20,
)


def kept(value: Any, limit: int = LIMIT) -> Any:
    """What is recorded of a value."""
    return json.loads(capture(value, limit).text)


def said(number: int, size: int = 1000) -> dict[str, str]:
    """A message that can be told from others."""
    return {"role": "assistant", "content": f"{number} " + "x" * size}


@given(MESSAGES, st.integers(0, 20_000))
def test_what_is_left_out_of_a_conversation_is_its_middle(rest: list[Any], system: int) -> None:
    """All fits, or the instructions come first, the newest follow a count that adds up."""
    messages = [{"role": "system", "content": "s" * system}, *rest]
    captured = capture(messages, LIMIT)
    found = json.loads(captured.text)
    notes = [at for at, message in enumerate(found) if isinstance(message, str)]
    assert found[0]["role"] == "system"
    assert [message["role"] for message in found[1:] if isinstance(message, dict)][-1:] == [
        rest[-1]["role"]
    ]
    assert bool(captured.cut) == (found != messages)
    assert len(captured.text) < LIMIT + 1024
    if notes:
        (at,) = notes
        count = len(messages) - len(found) + 1
        assert found[at] == f"[cut: {count} earlier message{'s' * (count > 1)}]"
        # Only the earliest of the newest messages may have been shortened.
        assert found[at + 2 : -1] == messages[at + count + 1 : -1]


def test_the_question_and_the_last_answers_of_a_long_run_are_kept() -> None:
    """Of an agent's late call: its instructions, what the user asked, and the newest messages."""
    opening = [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Why?"}]
    messages = [*opening, *map(said, range(50))]
    found = kept(messages)
    assert found[:2] == opening
    assert found[2] == f"[cut: {len(messages) - len(found) + 1} earlier messages]"
    assert found[-6:] == messages[-6:]
    assert kept({"messages": messages, "model": "m"})["messages"][-3:] == messages[-3:]


def test_long_instructions_leave_room_and_take_what_is_left() -> None:
    """A third of the space is theirs for sure; with short messages after them, more is."""
    system = {"role": "system", "content": "s" * 50_000}
    full = kept([system, *map(said, range(50))])
    assert LIMIT / 4 < len(full[0]["content"]) < LIMIT / 2
    assert full[-2:] == [said(48), said(49)]
    roomy = kept([system, said(0, 10), said(1, 10)])
    assert len(roomy[0]["content"]) > LIMIT * 0.9
    assert roomy[1:] == [said(0, 10), said(1, 10)]


def test_a_huge_newest_message_leaves_some_space_to_those_before_it() -> None:
    """A page that a tool read does not hide which call it answers."""
    messages = [said(0, 100), said(1, 100), said(2, 100_000)]
    found = kept(messages)
    assert found[:2] == messages[:2]
    assert found[2]["content"].endswith("[cut: 100002 characters in all]")
    assert len(found[2]["content"]) > LIMIT / 2


def test_a_shortened_message_says_whose_it_is() -> None:
    """Also where an SDK gives what was said first, and the role behind it."""
    found = kept([said(0), {"content": "x" * 50_000, "refusal": None, "role": "assistant"}])
    assert list(found[1]) == ["content", "role", "[cut]"]
    assert found[1]["role"] == "assistant"
    assert found[1]["[cut]"] == "1 more"


def test_messages_of_many_pieces_leave_pieces_to_each_other() -> None:
    """A table that the user gave, and one that a tool found, are both there, with what is between.

    A limit on the pieces of a value holds as well as that on its bytes.
    """
    table, result = [1] * 2600, [2] * 4700
    messages = [
        {"role": "user", "content": table},
        *map(said, range(90)),
        {"role": "tool", "content": result},
    ]
    found = kept(messages, 32_768)
    assert found[0] == messages[0]
    assert found[-2:] == messages[-2:]
    larger = kept([{"role": "user", "content": [1] * 5200}, *map(said, range(900))], 131_072)
    assert larger[0]["content"] == [1] * 5200
    assert larger[-50:] == [said(number) for number in range(850, 900)]


class HumanMessage(BaseModel):
    """A message as LangChain has them."""

    type: str = "human"
    content: str


@dataclass
class ModelRequest:
    """A message as Pydantic AI has them."""

    parts: list[dict[str, str]]
    kind: str = "request"


@pytest.mark.parametrize(
    "message",
    [
        lambda text: ModelRequest([{"content": text, "part_kind": "user-prompt"}]),
        lambda text: HumanMessage(content=text),
        lambda text: {"type": "ai", "content": text},
        lambda text: {"type": "ai", "data": {"content": text}},
        lambda text: {"type": "function_call_output", "call_id": "c", "output": text},
        lambda text: {"role": "model", "parts": [{"text": text}]},
    ],
)
def test_messages_of_all_kinds_are_known(message: Any) -> None:
    """Objects and mappings, with a role or a type."""
    found = kept([message(f"{number} {'x' * 1000}") for number in range(50)])
    assert "49 x" in str(found[-1])
    assert "[cut: 4" in str(found[:2])


def test_messages_that_fit_are_all_kept_whatever_they_are() -> None:
    """An SDK's objects are rebuilt piece by piece, and nothing is left out."""
    messages = [HumanMessage(content=f"{number}") for number in range(50)]
    assert kept(messages) == [{"type": "human", "content": f"{number}"} for number in range(50)]


def test_other_lists_keep_their_beginning() -> None:
    """The best of what a search found stands first; tools that a model may call are no messages,
    nor are people with a role."""
    for more in ({"type": "text"}, {"type": "function"}, {"role": "engineer"}):
        found = kept([{"title": number, **more, "x": "x" * 1000} for number in range(50)])
        assert found[0]["title"] == 0
        assert found[-1].endswith(" more]")


def test_what_was_left_out_before_is_counted_too() -> None:
    """A smaller limit in the database than in the program still tells the truth."""
    assert left_out([said(0)]) == "[cut: 1 earlier message]"
    assert (
        left_out(["[cut: 40 earlier messages]", said(0), said(1)]) == "[cut: 42 earlier messages]"
    )
    messages = [*map(said, range(100))]
    assert kept(kept(messages, 30_000)) == kept(messages)


def test_conversations_in_conversations_take_bounded_work() -> None:
    """Only the outermost is kept by its end; each further one would double the work."""
    looked_at = 0

    class Text(str):
        def __getitem__(self, key: Any) -> str:
            nonlocal looked_at
            looked_at += 1
            return str.__getitem__(self, key)

    value: Any = Text("x" * 1000)
    for _ in range(12):
        value = [{"role": "user", "content": value}, {"role": "user", "content": Text("y" * 1000)}]
    kept(value)
    assert looked_at < 100
