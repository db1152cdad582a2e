"""A review as JSON: the numbers of the record, each with the filter that finds its traces."""

from __future__ import annotations

from typing import Any

from clustertrace.filters import condition
from clustertrace.patterns.drift_words import steps_words
from clustertrace.patterns.statistics import wilson
from clustertrace.review.commitments import Changes, Commitment
from clustertrace.review.record import DeadEnd, Dear, Review
from clustertrace.review.sections import headline
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window
from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["review_document"]

_NS_PER_HOUR = 3600 * 10**9


def review_document(found: Review) -> dict[str, Any]:
    """What `review --json` prints."""
    most = found.most_run
    return {
        "sentence": headline(found),
        "week": _week(found.window),
        "newest_ns": found.newest_ns,
        "patterns": found.patterns,
        **_sums(found.total),
        "dearest": [_session(found, one) for one in found.dear],
        "caches": [_pattern(found, one) for one in found.cache],
        "most_run": None
        if most is None
        else {
            **_pattern(found, most),
            "weeks": [
                {**_week(week.window), "finished": week.runs, "failed": week.failed}
                for week in found.trend
            ],
        },
        "dead_end_kinds": dict.fromkeys(DEAD_ENDS, 0) | dict(found.endings),
        "dead_end_sessions": [_session(found, one) for one in found.dead_ends],
        **_changes(found.changes),
    }


def _changes(changes: Changes) -> dict[str, Any]:
    return {
        "reviewed_week": _week(changes.reviewed),
        "last_change": _commitment(changes.last),
        "coming_week": _week(changes.coming),
        "next_change": _commitment(changes.planned),
        "aims": [{"aim": str(one.aim), "value": one.value} for one in changes.offers],
        "changes": [_commitment(one) for one in changes.weeks],
        "kept_in_a_row": changes.kept_in_a_row,
    }


def _commitment(one: Commitment | None) -> dict[str, Any] | None:
    if one is None:
        return None
    tested = None
    if one.tested is not None:
        made = one.tested.made
        tested = {
            "before": one.tested.before,
            "after": one.tested.after,
            "verdict": made.word,
            "p": made.p,
            "difference": made.difference,
            "interval": list(made.interval),
            "sentence": one.tested.sentence,
        }
    return {
        "week": str(one.week),
        "change": one.change,
        "aim": str(one.aim),
        "marked": None if one.kept is None else one.kept._asdict(),
        "tested": tested,
    }


def _week(given: Window) -> dict[str, Any]:
    return {
        "first": str(given.first),
        "last": str(given.last),
        "start_ns": given.start_ns,
        "end_ns": given.end_ns,
        "hours": (given.end_ns - given.start_ns) / _NS_PER_HOUR,
        "filter": given.filter,
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        **sums._asdict(),
        "failure_rate": sums.failure_rate,
        "failure_rate_interval": _interval(sums.failed, sums.finished),
        "dead_end_share": sums.dead_share,
        "dead_end_share_interval": _interval(sums.dead_ends, sums.ended),
        "cache_hit_rate": sums.hit_rate,
        "cost_per_run_usd": sums.cost_per_run,
    }


def _interval(part: int, whole: int) -> list[float] | None:
    return list(wilson(part, whole)) if whole else None


def _pattern(found: Review, one: PatternWeek) -> dict[str, Any]:
    variant = found.variants.get(one.id)
    return {
        "pattern": one.id,
        "steps": one.name if variant is None else steps_words(variant),
        **_sums(one.sums),
        "filter": f"{condition('pattern', one.id)} {found.window.filter}",
    }


def _session(found: Review, one: Dear | DeadEnd) -> dict[str, Any]:
    told = one._asdict()
    told["first_prompt"] = told.pop("said")
    if one.session_id is None:
        return {**told, "filter": condition("id", one.trace_id)}
    return {**told, "filter": f"{condition('session', one.session_id)} {found.window.filter}"}
