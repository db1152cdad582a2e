"""Changing one place of a JSON text, and nothing else of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import BadInput
from clustertrace.json_edits.text import parsed, with_value, without

KEYS = st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An object as people and programs lay it out."""
    indent = draw(st.sampled_from([None, 2, 4, "\t"]))
    text = json.dumps(draw(OBJECTS), indent=indent, ensure_ascii=draw(st.booleans()))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + text.replace("\n", newline) + draw(st.sampled_from(["", newline]))


@given(texts(), KEYS, VALUES)
def test_a_value_is_put_and_all_else_stays(text: str, key: str, value: Any) -> None:
    """The document is what it was, with that value."""
    assert parsed(with_value(text, [key], value)) == parsed(text) | {key: value}


@given(texts(), KEYS, VALUES)
def test_taking_out_what_was_put_in_gives_back_the_text(text: str, key: str, value: Any) -> None:
    """Byte for byte, whatever its style."""
    if key not in parsed(text):
        assert without(with_value(text, [key], value), [key]) == text


@given(texts(), KEYS)
def test_a_member_is_taken_out_and_all_else_stays(text: str, key: str) -> None:
    """The document is what it was, without that member."""
    found = parsed(text)
    found.pop(key, None)
    assert parsed(without(text, [key])) == found


@given(st.lists(VALUES, max_size=4), VALUES, st.sampled_from([None, 2]))
def test_lists_grow_at_their_end(items: list[Any], value: Any, indent: int | None) -> None:
    """One past the end appends, and taking it out again gives back the text."""
    text = json.dumps({"a": items}, indent=indent)
    more = with_value(text, ["a", len(items)], value)
    assert parsed(more) == {"a": [*items, value]}
    assert without(more, ["a", len(items)]) == text


def test_the_style_of_the_text_is_kept() -> None:
    """Indentation, order, numbers as typed and unusual blanks stay; what is new looks the same."""
    text = '{\n    "b": 1.50,\n    "a" :  [1,2],\n    "\\u0063": {"x": 1E3}\n}\n'
    assert with_value(text, ["env", "A"], "1") == (
        '{\n    "b": 1.50,\n    "a" :  [1,2],\n    "\\u0063": {"x": 1E3},\n'
        '    "env": {\n        "A": "1"\n    }\n}\n'
    )
    assert with_value(text, ["c", "y"], 2) == text.replace('{"x": 1E3}', '{"x": 1E3, "y": 2}')
    assert with_value(text, ["a", 0], 7) == text.replace("[1,2]", "[7,2]")


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_file_is_an_empty_object(text: str) -> None:
    """What holds nothing yet may be written to."""
    assert with_value(text, ["a"], 1) == '{\n  "a": 1\n}\n'


def test_paths_are_made_where_they_are_missing() -> None:
    """Objects and lists on the way to a value are made with it."""
    assert parsed(with_value("{}", ["a", "b", 0, "c"], 1)) == {"a": {"b": [{"c": 1}]}}


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    """Of a key that stands twice the last counts, as for every reader; removing it removes both."""
    text = '{"a": 1, "b": 2, "a": 3}'
    assert with_value(text, ["a"], 4) == '{"a": 1, "b": 2, "a": 4}'
    assert without(text, ["a"]) == '{"b": 2}'


@pytest.mark.parametrize("path", [["x"], ["a", 5], ["a", "b", "c"]])
def test_taking_out_what_is_not_there_changes_nothing(path: list[str | int]) -> None:
    """Removing a path that is not there changes nothing, even if its parents are missing."""
    text = '{"a": [1], "b": {}}' if path[1:] == [5] else "{}"
    assert without(text, path) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1 is not JSON"),
        ('{"a": 1}\n{"b": 2}', "line 2 is not JSON"),
        ("// settings\n{}", "line 1 is not JSON"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("[1]", "the whole should be an object"),
        ('{"env": []}', "env should be an object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_can_not_be_changed_is_said(text: str, why: str) -> None:
    """Malformed texts and values of another kind are refused."""
    for change in (
        lambda: with_value(text, ["env", "A"], "1"),
        lambda: without(text, ["env", "A"]),
    ):
        with pytest.raises(BadInput, match=why):
            change()
