"""Why a pattern fails: what is planted is found, what leaks or is chance is not."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from clustertrace.patterns.cutting import Member
from clustertrace.patterns.why import Population, Why, explain
from clustertrace.patterns.why_words import (
    broke_words,
    compared_words,
    difference_words,
    nothing_words,
    why_document,
)
from tests.patterns.test_cutting import names, run


def member(
    number: int, text: str, *, failed: bool, error: bool = False, own: bool = True
) -> Member:
    """Make a run of these tools, which fails by its outcome unless its root ends in an error."""
    return Member(f"{number:032x}", failed, run(text, error=error), None, own)


def sentences(why: Why) -> list[str]:
    """Return the sentences of the differences."""
    return [difference_words(one) for one in why.differences]


def test_what_only_failed_runs_did_is_found() -> None:
    """The condition comes with both counts, its p-value, and runs to look at on either side."""
    members = [member(at, "plan search search search", failed=True) for at in range(12)]
    members += [member(at, "plan search cite", failed=False) for at in range(50, 90)]
    why = explain([Population("pattern", members)])
    first = why.differences[0]
    assert (first.failed, first.all_failed, first.passed, first.all_passed) == (12, 12, 0, 40)
    assert first.p <= first.q < 1e-6
    assert first.evidence == tuple(f"{at:032x}" for at in range(5))
    assert first.contrast == tuple(f"{at:032x}" for at in range(50, 55))
    assert sentences(why)[0].endswith("12 of 12 failed runs, 0 of 40 that did not fail.")
    assert len(why.differences) == 1, "conditions that hold for the same runs say the same"


def test_steps_after_the_failure_explain_nothing() -> None:
    """Runs that break at one step lack all later ones; that is no reason, and nothing is said."""
    members = [member(at, "plan search fetch!", failed=True, error=True) for at in range(20)]
    members += [
        member(at, "plan search fetch read cite answer", failed=False) for at in range(50, 90)
    ]
    why = explain([Population("pattern", members)])
    assert why.differences == ()
    assert why.broke_at == (("fetch", 20),)
    assert broke_words(why) == "A call failed for good in 20 of 20 failed runs: 20 at `fetch`."


def test_steps_that_a_broken_run_did_not_come_to_explain_nothing() -> None:
    """A model call that breaks one run in six leaves steps uncalled, which is no reason either."""
    members = [member(at, "look " * (at % 2) + "llm!", failed=True, error=True) for at in range(40)]
    members += [member(at, "look sort look", failed=False) for at in range(50, 250)]
    why = explain([Population("pattern", members)])
    assert why.differences == ()
    assert broke_words(why) == "A call failed for good in 40 of 40 failed runs: 40 at `llm`."


def test_a_run_that_went_on_is_not_said_to_have_ended_where_a_call_failed() -> None:
    """The call stays the suspect, since nobody made it again, but two more steps worked."""
    members = [member(at, "plan fetch! read cite", failed=True, error=True) for at in range(9)]
    sentence = broke_words(explain([Population("pattern", members)]))
    assert sentence == "A call failed for good in 9 of 9 failed runs: 9 at `fetch`."


def test_all_places_where_runs_broke_are_counted() -> None:
    """Three are named; the numbers still add up, whether calls failed or the runs' own code."""

    def broken(mark: str) -> str | None:
        members = [
            member(at, f"plan {'aaaabbbccd'[at]}{mark}", failed=True, error=True)
            for at in range(10)
        ]
        return broke_words(explain([Population("pattern", members)]))

    places = "10 of 10 failed runs: 4 {0} `a`, 3 {0} `b`, 2 {0} `c`, 1 {0} others"
    assert broken("!") == f"A call failed for good in {places.format('at')}."
    outside = f"An error outside of any recorded call ended {places.format('after')}"
    assert broken("") == f"{outside}, which worked."


def test_where_own_code_ended_runs_is_said_and_no_later_step_held_against_them() -> None:
    """An error between two steps is no call that failed; the step before it is named."""
    members = [member(at, "load price", failed=True, error=True) for at in range(20)]
    members += [member(at, "load price cite send", failed=False) for at in range(50, 90)]
    why = explain([Population("pattern", members)])
    assert why.differences == ()
    assert broke_words(why) == (
        "An error outside of any recorded call ended 20 of 20 failed runs: 20 after `price`, "
        "which worked."
    )
    assert nothing_words(why).startswith("No evidence of what leads there")


