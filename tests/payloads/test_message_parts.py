"""What the parts of a message are, whoever's shape they have."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.payloads.conversation import conversation
from clustertrace.payloads.message_parts import Part, parts_of, remaining

PIXELS = base64.b64encode(bytes(3_000)).decode()
PICTURE = Part("media", "image/png, 3.0 kB")
CALL = Part("call", 'search({"q": "tides"})')


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("hello", Part("text", "hello")),
        ({"type": "text", "text": "hello"}, Part("text", "hello")),
        ({"type": "text", "content": "hello"}, Part("text", "hello")),
        ({"type": "output_text", "text": "hello"}, Part("text", "hello")),
        ({"text": "hello"}, Part("text", "hello")),
        ({"type": "thinking", "thinking": "hm"}, Part("thinking", "hm")),
        ({"type": "reasoning", "content": "hm"}, Part("thinking", "hm")),
        (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            Part("thinking", "hm"),
        ),
        ({"type": "redacted_thinking", "data": "x"}, Part("thinking", "(not told)")),
        ({"type": "tool_use", "id": "1", "name": "search", "input": {"q": "tides"}}, CALL),
        ({"type": "tool_call", "name": "search", "arguments": {"q": "tides"}}, CALL),
        ({"type": "function_call", "name": "search", "arguments": '{"q": "tides"}'}, CALL),
        ({"functionCall": {"name": "search", "args": {"q": "tides"}}}, CALL),
        ({"type": "tool_result", "content": "2 m"}, Part("result", "2 m")),
        (
            {"type": "tool_result", "content": [{"type": "text", "text": "no"}], "is_error": True},
            Part("result", "no", failed=True),
        ),
        ({"type": "tool_call_response", "response": {"m": 2}}, Part("result", '{"m": 2}')),
        ({"type": "function_call_output", "output": "2 m"}, Part("result", "2 m")),
        ({"functionResponse": {"name": "s", "response": {"m": 2}}}, Part("result", '{"m": 2}')),
        (
            {"type": "image", "source": {"media_type": "image/png", "data": PIXELS}},
            PICTURE,
        ),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXELS}"}}, PICTURE),
        ({"type": "input_image", "image_url": f"data:image/png;base64,{PIXELS}"}, PICTURE),
        ({"inlineData": {"mimeType": "image/png", "data": PIXELS}}, PICTURE),
        ({"type": "blob", "mime_type": "image/png", "content": PIXELS}, PICTURE),
        (
            {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}},
            Part("media", "image, at https://pictures.example/a.png"),
        ),
        (
            {"type": "input_audio", "input_audio": {"format": "wav", "data": PIXELS}},
            Part("media", "wav, 3.0 kB"),
        ),
        ({"type": "nobody's", "x": 1}, Part("other", '{"type": "nobody\'s", "x": 1}')),
        (7, Part("text", "7")),
    ],
)
def test_parts_are_told_apart(part: Any, wanted: Part) -> None:
    """Words, thinking, calls, results and media of each provider; media without what they hold."""
    assert list(parts_of({"role": "user", "content": [part]})) == [wanted]


def test_calls_beside_the_words_come_last() -> None:
    """OpenAI's messages have them in a key of their own; the rest of a message is told apart."""
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    message = {"role": "assistant", "content": "I look.", "tool_calls": [call], "refusal": None}
    assert list(parts_of(message)) == [Part("text", "I look."), Part("call", "search({})")]
    assert remaining(message | {"name": "bob"}) == {"name": "bob"}


def test_calls_and_results_between_messages() -> None:
    """A list of OpenAI's Responses is a conversation, with what stands between its messages."""
    items = [
        {"role": "user", "content": "tides?"},
        {"type": "function_call", "name": "search", "arguments": "{}", "call_id": "1"},
        {"type": "function_call_output", "call_id": "1", "output": "2 m"},
    ]
    messages, rest = conversation(items)
    assert rest == {}
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    parts = [list(parts_of(message)) for message in messages]
    assert parts == [
        [Part("text", "tides?")],
        [Part("call", "search({})")],
        [Part("result", "2 m")],
    ]
    assert [remaining(message) for message in messages] == [{}, {}, {}]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "content", "data", "source", "image_url", "name", "thinking"]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["image", "thinking", "tool_use", "tool_result", "text"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["content", "parts", "text", "tool_calls", "type"]), ANY))
def test_whatever_stands_there_is_told(message: dict[str, Any]) -> None:
    """No shape is too strange: each part has words."""
    for part in parts_of({"role": "user"} | message):
        assert isinstance(part.text, str)
