"""Where a run broke: each reason, the order of suspects, and what may not be guessed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.suspects import MOST, Sibling, Suspect, labels_of, suspects

TRACE = "0123456789abcdef0123456789abcdef"


def run(text: str) -> list[Span]:
    """Make a run of tools; `name!` failed, `name=x` was called with x, `name>y` answered y."""
    spans = [Span(TRACE, "1" * 16, None, "agent", "agent", "error", 0, 99)]
    for at, word in enumerate(text.split(), 2):
        before_answer, _, answer = word.partition(">")
        called, _, given_ = before_answer.partition("=")
        name, failed = called.rstrip("!"), called.endswith("!")
        kind = "llm" if name == "chat" else "tool"
        span = Span(TRACE, f"{at:016x}", "1" * 16, name, kind, "ok", at, at + 1)
        spans.append(
            span._replace(
                status="error" if failed else "ok",
                input=given_ or str(at),
                output=None if failed else answer or f"answer {at}",
            )
        )
    return spans


def others(*texts: str, failed: bool) -> list[Sibling]:
    """Make siblings of such runs."""
    return [Sibling(f"{at:032x}", failed, labels_of(run(text))) for at, text in enumerate(texts)]


def reasons(found: Sequence[Suspect]) -> dict[str, set[str]]:
    """Return what is said of each suspicious step."""
    return {one.step: {reason.what for reason in one.reasons} for one in found}


@pytest.mark.parametrize(
    ("text", "step", "reason"),
    [
        ("a b! c", "b!", "not recovered"),
        ("a b! b", "b!", "recovered"),
        ("a b! c", "a", "before the first error"),
        ("a=1 b a=1", "a", "same call"),
        ("a b>[]", "b", "empty result"),
        ("a b>error:no_such_file", "b", "error text"),
        ("a chat!", "chat!", "not recovered"),
    ],
)
def test_each_reason_is_seen(text: str, step: str, reason: str) -> None:
    """What makes a step suspicious in itself needs no other run."""
    assert reason in reasons(suspects(run(text)))[step]


@pytest.mark.parametrize("text", ["", "a b c", "a=1 b a=2"])
def test_a_run_without_any_sign_has_no_suspects(text: str) -> None:
    """Nothing is guessed where nothing stands out."""
    assert suspects(run(text)) == ()
    assert suspects([]) == ()


def test_the_step_that_never_recovered_comes_first() -> None:
    """An unrecovered failure outweighs a recovered one and the step before it."""
    found = suspects(run("a b! b c d!"))
    assert [one.step for one in found] == ["d!", "a", "b!"]
    assert [one.place for one in found] == [5, 1, 2]
    assert found[0].score > found[1].score


def test_there_are_at_most_three() -> None:
    """A longer list would be the run itself."""
    assert len(suspects(run("a! b! c! d! e!"))) == MOST


@pytest.mark.parametrize(
    ("own", "passed", "step", "words"),
    [
        ("a b c", ["a b d"], "c", "took `d`"),
        ("a b", ["a b c"], "b", "went on with `c`"),
        ("a b c", ["a b"], "c", "after the end of"),
    ],
)
def test_where_it_leaves_the_way_of_a_run_that_passed(
    own: str, passed: list[str], step: str, words: str
) -> None:
    """The most similar run that passed is named, and what it did there."""
    siblings = others("x y z", *passed, failed=False)
    (found,) = suspects(run(own), siblings)
    (reason,) = found.reasons
    assert (found.step, reason.what, reason.trace_id) == (step, "parts", f"{1:032x}")
    assert words in reason.words


def test_the_same_way_as_a_run_that_passed_parts_nowhere() -> None:
    """Equal runs give no first difference."""
    assert suspects(run("a b"), others("a b", "a c", failed=False)) == ()


def test_steps_that_only_failing_runs_take_are_suspicious() -> None:
    """A step of most failed runs and few others is named once, with both counts."""
    failed = others(*["a x b"] * 8, failed=True)
    passed = others(*["a b"] * 9, "a x b", failed=False)
    found = suspects(run("a x x b"), failed + passed)
    (reason,) = [
        reason for one in found for reason in one.reasons if reason.what == "in failing runs"
    ]
    assert reason.words == "is in 9 of 9 failed runs and in 1 of 10 others"
    assert 1.5 < reason.weight < 2


def test_few_siblings_prove_nothing() -> None:
    """With a handful of siblings no share of failing runs is given as a reason."""
    siblings = others("a x b", failed=True) + others("a b", failed=False)
    reasons = [reason.what for one in suspects(run("a x b"), siblings) for reason in one.reasons]
    assert "in failing runs" not in reasons


def test_ids_in_names_make_no_difference() -> None:
    """A step is the same whatever number its name carries."""
    assert labels_of(run("step_1 step_22!")) == ("step_#", "step_#!")
    assert suspects(run("step_1 b"), others("step_9 b", failed=False)) == ()


def test_the_order_of_arrival_does_not_matter() -> None:
    """Spans may come in any order."""
    spans = run("a b! a c=1 c=1>[]")
    assert suspects(spans) == suspects(spans[::-1])


@given(st.lists(st.sampled_from(["a", "b!", "c=1", "c=1>[]", "d>error"]), max_size=12))
def test_any_run_has_at_most_three_suspects_of_its_own(words: list[str]) -> None:
    """Suspects are steps of the run, each once, heaviest first, each with a reason."""
    spans = run(" ".join(words))
    siblings = others("a c=1", "b d", failed=False) + others("a b!", failed=True)
    found = suspects(spans, siblings)
    ids = [one.span_id for one in found]
    assert len(set(ids)) == len(ids) <= MOST
    assert set(ids) <= {span.span_id for span in spans[1:]}
    assert all(one.reasons for one in found)
    assert sorted((one.score for one in found), reverse=True) == [one.score for one in found]