@pytest.mark.parametrize(("error", "is_told"), [(True, True), (False, False)])
def test_what_a_call_was_given_before_it_broke_is_compared(error: bool, is_told: bool) -> None:
    """A result too long for the model is told; that of a last step of runs that ended is not."""

    def found(one: Member, size: int) -> Member:
        return one._replace(spans=[s._replace(output="x" * size) for s in one.spans])

    text = "look llm!" if error else "look llm"
    members = [found(member(at, text, failed=True, error=error), 900 + at) for at in range(20)]
    members += [found(member(at, "look llm", failed=False), 10 + at) for at in range(50, 90)]
    texts = sentences(explain([Population("pattern", members)]))
    assert any("from the last step" in text for text in texts) is is_told


@pytest.mark.parametrize(("error", "is_told"), [(True, True), (False, False)])
def test_a_conversation_that_grew_too_long_for_the_model_is_told(
    error: bool, is_told: bool
) -> None:
    """If a call broke it; a run that failed otherwise may be long since it did not succeed."""

    def talk(at: int, turns: int, *, failed: bool) -> Member:
        text = "look" + " llm" * turns + " llm!" * (failed and error)
        one = member(at, text, failed=failed, error=error and failed)
        return one._replace(
            spans=[s._replace(input_tokens=900 if s.status == "ok" else None) for s in one.spans]
        )

    members = [talk(at, 9 + at % 3, failed=True) for at in range(20)]
    members += [talk(at, 1 + at % 8, failed=False) for at in range(50, 110)]
    texts = sentences(explained(members))
    assert (
        texts
        == ["Tokens read: 8,100 or more: 20 of 20 failed runs, 0 of 60 that did not fail."][
            : int(is_told)
        ]
    )
    at_random = [talk(at, 1 + at % 5, failed=True) for at in range(20)]
    at_random += [talk(at, 1 + at % 8, failed=False) for at in range(50, 110)]
    assert sentences(explained(at_random)) == []


def test_calls_that_fail_are_those_of_the_model_that_was_asked() -> None:
    """Only an answer names its model with a date, which tells no failed call from others."""

    def of_model(one: Member, model: str) -> Member:
        return one._replace(
            spans=[s._replace(model=model) if s.kind == "llm" else s for s in one.spans]
        )

    members = [
        of_model(member(at, "look llm!", failed=True, error=True), "gpt-4o-mini")
        for at in range(20)
    ] + [
        of_model(member(at, "look llm", failed=False), "gpt-4o-mini-2024-07-18")
        for at in range(50, 90)
    ]
    assert explain([Population("pattern", members)]).differences == ()
    other = [of_model(member(at, "look llm", failed=False), "gpt-4.1") for at in range(100, 140)]
    assert sentences(explain([Population("pattern", members + other)])) == [
        "The model `gpt-4o-mini`: 20 of 20 failed runs, 40 of 80 that did not fail."
    ]


def test_what_preceded_the_failure_is_found_all_the_same() -> None:
    """A step skipped before the failing one is told; what came after stays untold."""
    members = [member(at, "plan search fetch!", failed=True, error=True) for at in range(20)]
    members += [
        member(at, "plan check search fetch read cite", failed=False) for at in range(50, 90)
    ]
    texts = sentences(explain([Population("pattern", members)]))
    assert any("`check` never called" in text for text in texts)
    assert not any("cite" in text or "read" in text or "failed `fetch`" in text for text in texts)


def slow(one: Member, step: str, seconds: float) -> Member:
    """Make calls of a step take so long, and all else a second or less."""
    spans = [one.spans[0]._replace(end_ns=10**12)]
    for at, span in enumerate(one.spans[1:], 1):
        start, took = at * 10**11, seconds if span.name == step else 1 - at / 100
        spans.append(span._replace(start_ns=start, end_ns=start + round(took * 1e9)))
    return one._replace(spans=spans)


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("step", ["query", "llm"])
def test_a_slow_call_that_goes_along_with_failing_is_told(error: bool, step: str) -> None:
    """Whether the run was given up or its answer came too late; how long it was at it is not."""
    text = "load query llm"
    members = [slow(member(at, text, failed=True, error=error), step, 20 + at) for at in range(20)]
    members += [slow(member(at, text, failed=False), step, at / 50) for at in range(50, 100)]
    assert sentences(explained(members)) == [
        f"`{step}` took 22 s or more a call: 18 of 20 failed runs, 0 of 50 that did not fail."
    ]
    often = [slow(member(at, "load " + "query " * 9, failed=True), "", 0) for at in range(20)]
    once = [slow(member(at, "load query", failed=False), "", 0) for at in range(50, 100)]
    assert not [text for text in sentences(explained(often + once)) if "took" in text]


