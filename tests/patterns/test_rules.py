"""Failure rules: found where they are, and not where they are not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.conditions import Case, Condition, matches
from clustertrace.patterns.field import Field, by_p, columns_of
from clustertrace.patterns.rules import Mined, mine
from clustertrace.patterns.sentences import needed_words, nothing_words, rule_words, runs_needed
from clustertrace.patterns.traits import run_of, traits_of

TRACE = "0123456789abcdef0123456789abcdef"
WORDS = ("search", "open", "read", "cite", "ask")


def case(
    steps: Sequence[str], failed: bool, session: str | None = None, *, error: bool = False
) -> Case:
    """Make a run of tools; `name!` failed, `name=x` was called with x, `llm` called a model."""
    spans = [Span(TRACE, "1" * 16, None, "agent", "agent", "error" if error else "ok", 0, 1)]
    for at, word in enumerate(steps, 2):
        name, _, given_ = word.rstrip("!").partition("=")
        status = "error" if word.endswith("!") else "ok"
        spans.append(
            Span(
                TRACE,
                f"{at:016x}",
                "1" * 16,
                name,
                "llm" if name == "llm" else "tool",
                status,
                at,
                at + 1,
                given_ or str(at),
                f"result {at}",
            )
        )
    return Case(*traits_of(run_of(spans)), failed, session)


def runs(
    count: int,
    fails: Callable[[list[str], random.Random], bool],
    *,
    seed: int = 5,
    session: Callable[[int], str | None] = lambda _: None,
) -> list[Case]:
    """Make random runs that fail where `fails` says so."""
    rng = random.Random(seed)
    made = []
    for at in range(count):
        steps = rng.choices(WORDS, k=rng.randint(2, 8))
        made.append(case(steps, fails(steps, rng), session(at)))
    return made


def hits(found: Mined, cases: Sequence[Case]) -> list[bool]:
    """Which of the runs match any rule."""
    return [any(matches(rule.conditions, one) for rule in found.rules) for one in cases]


def separation(matched: Sequence[bool], cases: Sequence[Case]) -> float:
    """Share of the failures that match less share of the passes that do."""
    failed = [hit for hit, one in zip(matched, cases, strict=True) if one.failed]
    passed = [hit for hit, one in zip(matched, cases, strict=True) if not one.failed]
    return sum(failed) / len(failed) - sum(passed) / len(passed)


@pytest.mark.parametrize(
    "cause",
    [
        lambda steps: steps.count("search") >= 3,
        lambda steps: "cite" not in steps,
        lambda steps: steps[-1] == "ask",
        lambda steps: ("open", "read") in pairwise(steps),
        lambda steps: "open" in steps and "read" in steps,
        lambda steps: len(steps) >= 7,
    ],
)
def test_a_planted_cause_is_found_and_holds_on_new_runs(cause: Callable[[list[str]], bool]) -> None:
    """Where 85 % fail with a cause and 8 % without, rules tell them apart on runs never seen."""

    def fails(steps: list[str], rng: random.Random) -> bool:
        return rng.random() < (0.85 if cause(steps) else 0.08)

    found = mine(runs(400, fails))
    assert 1 <= len(found.rules) <= 5
    planted: list[bool] = []

    def watched(steps: list[str], rng: random.Random) -> bool:
        planted.append(cause(steps))
        return fails(steps, rng)

    fresh = runs(1000, watched, seed=99)
    assert separation(hits(found, fresh), fresh) > 0.8 * separation(planted, fresh)


@pytest.mark.parametrize("between", ["", "3" * 16])
def test_an_agent_that_broke_with_its_step_did_not_fail_itself(between: str) -> None:
    """The rule names the step; an agent that failed although its steps worked is named itself."""

    def nested(step_status: str) -> set[tuple[str, str]]:
        root = Span(TRACE, "1" * 16, None, "root", "agent", "ok", 0, 9)
        agent = Span(TRACE, "2" * 16, "1" * 16, "coder", "agent", "error", 1, 8)
        node = Span(TRACE, "3" * 16, "2" * 16, "node", "chain", step_status, 2, 7)
        tool = Span(TRACE, "4" * 16, between or "2" * 16, "test", "tool", step_status, 3, 6)
        spans = [root, agent, *([node] if between else []), tool]
        return {trait[:2] for trait in traits_of(run_of(spans))[0]}

    broken = nested("error")
    assert ("fails", "test") in broken
    assert not {("fails", "coder"), ("empty", "coder")} & broken
    assert ("fails", "coder") in nested("ok")


@pytest.mark.parametrize(
    ("with_it", "told"),
    [("load fetch! apologize", "`fetch` failed: "), ("load browse apologize", "`browse` called: ")],
)
@pytest.mark.parametrize("exceptions", [0, 1])
def test_what_came_of_the_cause_is_not_named_in_its_place(
    with_it: str, told: str, exceptions: int
) -> None:
    """Of conditions of the same runs, or nearly, the one whose step came first is told."""
    cause = with_it.split()
    cases = [case([*cause, "note"], at % 10 > 0) for at in range(40)]
    cases += [case(["load", "fetch", "note"], at % 40 == 0) for at in range(200)]
    cases += [case(["load", "apologize", "note"], failed=True)] * exceptions
    assert rule_words(mine(cases).rules[0]).startswith(told)


def test_the_step_is_named_whose_result_was_an_error_message() -> None:
    """Rather than a step, where it was this one in every run."""
    plain = Span(TRACE, "2" * 16, "1" * 16, "look", "tool", "ok", 1, 2, "x", "all well")
    bad = plain._replace(output="error: not found")
    root = Span(TRACE, "1" * 16, None, "agent", "agent", "ok", 0, 9)
    cases = [Case(*traits_of(run_of([root, bad])), failed=True) for _ in range(20)]
    cases += [Case(*traits_of(run_of([root, plain])), failed=False) for _ in range(40)]
    assert rule_words(mine(cases).rules[0]).startswith(
        "An error message as the result of `look`: 20 of 20"
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("length", "An answer of the model that was cut off at its limit of tokens: 20 of 20"),
        ("MAX_TOKENS", "An answer of the model that was cut off at its limit of tokens: 20 of 20"),
        ("content_filter", "An answer that the model refused: 20 of 20"),
    ],
)
def test_how_answers_of_the_model_ended_is_told(reason: str, told: str) -> None:
    """Rather than that runs with such answers have more tokens, or end with their last step."""
    root = Span(TRACE, "1" * 16, None, "agent", "agent", "ok", 0, 9)
    tool = Span(TRACE, "2" * 16, "1" * 16, "look", "tool", "ok", 1, 2, "x", "all well")
    call = Span(TRACE, "3" * 16, "1" * 16, "chat", "llm", "ok", 3, 4, finish_reason="stop")
    bad = call._replace(finish_reason=reason, output_tokens=1024)
    cases = [Case(*traits_of(run_of([root, tool, bad])), failed=True) for _ in range(20)]
    for tokens in range(40):
        fine = call._replace(output_tokens=tokens)
        cases.append(Case(*traits_of(run_of([root, tool, fine])), failed=False))
    assert rule_words(mine(cases).rules[0]).startswith(told)


def test_an_earlier_step_that_other_runs_take_too_is_not_told_instead() -> None:
    """Before a refund the policy is looked up, which harms no run that is refused one."""
    cases = [case(["policy", "refund", "mail"], failed=True) for _ in range(60)]
    cases += [case(["policy", "mail"], failed=False) for _ in range(6)]
    cases += [case(["mail", "look"], failed=False) for _ in range(200)]
    assert rule_words(mine(cases).rules[0]).startswith("`refund` called: 60 of 60")


def test_chance_is_not_a_pattern() -> None:
    """Of 60 databases in which failing is a coin's toss, next to none has a rule."""
    reported = [
        bool(mine(runs(120, lambda _, rng: rng.random() < 0.3, seed=seed)).rules)
        for seed in range(60)
    ]
    assert sum(reported) <= 5


