"""Why a pattern fails, in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clustertrace.patterns.divergence import END, Divergence
from clustertrace.patterns.documents import condition_document
from clustertrace.patterns.sentences import (
    TAG_CAVEAT,
    condition_words,
    needed_words,
    runs_needed,
    tried_words,
)
from clustertrace.patterns.signature import Step
from clustertrace.patterns.why import Difference, Why
from clustertrace.telling.words import chance, counted, step_text

__all__ = [
    "broke_words",
    "compared_words",
    "difference_words",
    "divergence_words",
    "nothing_words",
    "why_document",
]

_PLACES: Final = 3
"""Steps at which runs broke that a sentence names."""

_POPULATIONS = {
    "pattern": "that took these steps",
    "family": "of this family of patterns",
    "name": "of the same root span",
}


def difference_words(one: Difference) -> str:
    """One sentence: what goes along with failing, and how often it held on both sides."""
    said = " and ".join(condition_words(condition) for condition in one.conditions)
    return (
        f"{said[:1].upper()}{said[1:]}: {one.failed} of {one.all_failed} failed runs, "
        f"{one.passed} of {one.all_passed} that did not fail."
    )


def broke_words(why: Why) -> str | None:
    """Where runs of the pattern were ended by an error, of a call or of their own; None if none."""
    of_all = f"of {counted(why.failed, 'failed run')}"
    sentences = []
    if why.broke_at:
        places = _places(why.broke_at, "at")
        broken = sum(count for _, count in why.broke_at)
        sentences.append(f"A call failed for good in {broken} {of_all}: {places}.")
    if why.raised_after:
        places = _places(why.raised_after, "after")
        ended = sum(count for _, count in why.raised_after)
        sentences.append(
            f"An error outside of any recorded call ended {ended} {of_all}: {places}, which worked."
        )
    return " ".join(sentences) or None


def _places(runs_by_step: Sequence[tuple[str, int]], where: str) -> str:
    """The steps with most runs, and how many runs the others have."""
    shown = [f"{runs:,} {where} `{step}`" for step, runs in runs_by_step[:_PLACES]]
    if others := sum(runs for _, runs in runs_by_step[_PLACES:]):
        shown.append(f"{others:,} {where} others")
    return ", ".join(shown)


def compared_words(why: Why) -> str:
    """What was compared with what."""
    has_tag = any(
        condition.trait[0] == "tag" for one in why.differences for condition in one.conditions
    )
    tags = f" {TAG_CAVEAT}" if has_tag else ""
    left = f"; {why.left_out} ended too early to be compared" if why.left_out else ""
    return (
        f"{counted(why.all_failed, 'failed run')} against {why.all_passed} that did not fail, of "
        f"those {_POPULATIONS[why.level]}, up to where they failed{left}. "
        f"{tried_words(why.tried)}. This says what goes along with failing, not what causes it."
        f"{tags}{_unlike(why)}"
    )


def nothing_words(why: Why) -> str:
    """Why no difference is reported, and what it would take to see one."""
    if not why.failed:
        return "No run of this pattern failed, so there is nothing to explain."
    if not why.all_passed:
        nothing = "Every comparable run failed, so there is nothing to compare them with."
        return nothing + _unlike(why)
    failed, passed = counted(why.all_failed, "failed run"), why.all_passed
    if not why.tried:
        return (
            f"No evidence: {failed} and {passed} that did not fail are too few to compare, or did "
            f"the same.{_unlike(why)}"
        )
    more = needed_words(why.all_failed + passed, why.all_failed, why.tried)
    nothing = (
        "No evidence of what leads there" if why.broke_at or why.raised_after else "No evidence"
    )
    return (
        f"{nothing}: nothing tells {failed} from {passed} that did not fail, of "
        f"{counted(why.tried, 'condition')} that {'was' if why.tried == 1 else 'were'} tried. "
        f"{more} What prompts and results say is not compared, nor when runs began.{_unlike(why)}"
    )


def _unlike(why: Why) -> str:
    """What was left out, where runs of the same root name were or would have been compared."""
    if not why.others_left_out or (why.differences and why.level != "name"):
        return ""
    return (
        " Runs that have the same root name but share no step are left out, as those of another "
        "kind of agent."
    )


def divergence_words(one: Divergence) -> str:
    """Where the paths part, and what becomes of the runs that go either way."""
    way = f"After {_steps(one.path)}, " if one.path else ""
    step = "ended there" if one.step == END else f"took `{step_text(one.step)}`"
    instead = f" (mostly {_ways(one.others[:3])})" if one.others else ""
    left = f" Not counted: {counted(one.left_out, 'run')} that broke there." if one.left_out else ""
    text = (
        f"{way}{one.failed} of the {one.runs} runs that {step} failed, against {one.other_failed} "
        f"of the {one.other_runs} that went another way{instead}; p {chance(one.p)}.{left}"
    )
    return text[:1].upper() + text[1:]


def _ways(steps: Sequence[Step]) -> str:
    return ", ".join("ended there" if step == END else f"`{step_text(step)}`" for step in steps)


def _steps(steps: Sequence[Step]) -> str:
    shown = [f"`{step_text(step)}`" for step in steps]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:2], "…", *shown[-3:]])


def why_document(pattern: str, name: str, why: Why, parting: Divergence | None) -> dict[str, Any]:
    """What `why --json` prints."""
    document: dict[str, Any] = {
        "pattern": pattern,
        "name": name,
        "failed": why.failed,
        "population": why.level,
        "compared": {
            "failed": why.all_failed,
            "passed": why.all_passed,
            "left_out": why.left_out,
            "others_left_out": why.others_left_out,
        },
        "tried": why.tried,
        "broke_at": [{"step": step, "runs": count} for step, count in why.broke_at],
        "raised_after": [{"step": step, "runs": count} for step, count in why.raised_after],
        "differences": [_difference(one) for one in why.differences],
        "divergence": None if parting is None else _divergence(parting),
    }
    if not why.differences:
        document["why_none"] = nothing_words(why)
        if why.all_failed and why.all_passed:
            runs = why.all_failed + why.all_passed
            document["more_runs"] = runs_needed(runs, why.all_failed, why.tried)
    return document


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "sentence": difference_words(one),
        "conditions": [condition_document(condition) for condition in one.conditions],
        "failed": one.failed,
        "all_failed": one.all_failed,
        "passed": one.passed,
        "all_passed": one.all_passed,
        "p": one.p,
        "q": one.q,
        "evidence_trace_ids": one.evidence,
        "contrast_trace_ids": one.contrast,
    }


def _divergence(one: Divergence) -> dict[str, Any]:
    return {
        "sentence": divergence_words(one),
        "after": [step_text(step) for step in one.path],
        "step": None if one.step == END else step_text(one.step),
        "place": len(one.path) + 1,
        "failed": one.failed,
        "runs": one.runs,
        "other_failed": one.other_failed,
        "other_runs": one.other_runs,
        "others": [None if step == END else step_text(step) for step in one.others],
        "p": one.p,
        "left_out": one.left_out,
    }
