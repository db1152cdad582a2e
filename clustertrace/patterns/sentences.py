"""Failure rules in words: what the runs that fail more often have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clustertrace.patterns.conditions import Condition
from clustertrace.patterns.rules import Mined, Q, Rule
from clustertrace.patterns.statistics import fisher_greater
from clustertrace.telling.words import counted, duration, percent

__all__ = [
    "TAG_CAVEAT",
    "condition_words",
    "needed_words",
    "nothing_words",
    "rule_words",
    "runs_needed",
    "tags_note",
    "tried_words",
]

TAG_CAVEAT: Final = "A tag may also be a label that runs got for how they went."

_MOST_TIMES: Final = 100
"""So many times today's runs are thought of: who has a hundred runs may well get ten thousand."""


def rule_words(rule: Rule) -> str:
    """One sentence: the conditions, and how often runs failed where they hold and at all."""
    said = " and ".join(condition_words(condition) for condition in rule.conditions)
    return (
        f"{said[:1].upper()}{said[1:]}: {rule.failed} of {rule.matched} failed "
        f"({percent(rule.failed / rule.matched)}; {percent(rule.base_rate)} of all runs)."
    )


def nothing_words(mined: Mined, expected: int = 0) -> str:
    """Why there is no rule, and what it would take to see one; `expected` failures left out."""
    if expected and not mined.failed:
        return f"Only runs failed whose failures are expected ({expected:,}): nothing to explain."
    if not mined.runs:
        return (
            "There are no finished runs to learn from. Those that an older version stored need "
            "`clustertrace backfill-signatures` first."
        )
    left_out = f", with {counted(expected, 'expected failure')} left out" if expected else ""
    if mined.runs == 1:
        went = "failed" if mined.failed else "did not fail"
        return f"The only run {went}{left_out}: there is nothing to compare it with."
    if not mined.failed:
        return f"None of the {mined.runs:,} runs failed, so there is nothing to explain."
    if mined.failed == mined.runs:
        failed = f"All {mined.runs:,} runs failed{left_out}"
        return f"{failed}: there is no success to compare them with."
    needed = needed_words(mined.runs, mined.failed, mined.tried)
    return (
        f"No significant pattern in what runs did: {tried_words(mined.tried)} on "
        f"{mined.runs:,} runs, {mined.failed:,} of them failed. {needed}"
    )


def tags_note(of_tags: Mined) -> str:
    """What was asked about tags, apart from all else, in a sentence or two; or nothing."""
    if not of_tags.tried:
        return ""
    tried = tried_words(of_tags.tried, " on tags")
    if of_tags.rules:
        return f"{tried} apart from that. {TAG_CAVEAT}"
    return f"{tried} apart from that; none is significant."


def tried_words(tried: int, about: str = "") -> str:
    """1 condition was tried; about ` on tags`: 2 conditions on tags were tried"""
    return f"{counted(tried, 'condition')}{about} {'was' if tried == 1 else 'were'} tried"


def needed_words(runs: int, failed: int, tried: int) -> str:
    """What more runs could show, in a sentence (`runs_needed`)."""
    match runs_needed(runs, failed, tried):
        case None:
            return "More runs of this kind would hardly show one."
        case 0:
            return "One that sets half of the failures apart would have shown."
        case more:
            more_runs = counted(more, "more run")
            return f"About {more_runs} could show what sets half of the failures apart."


def runs_needed(runs: int, failed: int, tried: int) -> int | None:
    """More runs after which a condition with half of the failures would be significant.

    `failed` of `runs` runs failed, and `tried` conditions were tried on them. It supposes a
    condition that half of the failures and a tenth of the passes meet, and today's failure rate;
    a rough guide, found by trying larger and larger numbers. 0: these runs would have shown it;
    None: not even `_MOST_TIMES` as many would.
    """
    bound = Q / max(tried, 1)
    more = runs
    while more <= runs * _MOST_TIMES:
        lost = max(1, round(more * failed / runs))
        hit, chance = round(lost / 2), round((more - lost) / 10)
        if hit and fisher_greater(hit, hit + chance, lost, more) <= bound:
            return more - runs
        more = more + max(1, more // 10)
    return None


def condition_words(condition: Condition) -> str:
    """A condition as a part of a sentence."""
    (what, step, other, number), negated, over = condition
    if over:
        return _MEASURES[what].format(_amount(number))
    if what == "tag":
        return f"the tag `{step}` is `{other}`" if other else f"the tag `{step}` is empty"
    if negated:
        return f"`{step}` never {'failed' if what == 'fails' else 'called'}"
    return _WORDS[what](_named(step), _named(other), int(number))


def _named(step: str) -> str:
    """A step with what its mark says."""
    return f"a failed `{step[:-1]}`" if step.endswith("!") else f"`{step}`" if step else ""


def _times(count: int) -> str:
    return {1: "", 2: " twice or more"}.get(count, f" {count} times or more")


def _repeated(step: str, count: int) -> str:
    if count > 2:
        return f"{step + ' called' if step else 'a call made'}{_times(count)}"
    return f"{step} called again" if step else "a call repeated"


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


_MEASURES: Final = {
    "input tokens": "tokens read: {} or more",
    "output tokens": "tokens written: {} or more",
    "different steps": "different steps: {} or more",
    "argument bytes": "arguments of {} bytes or more altogether",
    "result bytes": "results of {} bytes or more altogether",
    "longest argument": "arguments of {} bytes or more in one step",
    "last argument": "arguments of {} bytes or more in the last step",
    "last result": "a result of {} bytes or more from the last step",
}

_ANSWERS: Final = {
    "max_tokens": "an answer of the model that was cut off at its limit of tokens",
    "refusal": "an answer that the model refused",
}

_WORDS: Final[dict[str, Callable[[str, str, int], str]]] = {
    "calls": lambda step, _, n: f"{step} called{_times(n)}",
    "fails": lambda step, _, n: f"{step} failed{_times(n)}",
    "steps": lambda *a: "a step" if a[2] == 1 else f"{a[2]} steps or more",
    "model calls": lambda *a: "a model call" if a[2] == 1 else f"{a[2]} model calls or more",
    "user turns": lambda *a: (
        "a turn of the user" if a[2] == 1 else f"{a[2]} turns of the user or more"
    ),
    "errors": lambda *a: "a failed step" if a[2] == 1 else f"{a[2]} failed steps or more",
    "in a row": lambda step, _, n: f"{step} {n} times in a row or more",
    "errors in a row": lambda *a: f"{a[2]} failed steps in a row or more",
    "then": lambda step, other, _: f"{other} directly after {step}",
    "later": lambda step, other, _: f"{other} some time after {step}",
    "ends with": lambda step, *_: f"{step} as the last step",
    "at": lambda step, _, n: f"{step} as step {n}",
    "same call": lambda step, _, n: f"{_repeated(step, n)} with the same arguments",
    "same result": lambda step, *_: f"the same result from {step} more than once",
    "empty": lambda step, *_: f"an empty result from {step}",
    "error text": lambda step, *_: (
        f"an error message as the result of {step or 'a step that did not fail'}"
    ),
    "not recovered": lambda step, *_: f"{step or 'a step'} that failed and never worked afterwards",
    "model": lambda step, *_: f"the model {step}",
    "pace": lambda step, _, n: f"{step} took {duration(n)} or more a call",
    "answer": lambda step, *_: _ANSWERS[step.strip("`")],
}