def test_what_broken_runs_did_not_come_to_is_no_rule() -> None:
    """Where a failed step ends runs, the rule names that step, not those that would have come."""
    broken = [case(["plan", "fetch!"], True, error=True) for _ in range(20)]
    others = [case(["plan", "fetch", "cite"], False) for _ in range(80)]
    assert [rule_words(rule) for rule in mine(broken + others).rules] == [
        "`fetch` failed: 20 of 20 failed (100 %; 20 % of all runs)."
    ]
    never_cited = (Condition(("calls", "cite", "", 1), negated=True),)
    gave_up = case(["plan", "fetch"], True, error=True)
    assert [matches(never_cited, one) for one in (broken[0], gave_up)] == [False, True]


def test_where_own_code_ended_runs_is_told_and_not_what_would_have_come() -> None:
    """An error between two steps leaves all later ones uncalled; a skipped earlier one counts."""
    others = [case(["check", "load", "price", "send"], False) for _ in range(80)]
    raised = [case(["check", "load", "price"], True, error=True) for _ in range(20)]
    assert [rule_words(rule) for rule in mine(raised + others).rules] == [
        "`price` as the last step: 20 of 20 failed (100 %; 20 % of all runs)."
    ]
    unchecked = [case(["load", "price"], True, error=True) for _ in range(20)]
    lone = [case(["check", "load", "price"], True, error=True) for _ in range(9)]
    said = [rule_words(rule) for rule in mine(unchecked + lone + others).rules]
    assert not any("`send` never called" in one for one in said)
    (never_checked,) = [
        one
        for one in Field(columns_of(unchecked + lone + others)).singles(8)
        if one.conditions[0] == Condition(("calls", "check", "", 1), negated=True)
    ]
    assert never_checked.bits.bit_count() == 20


