"""Leakage: what follows a failure, or comes of it, never explains it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.cutting import (
    Cut,
    Member,
    Point,
    before,
    failure_point,
    matched_cuts,
    point_at,
)
from clustertrace.patterns.pace import paces
from clustertrace.patterns.signature import steps_of
from clustertrace.patterns.why import Population, explain

TRACE = "0123456789abcdef0123456789abcdef"


def run(text: str, *, error: bool = True) -> list[Span]:
    """Make a run of tools and `llm`, a model call; `name!` failed. Its root ends in an error."""
    spans = [Span(TRACE, "1" * 16, None, "agent", "agent", "error" if error else "ok", 0, 99)]
    for at, word in enumerate(text.split(), 2):
        status = "error" if word.endswith("!") else "ok"
        name = word.rstrip("!")
        kind = "llm" if name == "llm" else "tool"
        spans.append(Span(TRACE, f"{at:016x}", "1" * 16, name, kind, status, at, at + 1))
    return spans


def names(spans: Sequence[Span]) -> str:
    """Return the steps, with their marks."""
    return " ".join(span.name + "!" * (span.status == "error") for span in steps_of(spans))


@pytest.mark.parametrize(
    ("text", "point"),
    [
        *[("a b! c b!", 1), ("a! a b! b!", 2)],
        *[("a b c!", 2), ("a b! c", 1), ("a! b c!", 2), ("a! a b", None), ("a b", None)],
        *[
            ("a! a b llm!", 3),
            ("a llm b llm!", 2),
            ("a! b llm!", 2),
            ("llm!", 0),
            ("a llm! llm b", None),
            ("", None),
        ],
    ],
)
def test_the_failure_point_is_the_last_step_that_never_recovered(text: str, point: int) -> None:
    """What failed and worked later did not end the run; without such a step its last one did."""
    assert failure_point(Member("1", True, run(text))) == point


def test_a_step_that_a_model_call_broke_from_within_is_where_the_run_broke() -> None:
    """An agent that is still at work when its model call fails, fails with it."""
    spans = run("a agent! llm!")
    spans[2:] = [spans[2]._replace(end_ns=9), spans[3]._replace(parent_span_id=f"{3:016x}")]
    assert failure_point(Member("1", True, spans)) == 1


def test_without_an_error_of_the_root_all_of_a_run_precedes_its_failure() -> None:
    """A run that failed by its outcome came to its end, and so did one that passed."""
    assert failure_point(Member("1", True, run("a b!", error=False))) is None
    assert failure_point(Member("1", False, run("a b!"))) is None


def test_nothing_from_the_failure_point_on_is_left() -> None:
    """The steps before it stay, with their own failures."""
    assert names(before(run("a! b c d"), 2)) == "a! b"
    assert names(before(run("a b"), None)) == "a b"
    assert names(before(run("a b"), 2)) == "a b"


def test_what_was_still_open_keeps_its_beginning_only() -> None:
    """A sub-agent that the error went through shows neither its error nor its result."""
    spans = run("a helper! c!")
    spans[2] = spans[2]._replace(
        kind="agent", end_ns=50, output="gave up", error_message="c failed"
    )
    kept = before(spans, 2)
    assert names(kept) == "a helper"
    assert kept[2].output is None
    assert kept[2].error_message is None
    assert kept[0].status == "ok"


def test_nothing_says_how_long_that_took_which_was_still_open() -> None:
    """That a step beside it failed half a minute later is not known when another one breaks."""
    root, crawl, pay = run("crawl! pay!")
    spans = [root, crawl._replace(end_ns=30_000), pay]
    assert paces(before(spans, 1)) == {}
    assert paces(before([root, crawl._replace(status="ok"), pay], 1)) == {"crawl": 1}


def after(place: int) -> Cut:
    """Return the cut after so many steps, whatever they are."""
    return Cut(place, at_same_step=False)


def test_passed_runs_are_cut_as_the_failed_ones_are() -> None:
    """As many are left whole, and the longest go with the latest failure points."""
    passed = [(str(at), ["a"] * 10) for at in range(8)]
    cuts = matched_cuts([None, Point(3), None, Point(5)], passed)
    places = sorted(str(cut.place) for cut in cuts.values())
    assert places == ["3"] * 2 + ["5"] * 2 + ["None"] * 4
    assert matched_cuts([None], [("a", ["a"])]) == {"a": Cut(None)}
    assert matched_cuts([], [("a", ["a"])]) == {"a": Cut(None)}


def test_passed_runs_that_never_came_so_far_are_left_out() -> None:
    """A shorter run is cut at an earlier point if there is one, else it can't be compared."""
    passed = [("long", ["a"] * 9), ("short", ["a"] * 3), ("tiny", ["a"])]
    cuts = matched_cuts([Point(4), Point(2)], passed)
    assert cuts == {"long": after(4), "short": after(2)}


