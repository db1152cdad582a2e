"""Two runs side by side: what is the same, what is not, and where they part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.alignment import Place, align, places_of_spans, places_of_variant
from clustertrace.patterns.signature import in_order, root_of, variant

TRACE = "0123456789abcdef0123456789abcdef"


def spans(*steps: str) -> list[Span]:
    """Make a run of tools; `name!` failed, `name=x` was given x."""
    made = [Span(TRACE, "1" * 16, None, "agent", "agent", "ok", 0, 99)]
    for at, word in enumerate(steps, 2):
        name, _, given_ = word.rstrip("!").partition("=")
        status = "error" if word.endswith("!") else "ok"
        made.append(
            Span(TRACE, f"{at:016x}", "1" * 16, name, "tool", status, at, at + 1, given_ or None)
        )
    return made


def rows(one: str, other: str) -> list[tuple[str, str, str]]:
    """The alignment of two runs given as words."""
    aligned = align(places_of_spans(spans(*one.split())), places_of_spans(spans(*other.split())))
    return [
        (row.what, row.left.label if row.left else "", row.right.label if row.right else "")
        for row in aligned
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a b", "a b", [("same", "a", "a"), ("same", "b", "b")]),
        ("a b c", "a c", [("same", "a", "a"), ("deleted", "b", ""), ("same", "c", "c")]),
        ("a c", "a b c", [("same", "a", "a"), ("inserted", "", "b"), ("same", "c", "c")]),
        ("a b", "a b!", [("same", "a", "a"), ("changed", "b", "b!")]),
        ("", "a", [("inserted", "", "a")]),
        ("", "", []),
    ],
)
def test_steps_are_aligned(one: str, other: str, expected: list[tuple[str, str, str]]) -> None:
    """Same, changed, inserted and deleted steps are told apart."""
    assert rows(one, other) == expected


def test_the_first_divergence_is_marked_once() -> None:
    """The row where the runs part is marked, and no other."""
    aligned = align(places_of_spans(spans("a", "b", "c")), places_of_spans(spans("a", "x", "y")))
    assert [row.first_divergence for row in aligned] == [False, True, False]


def test_the_same_step_may_be_given_something_else() -> None:
    """Differing inputs of a step that both runs took are seen."""
    (row,) = align(places_of_spans(spans("a=1")), places_of_spans(spans("a=2")))
    assert (row.what, row.input_differs, row.output_differs) == ("same", True, False)


def test_patterns_are_aligned_by_their_elements() -> None:
    """A pattern's elements carry their count and their failure."""
    ordered = in_order(spans("a", "a", "b!"))
    labels = [place.label for place in places_of_variant(variant(ordered, root_of(ordered)))]
    assert labels == ["a ×2–3", "b!"]


def test_a_step_that_repeats_more_often_stands_beside_itself() -> None:
    """The same step in another number is changed, and is set beside no other step."""
    often, once = [Place("search", count="4-7")], [Place("search"), Place("open"), Place("cite")]
    assert [(row.what, row.left, row.right) for row in align(often, once)] == [
        ("changed", often[0], once[0]),
        ("inserted", None, once[1]),
        ("inserted", None, once[2]),
    ]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_both_sides_are_whole_and_in_order(one: list[str], other: list[str]) -> None:
    """Whatever is aligned, each side reads from top to bottom as it was."""
    aligned = align([Place(name) for name in one], [Place(name) for name in other])
    assert [row.left.label for row in aligned if row.left] == one
    assert [row.right.label for row in aligned if row.right] == other
    assert all((row.what == "same") == (row.left == row.right) for row in aligned)
