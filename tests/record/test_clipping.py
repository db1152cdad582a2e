"""What lies far beyond the limit is not read, and makes no difference to what is kept."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.record.clipping import clipped
from clustertrace.record.values import capture

TEXTS = st.builds(str.__mul__, st.text(max_size=9), st.sampled_from([1, 9, 99]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=40,
)


MESSAGES = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.builds(str.__mul__, st.sampled_from(["a", "bc", "é"]), st.integers(0, 3000)),
    ),
    max_size=12,
)


@given(VALUES, st.integers(16, 400))
def test_the_same_is_kept_as_of_the_whole_value(value: Any, limit: int) -> None:
    """Texts, what they say of the rest, and the paths of what was cut."""
    assert capture(clipped(value, 2 * limit), limit) == capture(value, limit)


@given(MESSAGES, st.integers(256, 4000))
def test_messages_are_known_as_such_where_their_role_stands_last(
    messages: list[Any], limit: int
) -> None:
    """LangChain, Gemini and OpenAI's Responses give what was said before whose it is."""
    turned = [{"content": one["content"], "type": "ai"} for one in messages]
    early = json.loads(capture(clipped(turned, 2 * limit), limit).text)
    whole = json.loads(capture(turned, limit).text)
    assert [type(one) for one in early] == [type(one) for one in whole]
    assert all(one["type"] == "ai" for one in early if isinstance(one, dict))


@given(MESSAGES, st.integers(256, 4000))
def test_the_same_is_kept_as_of_the_whole_conversation(messages: list[Any], limit: int) -> None:
    """Its newest messages are not among what goes first; where space is divided, a byte may be."""
    early = json.loads(capture(clipped(messages, 2 * limit), limit).text)
    whole = json.loads(capture(messages, limit).text)
    opening = 3 if len(messages) > 3 else len(messages) - 1
    assert early[opening:] == whole[opening:]
    for one, other in zip(early[:opening], whole[:opening], strict=True):
        assert abs(len(str(one)) - len(str(other))) <= 2


def test_messages_that_were_left_out_before_are_counted() -> None:
    """Their note stands in the middle, of which little else is left."""
    said = [{"role": "assistant", "content": f"{number} " + "x" * 500} for number in range(99)]
    messages = [{"role": "user", "content": "Why?"}, "[cut: 40 earlier messages]", *said]
    early = json.loads(capture(clipped(messages, 4000), 2000).text)
    assert early == json.loads(capture(messages, 2000).text)
    assert early[1] == f"[cut: {40 + 99 - (len(early) - 2)} earlier messages]"


def test_little_is_left_of_much() -> None:
    """An image of megabytes and the items behind it; each value of a mapping by itself."""
    image = "iVBORw0KGgo" * 100_000
    left = clipped([{"url": image}, image, [image], "end"], 100)
    assert left == [
        {"url": f"{image[:100]}… [cut: 1100000 characters in all]"},
        "… [cut: 1100000 characters in all]",
        "[cut: list]",
        "end",
    ]
    assert clipped({"one": image, "other": "short"}, 100)["other"] == "short"
