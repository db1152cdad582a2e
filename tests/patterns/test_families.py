"""Families: near variants together, around leaders that never move."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.patterns.families import LEAST, Leader, family_id, features, nearest
from clustertrace.patterns.signature import Step, Variant


def steps(text: str) -> tuple[Step, ...]:
    """Read `search*2-3 fetch!`: steps with a mark and a count bucket; `a+b` is a pair."""
    made = []
    for word in text.split():
        named, _, count = word.partition("*")
        names = named.split("+")
        made.append(
            Step(
                tuple(name.rstrip("!") for name in names),
                tuple(name.endswith("!") for name in names),
                ("tool",) * len(names),
                count or "1",
            )
        )
    return tuple(made)


def leaders(*texts: str) -> list[Leader]:
    """Make leaders that are called by their steps."""
    return [Leader(text, features(steps(text))) for text in texts]


@pytest.mark.parametrize(
    ("own", "family"),
    [
        ("search fetch answer", "search fetch answer"),
        ("search*2-3 fetch answer", "search fetch answer"),
        ("fetch search answer", "search fetch answer"),
        ("search fetch! answer", "search fetch answer"),
        ("plan ask", None),
        ("search", None),
        ("", None),
    ],
)
def test_a_variant_joins_what_it_nearly_equals(own: str, family: str | None) -> None:
    """Another count, order or failure of one step stays near; other steps do not."""
    known = leaders("search fetch answer", "book pay")
    assert nearest(features(steps(own)), known) == family


def test_ties_go_to_the_oldest() -> None:
    """Of leaders that are equally near, the first one wins."""
    own = features(steps("a b"))
    twins = [Leader("old", own), Leader("young", own)]
    assert nearest(own, twins) == "old"
    assert nearest(own, twins[::-1]) == "young"


def test_the_nearest_wins_over_the_oldest() -> None:
    """A pattern joins the nearest leader, even if another one is older."""
    known = leaders("a b c d", "a b c")
    assert nearest(features(steps("a b c")), known) == "a b c"


def test_runs_without_steps_are_a_family() -> None:
    """Two variants that consist of nothing are alike."""
    assert nearest(frozenset(), [Leader("empty", frozenset())]) == "empty"


def test_counts_are_summed_over_a_variant() -> None:
    """A step that comes in several places counts as often as it comes, pairs included."""
    assert features(steps("a b a")) == features(steps("b a*2-3"))
    assert features(steps("a+b*4-7")) == features(steps("a*4-7 b*4-7"))


def test_the_id_is_the_same_for_ever() -> None:
    """Ids are stored and linked to: a change of the algorithm needs a new version."""
    assert family_id(Variant("6f4050dec8bf", "agent", ())) == "a56012afebe2"


@given(st.lists(st.sampled_from(["a", "b!", "c*2-3", "d", "e+a*8+"]), max_size=6))
def test_nearness_is_symmetric_and_whole_for_equals(words: Sequence[str]) -> None:
    """A variant is always near enough to itself."""
    own = features(steps(" ".join(words)))
    assert nearest(own, [Leader("itself", own)]) == "itself"
    assert LEAST <= 1