def test_passed_runs_are_cut_where_they_came_to_the_step_that_broke() -> None:
    """For the same time in the run; another run is cut after as many steps."""
    point = point_at("a fetch b fetch".split(), 3)
    assert point == Point(3, "fetch", 1)
    passed = [(text, text.split()) for text in ("fetch x y z fetch end", "fetch x y z", "x fetch")]
    assert matched_cuts([point], passed) == {
        "fetch x y z fetch end": Cut(4),
        "fetch x y z": after(3),
    }


@pytest.mark.parametrize("broken", ["fetch!", "fetch! fetch!", "fetch! wait fetch!"])
def test_what_every_run_does_before_the_step_that_broke_is_no_difference(broken: str) -> None:
    """However many other steps come before it, and however often it was tried again."""
    texts = ["look", "time look", "time kb look", "time kb kb look", "kb look"]
    members = [
        Member(f"f{at}", True, run(f"{texts[at % 5]} {broken}"), None, True) for at in range(40)
    ]
    members += [
        Member(f"p{at}", False, run(f"{texts[at % 5]} fetch send", error=False)) for at in range(60)
    ]
    assert explain([Population("name", members)]).differences == ()


def test_what_other_runs_come_to_later_is_no_difference() -> None:
    """One that never came to the step that broke may do all the rest a little later."""
    members = [Member(f"f{at}", True, run("look pdf!"), None, True) for at in range(20)]
    texts = ["kb kb look html", "look html"]
    members += [Member(f"p{at}", False, run(texts[at % 2], error=False)) for at in range(60)]
    differences = explain([Population("name", members)]).differences
    assert not [one for one in differences if one.conditions[0].trait[1] == "look"]


def test_a_step_that_runs_broke_at_is_not_called_never_taken() -> None:
    """Cut before it, a failed run seems to lack it, and runs that passed have it."""
    texts = ["a refund!"] * 20 + ["a b c!"] * 20
    members = [Member(f"f{at}", True, run(text)) for at, text in enumerate(texts)]
    members = [one._replace(of_pattern=at < 20) for at, one in enumerate(members)]
    members += [Member(f"p{at}", False, run("refund a b", error=False)) for at in range(60)]
    found = explain([Population("name", members)])
    assert found.broke_at == (("refund", 20),)
    conditions = [condition for one in found.differences for condition in one.conditions]
    assert conditions
    assert not [one for one in conditions if one.negated and one.trait[1] == "refund"]


def test_a_count_is_told_once() -> None:
    """Failing goes along with two searches or more; that some made four or six is no news."""
    texts = ["search " * (2 + at % 5) for at in range(40)]
    members = [
        Member(f"f{at}", True, run(text, error=False), None, True) for at, text in enumerate(texts)
    ]
    members += [Member(f"p{at}", False, run("search open", error=False)) for at in range(60)]
    differences = explain([Population("pattern", members)]).differences
    assert (differences[0].failed, differences[0].passed) == (40, 0)
    things = [(one.conditions[0].trait[:3], one.conditions[0].negated) for one in differences]
    assert len(set(things)) == len(things)


@given(
    st.lists(st.none() | st.integers(0, 9).map(Point), min_size=1, max_size=9),
    st.lists(st.integers(0, 9), max_size=20),
)
def test_no_passed_run_is_cut_beyond_its_end(points: list[Point], lengths: list[int]) -> None:
    """Every cut is a failure point that the run came to."""
    passed = [(str(at), ["a"] * steps) for at, steps in enumerate(lengths)]
    for trace_id, (place, _) in matched_cuts(points, passed).items():
        assert place in [point and point.place for point in points]
        assert place is None or place <= lengths[int(trace_id)]