def test_what_would_have_come_after_no_step_or_a_failed_one_is_no_rule_either() -> None:
    """Who ends at once skipped nothing, and a last step that failed is one like any other."""
    others = [case(["llm", "search", "cite"], False) for _ in range(80)]
    at_once = [case(["llm"], True, error=True) for _ in range(20)]
    assert not any("never" in rule_words(rule) for rule in mine(at_once + others).rules)
    mended = [case(["plan", "load", "load!", "llm", "cite"], False) for _ in range(80)]
    raised = [case(["load", "load!", "llm"], True, error=True) for _ in range(20)]
    never = {
        one.conditions[0].trait[1]: one.bits.bit_count()
        for one in Field(columns_of(raised + mended)).singles(8)
        if one.conditions[0].negated
    }
    assert never == {"plan": 20}


def test_runs_that_own_code_ended_anywhere_have_no_rule_about_their_last_step() -> None:
    """Where they ended differs, and so does what a last step was given and gave."""
    rng = random.Random(4)
    steps = ["load", "price", "discount", "send"]
    cases = []
    for _ in range(300):
        ended = next((at for at in range(1, 4) if rng.random() < 0.1), None)
        cases.append(case(steps[:ended], ended is not None, error=ended is not None))
    said = [rule_words(rule) for rule in mine(cases).rules]
    assert {one.partition(":")[0] for one in said} <= {f"`{s}` as the last step" for s in steps}


def test_random_breaking_is_no_rule() -> None:
    """A rate limit that hits any model call leaves runs short of steps, and that is not a cause."""
    rng = random.Random(3)
    cases = []
    for _ in range(300):
        steps = rng.choices(["look", "sort"], k=rng.randint(2, 4))
        broke_at = next((at for at in range(len(steps)) if rng.random() < 0.05), None)
        broke = broke_at is not None
        taken = [word for step in steps[:broke_at] for word in ("llm", step)]
        cases.append(case([*taken, *["llm!"] * broke], broke, error=broke))
    assert mine(cases).rules == ()


@pytest.mark.parametrize(
    ("failing", "passing", "said"),
    [
        ("plan web", "plan kb", "`web` called"),
        ("cart convert rate", "cart rate convert", "`rate` some time after `convert`"),
        ("read edit", "read edit test", "`test` never called"),
        ("query query", "ask query", "`query` called twice or more"),
    ],
)
def test_what_tells_runs_apart_is_said_in_the_plainest_of_its_ways(
    failing: str, passing: str, said: str
) -> None:
    """Done before not done, not done before its place: runs of two kinds differ in all of them."""
    cases = [case(failing.split(), True)] * 30 + [case(passing.split(), False)] * 60
    (rule,) = mine(cases).rules
    assert rule_words(rule).startswith(f"{said}: 30 of 30 failed")


def test_one_session_repeated_proves_nothing() -> None:
    """Sixty runs of one conversation are one observation, not sixty."""

    many = [case(["search", "open"], True, "one") for _ in range(60)]
    usual = runs(80, lambda *_: False, session=str)
    assert mine([one._replace(session=None) for one in many] + usual).rules
    assert mine(many + usual).rules == ()


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([], "no finished runs"),
        (runs(1, lambda *_: True), "The only run failed"),
        (runs(1_000, lambda *_: True), "All 1,000 runs failed"),
        (runs(40, lambda *_: False), "None of the 40 runs failed"),
        (runs(40, lambda *_: True), "All 40 runs failed"),
        (runs(12, lambda _, rng: rng.random() < 0.3), "No significant pattern in what runs did"),
    ],
)
def test_nothing_to_say_is_said(cases: list[Case], words: str) -> None:
    """Without failures, without successes, or with too few runs, there is no rule and a reason."""
    found = mine(cases)
    assert found.rules == ()
    assert words in nothing_words(found)


@pytest.mark.parametrize(
    ("runs", "failed", "words"),
    [
        (0, 0, "Only runs failed whose failures are expected (10): nothing to explain."),
        (1, 0, "Only runs failed whose failures are expected (10): nothing to explain."),
        (1, 1, "The only run failed, with 10 expected failures left out: there is nothing to "),
        (5, 5, "All 5 runs failed, with 10 expected failures left out: there is no success to "),
    ],
)
def test_runs_that_failed_as_expected_are_told_of(runs: int, failed: int, words: str) -> None:
    """Where hardly any other runs are left, these are neither unfinished nor missing."""
    assert nothing_words(Mined((), runs, failed, 0), 10).startswith(words)