def test_a_step_that_only_failing_runs_take_is_not_told_as_slow() -> None:
    """Whatever time it took, the runs that took it failed."""
    members = [
        slow(member(at, "load! sorry", failed=True), "sorry", 40 if at > 15 else 1)
        for at in range(60)
    ]
    members += [slow(member(at, "load sorry", failed=True), "sorry", 40) for at in range(60, 64)]
    members += [slow(member(at, "load! sorry", failed=False), "sorry", 40) for at in (64, 65)]
    members += [slow(member(at, "load", failed=at < 70), "", 0) for at in range(66, 300)]
    texts = sentences(explained(members))
    assert texts[0].startswith("`load` failed: ")
    assert not [text for text in texts if "took" in text]


def test_how_far_a_run_went_is_no_reason() -> None:
    """Runs that succeed may stop there: their length and last step are not looked at."""
    members = [member(at, "try_a try_b give_up", failed=True) for at in range(20)]
    members += [member(at, "try_b try_a give_up", failed=False) for at in range(50, 90)]
    differences = explain([Population("pattern", members)]).differences
    assert differences
    assert not {one.conditions[0].trait[0] for one in differences} & {"steps", "ends with"}


def test_the_narrowest_population_that_shows_something_is_told() -> None:
    """A wider one is tried where the pattern itself shows nothing, and everything is counted."""
    pattern = [member(at, "a b", failed=at < 6) for at in range(8)]
    family = [member(at, "a c", failed=False, own=False) for at in range(20, 60)]
    narrow = explain([Population("pattern", pattern)])
    assert narrow.differences == ()
    wide = explain([Population("pattern", pattern), Population("family", pattern + family)])
    assert wide.level == "family"
    assert wide.tried > narrow.tried
    assert wide.differences[0].evidence == tuple(f"{at:032x}" for at in range(5))


@pytest.mark.parametrize(("error", "level"), [(True, "name"), (False, "family")])
def test_a_family_of_runs_that_an_error_ended_is_no_population(error: bool, level: str) -> None:
    """They are in it for what they did before it, and runs that passed for all that they did."""
    own = [member(at, "time look", failed=True, error=error) for at in range(10)]
    others = [member(at, "look", failed=True, error=error, own=False) for at in range(10, 30)]
    passed = [member(at, "time look", failed=False, own=False) for at in range(30, 40)]
    more = [member(at, "look", failed=False, own=False) for at in range(40, 60)]
    family = [*own, *passed, *more]
    populations = [Population("family", family), Population("name", [*family, *others])]
    assert explain([Population("pattern", own), *populations]).level == level
    assert explain([Population("pattern", own), populations[0]]).level == "family"


def test_only_what_half_of_the_own_failures_have_is_told() -> None:
    """What explains failures of other patterns does not explain these."""
    own = [member(at, "a b", failed=True) for at in range(3)]
    others = [member(at, "x y", failed=True, own=False) for at in range(10, 40)]
    passed = [member(at, "a b", failed=False) for at in range(50, 90)]
    why = explain([Population("pattern", own + passed), Population("name", own + others + passed)])
    assert why.differences == ()


def test_what_only_comes_of_a_reported_difference_is_not_told() -> None:
    """That a step was left out moves all others; a second cause is told beside it."""
    rng = random.Random(3)
    members = []
    for at in range(300):
        skips, cached = rng.random() < 0.3, rng.random() < 0.3
        steps = ["load", *rng.sample(["news", "price"], 2), *(["filings"] * (not skips))]
        text = " ".join([*(["cache"] * cached), *steps, "report"])
        members.append(member(at, text, failed=rng.random() < (0.9 if skips else 0.02)))
    assert [sentence.split(":")[0] for sentence in sentences(explained(members))] == [
        "`filings` never called"
    ]
    hasty = [one._replace(failed=one.failed or "cache" in names(one.spans)) for one in members]
    assert {sentence.split(":")[0] for sentence in sentences(explained(hasty))} == {
        "`filings` never called",
        "`cache` called",
    }


