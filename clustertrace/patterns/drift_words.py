"""Drift in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clustertrace.patterns.drift import FEW, MOST_RUNS, Change, Drift
from clustertrace.patterns.signature import Variant
from clustertrace.telling.plain import NO_NAME
from clustertrace.telling.words import chance, count, counted, duration, money, share, step_text

__all__ = ["change_words", "drift_document", "steps_words", "summary_words"]


def summary_words(drift: Drift) -> str:
    """The windows, what was tried, and whether anything is significant."""
    if not drift.runs_before or not drift.runs_after:
        empty = "earlier" if not drift.runs_before else "later"
        return f"The {empty} window has no finished runs, so there is nothing to compare."
    found = sum(change.significant for change in drift.changes)
    verdict = counted(found, "significant change") if found else "No evidence of drift"
    sure = ""
    if drift.overall is not None and drift.overall.significant:
        more = "more" if drift.overall.after > drift.overall.before else "less"
        verdict = f"{verdict}, and" if found else "No significant change of a pattern, but"
        verdict += f" runs fail {more} in all"
        sure = f" ({_sure(drift.overall)})"
    small = min(drift.runs_before, drift.runs_after)
    few = f" With {counted(small, 'run')} in a window, little can be said." if small < FEW else ""
    return (
        f"{verdict}: {drift.failed_before} of {_newest(drift.runs_before)}"
        f"{counted(drift.runs_before, 'run')} failed before, {drift.failed_after} of "
        f"{_newest(drift.runs_after)}{count(drift.runs_after)} after{sure}; "
        f"{counted(drift.tried, 'comparison')}, corrected together.{few}"
    )


def _newest(runs: int) -> str:
    """What a window of so many runs says that may have more."""
    return "the newest " if runs >= MOST_RUNS else ""


def change_words(change: Change) -> str:
    """What changed about a pattern, as a part of a sentence that ends with how sure it is."""
    before, after = change.before, change.after
    match what := change.what:
        case "new":
            said = f"new: {counted(change.runs_after, 'run')}, {share(round(after, 3))} of all"
        case "gone":
            said = f"gone: was {counted(change.runs_before, 'run')}, {share(round(before, 3))}"
        case "share":
            said = (
                f"{'more' if after > before else 'less'} often: {share(round(before, 3))} of all "
                f"before ({counted(change.runs_before, 'run')}), {share(round(after, 3))} "
                f"({counted(change.runs_after, 'run')})"
            )
        case "failure rate":
            said = (
                f"fails {'more' if after > before else 'less'}: {share(round(before, 2))} of "
                f"{change.runs_before} before, {share(round(after, 2))} of {change.runs_after}"
            )
        case "cost":
            more = "dearer" if after > before else "cheaper"
            said = _medians_words(what, more, money(before), money(after))
        case "duration":
            more = "slower" if after > before else "faster"
            said = _medians_words(what, more, duration(round(before)), duration(round(after)))
    sure = _sure(change)
    if not change.significant:
        sure += ", may be chance"
    elif change.few:
        sure += ", few runs"
    return f"{said} ({sure})"


def _medians_words(what: str, more: str, before: str, after: str) -> str:
    if before == after:
        return f"{what} differs in part: median {after} before and after"
    return f"{more}: median {before} before, {after}"


def _sure(change: Change) -> str:
    return f"p {chance(change.p)}, q {chance(change.q)}"


def steps_words(variant: Variant) -> str:
    """A pattern on one line."""
    steps = " → ".join(step_text(step) for step in variant.steps) or "no steps"
    return f"{variant.name or NO_NAME}: {steps}"


def drift_document(drift: Drift, variants: Mapping[str, Variant]) -> dict[str, Any]:
    """What `drift --json` prints."""
    return {
        "before": {"runs": drift.runs_before, "failed": drift.failed_before},
        "after": {"runs": drift.runs_after, "failed": drift.failed_after},
        "tried": drift.tried,
        "sentence": summary_words(drift),
        "significant": drift.significant,
        "overall": None if drift.overall is None else _change(drift.overall),
        "changes": [
            _pattern(variants[change.pattern]) | _change(change) for change in drift.changes
        ],
    }


def _pattern(variant: Variant) -> dict[str, Any]:
    return {
        "pattern": variant.id,
        "name": variant.name,
        "steps": [step_text(step) for step in variant.steps],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "sentence": change_words(change),
        "before": change.before,
        "after": change.after,
        "runs_before": change.runs_before,
        "runs_after": change.runs_after,
        "p": change.p,
        "q": change.q,
        "significant": change.significant,
        "few_runs": change.few,
        "sample_trace_id": change.sample,
    }
