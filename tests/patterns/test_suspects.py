"""Where a run broke: each reason, the order of suspects, and what may not be guessed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.suspects import (
    MOST,
    Sibling,
    Suspect,
    asked_of,
    labels_of,
    suspects,
)

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


def known(*texts: str) -> list[Sibling]:
    """Make such siblings that did not fail, with what is known to be true of them."""
    siblings = others(*texts, failed=False)
    return [
        sibling._replace(traits=asked_of(run(text)))
        for sibling, text in zip(siblings, texts, strict=True)
    ]


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


def test_a_model_call_that_was_made_again_has_worked_later() -> None:
    """Calls that work are no steps, but a call that failed before one of them did not last."""
    assert reasons(suspects(run("chat! search chat")))["chat!"] == {"recovered"}
    assert reasons(suspects(run("chat search chat!")))["chat!"] == {"not recovered"}


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


def test_what_came_of_a_step_that_went_wrong_is_not_suspected_before_it() -> None:
    """Failing runs apologise for what they did not find; the look-up comes first."""
    texts = ["look>error apologize escalate end"] * 20
    siblings = others(*texts, failed=True) + known(*["look>found end"] * 20)
    assert suspects(run(texts[0]), siblings)[0].step == "look"


def test_chance_puts_hardly_a_step_into_bad_company() -> None:
    """Of forty failed runs that do as others do, next to none has a step of failing runs."""

    def has_one(seed: int) -> bool:
        rng = random.Random(seed)
        texts = [" ".join(rng.sample("abcdef", 6)) for _ in range(60)]
        siblings = others(*texts[:15], failed=True) + others(*texts[15:], failed=False)
        found = suspects(run(texts[0]), siblings[1:])
        return any(reason.what == "in failing runs" for one in found for reason in one.reasons)

    assert sum(has_one(seed) for seed in range(40)) <= 4


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


@pytest.mark.parametrize("usual", ["b>[]", "b>0_failed,_no_error", "b=1 b=1", "b!", "b! b"])
def test_what_most_runs_do_that_did_not_fail_is_no_reason(usual: str) -> None:
    """A step that always gives nothing, or reads "no error", hides no step that broke."""
    own = f"a {usual} c>[] d"
    assert len(suspects(run(own))) > 1
    siblings = known(*[f"a {usual} c d"] * 5)
    (found,) = suspects(run(own), siblings)
    assert (found.step, found.reasons[0].what) == ("c", "empty result")
    words = "gave an empty result, as in none of 5 runs that did not fail"
    assert found.reasons[0].words == words


def test_what_fewer_of_them_do_weighs_less_and_says_so() -> None:
    """It is told how many runs did so without failing."""
    siblings = known("a b>[]", *["a b"] * 4)
    (found,) = suspects(run("a b>[]"), siblings)
    (reason,) = found.reasons
    assert reason.words == "gave an empty result, as in 1 of 5 runs that did not fail"
    assert reason.weight == pytest.approx(0.8)


def test_a_call_whose_arguments_were_not_recorded_repeats_none() -> None:
    """Nor has one the same result, of which nobody knows what it was."""
    unknown = [span._replace(input=None, output=None) for span in run("plan search plan search")]
    assert suspects(unknown) == ()
    assert not [trait for trait in asked_of(unknown) if trait[0] == "same call"]
    no_result = [span._replace(output=None) for span in run("search=x search=x")]
    words = [reason.words for one in suspects(no_result) for reason in one.reasons]
    assert "repeats the call of step 1 with the same arguments" in words


def test_nothing_is_an_empty_result_where_other_runs_give_something() -> None:
    """Without others to compare with, nothing may just not have been recorded."""
    spans = [
        span._replace(output=None if span.name == "b" else span.output) for span in run("a b c")
    ]
    assert suspects(spans) == ()
    (found,) = suspects(spans, known(*["a b c"] * 5))
    assert (found.step, [reason.what for reason in found.reasons]) == ("b", ["empty result"])


def test_a_way_that_passed_runs_take_too_is_no_parting() -> None:
    """Where runs differ anyway, the step is told that hardly any run took that passed."""
    passed = known("a b c d e", "a c c d e", "a b c e", "a c d e", "a b b c d e")
    found = suspects(run("a c c x e"), passed)
    assert reasons(found) == {"x": {"parts"}}
    skipped = suspects(run("a c e"), passed)
    assert reasons(skipped) == {}
    without_b = suspects(run("a d e"), passed)
    assert [(one.step, one.place) for one in without_b] == [("d", 2)]


def test_what_failing_runs_leave_out_shows_in_the_step_behind() -> None:
    """A skipped step leaves one right after another, as in no run that passed."""
    failed = others(*["a c d"] * 4, failed=True)
    found = suspects(run("a c d"), failed + others(*["a b c d"] * 5, failed=False))
    assert found[0].step == "c"
    said = {reason.what: reason.words for reason in found[0].reasons}
    assert said["in failing runs"] == (
        "comes right after `a` in 5 of 5 failed runs and in 0 of 5 others"
    )


def test_an_agent_whose_own_step_broke_is_not_suspected_for_that() -> None:
    """The step inside is where the run broke, and what came before it inside fed it."""
    spans = run("load research! search read! write")
    inner = [span._replace(parent_span_id=f"{3:016x}") for span in spans[3:5]]
    nested = [*spans[:2], spans[2]._replace(kind="agent"), *inner, spans[5]]
    assert reasons(suspects(nested)) == {
        "read!": {"not recovered"},
        "search": {"before the first error"},
    }


def test_an_agent_holds_its_step_through_whatever_else() -> None:
    """Such as the node of a graph that called the tool, which is no step by itself."""
    agent, chain, read = run("research! node! read!")[1:]
    nested = [
        run("")[0],
        agent._replace(kind="agent"),
        chain._replace(kind="chain", parent_span_id=agent.span_id),
        read._replace(parent_span_id=chain.span_id),
    ]
    assert reasons(suspects(nested)) == {"read!": {"not recovered"}}
    assert labels_of(nested) == ("research", "read!")


def test_an_agent_whose_first_step_broke_did_not_come_before_it() -> None:
    """What came before the agent did."""
    spans = run("load research! read!")
    nested = [
        *spans[:2],
        spans[2]._replace(kind="agent"),
        spans[3]._replace(parent_span_id=f"{3:016x}"),
    ]
    assert reasons(suspects(nested)) == {
        "read!": {"not recovered"},
        "load": {"before the first error"},
    }
    assert reasons(suspects([nested[0], *nested[2:]])) == {"read!": {"not recovered"}}


def test_beside_other_runs_such_an_agent_is_not_suspected_either() -> None:
    """That it failed is no other way than theirs, and is in failing runs for its step's sake."""

    def nested(mark: str) -> list[Span]:
        spans = run(f"load search research{mark} plan read{mark}")
        inner = [span._replace(parent_span_id=f"{4:016x}") for span in spans[4:]]
        return [*spans[:3], spans[3]._replace(kind="agent"), *inner]

    siblings = [
        Sibling(f"{at:032x}", at < 6, labels_of(nested("!" if at < 6 else ""))) for at in range(12)
    ]
    assert reasons(suspects(nested("!"), siblings)) == {
        "read!": {"not recovered", "in failing runs", "parts"},
        "plan": {"before the first error"},
    }