def explained(members: Sequence[Member]) -> Why:
    """Return why these runs fail, whatever steps they took."""
    return explain([Population("pattern", members)])


def test_one_session_repeated_is_one_run() -> None:
    """Forty runs of one conversation prove no more than one."""
    members = [member(at, "a b", failed=True)._replace(session="one") for at in range(40)]
    members += [member(at, "a c", failed=False) for at in range(50, 90)]
    assert explain([Population("pattern", members)]).differences == ()
    apart = [one._replace(session=None) for one in members]
    assert explain([Population("pattern", apart)]).differences


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member(at, "a b", failed=False) for at in range(9)], "No run of this pattern failed"),
        ([member(at, "a b", failed=True) for at in range(9)], "Every comparable run failed"),
        ([member(at, f"a {'bc'[at]}", failed=at > 0) for at in range(2)], "are too few to compare"),
        ([member(at, "a b", failed=at % 2 > 0) for at in range(40)], "or did the same"),
    ],
)
def test_nothing_to_say_is_said(members: Sequence[Member], words: str) -> None:
    """None failing, all failing, too few runs, one giant pattern: each has its sentence."""
    why = explain([Population("pattern", members)])
    assert why.differences == ()
    assert words in nothing_words(why)
    document = why_document("ab", "agent", why, None)
    assert document["why_none"] == nothing_words(why)


def test_chance_is_no_reason() -> None:
    """Of forty patterns in which failing is a coin's toss, next to none is explained."""

    def tossed(seed: int) -> Why:
        rng = random.Random(seed)
        members = [
            member(at, " ".join(rng.choices("abcdef", k=6)), failed=rng.random() < 0.4)
            for at in range(60)
        ]
        return explain([Population("pattern", members)])

    assert sum(bool(tossed(seed).differences) for seed in range(40)) <= 4


def test_all_different_runs_explain_nothing() -> None:
    """Names that no two runs share are no condition, whatever they are called."""
    members = [member(at, f"werkzeug_ä{chr(97 + at)} 地図", failed=at < 15) for at in range(26)]
    assert explain([Population("pattern", members)]).differences == ()


def test_ids_in_names_are_one_step() -> None:
    """Dynamic names with numbers count as the step that they are."""
    members = [member(at, f"load_{at} a", failed=True) for at in range(100, 120)]
    members += [member(at, f"load_{at} b", failed=False) for at in range(200, 240)]
    assert "`a` called" in sentences(explain([Population("pattern", members)]))[0]


def test_what_was_compared_is_told() -> None:
    """Counts of both sides, those left out, and what it means."""
    why = Why(3, "family", 8, 20, 2, 1234, (), ())
    assert compared_words(why).startswith(
        "8 failed runs against 20 that did not fail, of those of this family of patterns, up to "
        "where they failed; 2 ended too early to be compared. 1,234 conditions were tried."
    )


def test_a_single_condition_is_told_in_the_singular() -> None:
    """Where one tag's value is all that can be compared, one condition was tried."""
    members = [member(at, "look", failed=at < 20) for at in range(60)]
    tagged = [
        one._replace(tags={"customer": "acme" if one.failed else one.trace_id}) for one in members
    ]
    why = explain([Population("pattern", tagged)])
    assert sentences(why) == [
        "The tag `customer` is `acme`: 20 of 20 failed runs, 0 of 40 that did not fail."
    ]
    assert " 1 condition was tried. " in compared_words(why)


def test_agents_that_are_left_out_are_told_of() -> None:
    """Beside the sentence that nothing can be compared, and where all of a root would have been."""
    failed = [member(at, "find cancel", failed=True) for at in range(10)]
    why = explain([Population("pattern", failed)], others_left_out=True)
    left_out = (
        "Runs that have the same root name but share no step are left out, as those of another "
        "kind of agent."
    )
    assert nothing_words(why) == (
        f"Every comparable run failed, so there is nothing to compare them with. {left_out}"
    )
    assert why_document("p", "agent", why, None)["compared"]["others_left_out"]
    passed = [member(at, "find get", failed=False, own=False) for at in range(20, 60)]
    populations = [Population(level, [*failed, *passed]) for level in ("family", "name")]
    assert compared_words(explain(populations[1:], others_left_out=True)).endswith(left_out)
    assert left_out not in compared_words(explain(populations[:1], others_left_out=True))