@pytest.mark.parametrize(
    ("runs", "failed", "tried", "more", "words"),
    [
        (20, 4, 300, range(5, 200), "more runs could show what sets half of the failures apart."),
        (1_000, 300, 5_000, range(1), "One that sets half of the failures apart would have shown."),
        (1_500_000, 3, 5_000, range(1_000, 150_000_000), "could show what sets"),
        (10_000, 1, 10**300, None, "More runs of this kind would hardly show one."),
    ],
)
def test_how_many_runs_it_takes(
    runs: int, failed: int, tried: int, more: range | None, words: str
) -> None:
    """It is no fewer than there are, and where these would have shown it, that is said."""
    found = runs_needed(runs, failed, tried)
    assert found is None if more is None else found in more
    assert words in needed_words(runs, failed, tried)


def test_runs_that_are_all_alike_have_no_rule() -> None:
    """One giant pattern explains nothing: whatever it does, passes do too."""
    rng = random.Random(2)
    assert mine([case(["search", "open"], rng.random() < 0.4) for _ in range(200)]).rules == ()


def test_runs_that_are_all_different_have_none_either() -> None:
    """A step that only one run has is no evidence, however many such runs failed."""
    rng = random.Random(2)
    cases = [case([f"tool-{chr(97 + n % 26)}{n}x"], rng.random() < 0.4) for n in range(200)]
    assert mine(cases).rules == ()


def test_in_thousands_of_runs_the_most_significant_comes_first() -> None:
    """Conditions whose p-values are all too small for a number keep their order."""
    cases = [case(["abc"] * (at % 20 < 18) + ["xyz"], True) for at in range(3000)]
    cases += [case(["abc"] * (at % 20 == 0), False) for at in range(3000)]
    singles = sorted(Field(columns_of(cases)).singles(8), key=by_p)
    place = {one.conditions[0]: at for at, one in enumerate(singles)}
    best, other = (place[Condition(("calls", step, "", 1))] for step in ("xyz", "abc"))
    assert singles[best].p == singles[other].p == 0
    assert best < other


def test_mining_is_deterministic() -> None:
    """The same runs give the same rules, byte for byte."""
    cases = runs(200, lambda steps, rng: rng.random() < (0.8 if "cite" not in steps else 0.1))
    assert mine(cases) == mine(list(cases))


def test_a_rule_says_itself_in_a_sentence() -> None:
    """The sentence has the condition, the count and the base rate."""
    cases = [case(["search"] * 4, True) for _ in range(20)]
    cases += [case(["search", "cite"], False) for _ in range(60)]
    (rule,) = mine(cases).rules
    assert rule_words(rule).endswith("20 of 20 failed (100 %; 25 % of all runs).")
    assert (rule.failed, rule.matched, rule.base_rate) == (20, 20, 0.25)
    assert rule.p <= rule.q < 0.05


@pytest.mark.parametrize(
    ("steps", "trait"),
    [
        (["a", "b", "a"], ("calls", "a", "", 2)),
        (["a!", "a"], ("fails", "a", "", 1)),
        (["a!", "b!"], ("errors in a row", "", "", 2)),
        (["a", "a", "a"], ("in a row", "a", "", 3)),
        (["a!", "b"], ("then", "a!", "b", 0)),
        (["a", "b", "c"], ("later", "a", "c", 0)),
        (["a", "b"], ("ends with", "b", "", 0)),
        (["a", "b"], ("at", "b", "", 2)),
        (["a=1", "b", "a=1"], ("same call", "a", "", 2)),
        (["a", "b!"], ("not recovered", "b", "", 0)),
        (["step_7", "step_9"], ("calls", "step_#", "", 2)),
    ],
)
def test_each_trait_is_seen(steps: list[str], trait: tuple[str, str, str, float]) -> None:
    """What conditions are made of is true of the runs that have it."""
    assert trait in case(steps, False).traits


def test_a_recovered_failure_is_recovered() -> None:
    """A step that failed and worked later is not among those that never did."""
    assert ("not recovered", "a", "", 0) not in case(["a!", "a"], False).traits


@given(st.lists(st.sampled_from(["a", "b!", "c=1", "a!"]), max_size=12))
def test_every_condition_has_words(steps: list[str]) -> None:
    """Any trait, its absence and any measure can be said."""
    from clustertrace.patterns.sentences import condition_words

    made = case(steps, False)
    for trait in made.traits:
        assert condition_words(Condition(trait))
    for measure in made.measures:
        assert condition_words(Condition((measure, "", "", 1.5), over=True))
