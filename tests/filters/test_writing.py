"""Filters that are written for links and suggestions mean what they were made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.filters import both, condition, parse, taking
from clustertrace.filters.tree import And, Match, Or, Sequence
from clustertrace.filters.wildcards import fits

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)
KEYS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters='"'), min_size=1)


@given(value=TEXT)
def test_any_value_is_found_by_its_condition(value: str) -> None:
    """Quotes, spaces, parentheses and line breaks included."""
    found = parse(condition("session", value))
    assert isinstance(found, Match)
    assert fits(value, found.pattern)


@given(key=KEYS, value=TEXT)
def test_any_tag_is_found_by_its_condition(key: str, value: str) -> None:
    """Its key is the very same; only a quotation mark in it can't be said."""
    found = parse(condition(f"tag.{key}", value))
    assert isinstance(found, Match)
    assert found.field == f"tag.{key}"
    assert fits(value, found.pattern)


def test_plain_values_stay_plain() -> None:
    """What people would type is what stands in the address."""
    assert condition("tag.agent", "research") == "tag.agent:research"
    assert condition("name", "two words") == 'name:"two words"'


def test_filters_are_said_at_once() -> None:
    """Each keeps its meaning, and what is empty says nothing."""
    assert both() == ""
    assert both("a or b") == "a or b"
    joined = parse(both("failed:yes or cost>1", "", "name:x"))
    assert isinstance(joined, And)
    assert isinstance(joined.parts[0], Or)
    assert joined.parts[1] == Match("name", "x")


@given(names=st.lists(TEXT, min_size=1, max_size=3))
def test_steps_of_any_name_are_found(names: list[str]) -> None:
    """Whatever a step is called, the condition can be read and fits its name."""
    found = parse(taking(*names, failed=True))
    assert isinstance(found, Sequence)
    assert [step.failed for step in found.steps] == [False] * (len(names) - 1) + [True]
    for name, step in zip(names, found.steps, strict=True):
        assert fits(name.strip(), step.pattern)
