"""Messages of all providers in one shape, without encoded bytes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from clustertrace.wrap.messages import arguments, slim


def test_a_long_conversation_keeps_its_end_in_the_record(api: Any, recorded: Any) -> None:
    """The late calls of an agent show what they were asked, and say what is missing."""
    import openai

    import clustertrace

    message = {"role": "assistant", "content": "words " * 20_000}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    api.reply({"id": "c", "choices": [choice], "usage": None})
    messages: Any = [{"role": "system", "content": "Brief."}]
    messages += [{"role": "user", "content": f"{n} {'x' * 2000}"} for n in range(100)]
    http = api.client()
    client = clustertrace.wrap_openai(openai.OpenAI(api_key="k", http_client=http))
    client.chat.completions.create(model="m", messages=messages)
    span = recorded.span()
    assert span.input[0] == messages[0]
    assert span.input[-1] == messages[-1]
    assert span.attributes["clustertrace.cut"][0] == "input"
    assert span.attributes["clustertrace.cut"][1].startswith("output")


class Picture(BaseModel):
    """An SDK's object in a message."""

    data: str


def test_encoded_bytes_become_their_size() -> None:
    """Encoded bytes in data URLs, base64 and objects become their size; long words stay."""
    words = "It is a long text about many things. " * 100
    encoded = "QUJD" * 1000
    slimmed = slim({"a": f"data:image/png;base64,{encoded}", "b": [encoded, words], "c": "QUJD"})
    assert slimmed == {
        "a": "[4022 characters of encoded data]",
        "b": ["[4000 characters of encoded data]", words],
        "c": "QUJD",
    }
    assert slim([Picture(data=encoded)]) == [{"data": "[4000 characters of encoded data]"}]


def test_a_value_that_holds_itself_is_no_trouble() -> None:
    """A list that holds itself is looked into to some depth, and no error."""
    endless: list[Any] = []
    endless.append(endless)
    slim(endless)


@pytest.mark.parametrize(
    ("text", "data"),
    [('{"a": 1}', {"a": 1}), ("", {}), ('{"a": ', '{"a": '), ({"a": 1}, {"a": 1}), (None, None)],
)
def test_arguments_are_data_where_they_can_be(text: Any, data: Any) -> None:
    """Half of a JSON text stays the text that it is."""
    assert arguments(text) == data
