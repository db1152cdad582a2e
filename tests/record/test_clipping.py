"""What lies far beyond the limit is not read, and makes no difference to what is kept."""

from __future__ import annotations

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


@given(VALUES, st.integers(16, 400))
def test_the_same_is_kept_as_of_the_whole_value(value: Any, limit: int) -> None:
    """Texts, what they say of the rest, and the paths of what was cut."""
    assert capture(clipped(value, 2 * limit), limit) == capture(value, limit)


def test_little_is_left_of_much() -> None:
    """An image of megabytes and the items behind it; each value of a mapping by itself."""
    image = "iVBORw0KGgo" * 100_000
    left = clipped([{"url": image}, image, [image], "end"], 100)
    assert left == [
        {"url": f"{image[:100]}… [cut: 1100000 characters in all]"},
        "… [cut: 1100000 characters in all]",
        "[cut: list]",
        "… [cut: 3 characters in all]",
    ]
    assert clipped({"one": image, "other": "short"}, 100)["other"] == "short"
