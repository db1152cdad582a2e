"""A review as JSON, with the filters that find the counted traces."""

from __future__ import annotations

from typing import Any

from clustertrace.filters import condition
from clustertrace.patterns.drift_words import steps_words
from clustertrace.patterns.statistics import wilson
from clustertrace.review.commitments import Changes, Commitment
from clustertrace.review.record import DeadEnd, Review, SessionCost
from clustertrace.review.sections import headline
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window
from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["review_document"]

_NS_PER_HOUR = 3600 * 10**9


def review_document(review: Review) -> dict[str, Any]:
    """What `review --json` prints."""
    most_run = review.most_run
    return {
        "sentence": headline(review),
        "week": _week(review.window),
        "newest_ns": review.newest_ns,
        "patterns": review.patterns,
        **_sums(review.total),
        "dearest": [_session(review, item) for item in review.dearest],
        "caches": [_pattern(review, item) for item in review.cache],
        "most_run": None
        if most_run is None
        else {
            **_pattern(review, most_run),
            "weeks": [
                {**_week(week.window), "finished": week.runs, "failed": week.failed}
                for week in review.trend
            ],
        },
        "dead_end_kinds": dict.fromkeys(DEAD_ENDS, 0) | dict(review.endings),
        "dead_end_sessions": [_session(review, item) for item in review.dead_ends],
        **_changes(review.changes),
    }


def _changes(changes: Changes) -> dict[str, Any]:
    return {
        "reviewed_week": _week(changes.reviewed),
        "last_change": _commitment(changes.last),
        "coming_week": _week(changes.coming),
        "next_change": _commitment(changes.planned),
        "aims": [{"aim": str(change.aim), "value": change.value} for change in changes.offers],
        "changes": [_commitment(change) for change in changes.weeks],
        "kept_in_a_row": changes.kept_in_a_row,
    }


def _commitment(commitment: Commitment | None) -> dict[str, Any] | None:
    if commitment is None:
        return None
    tested = None
    if commitment.tested is not None:
        verdict = commitment.tested.verdict
        tested = {
            "before": commitment.tested.before,
            "after": commitment.tested.after,
            "verdict": verdict.word,
            "p": verdict.p,
            "difference": verdict.difference,
            "interval": list(verdict.interval),
            "sentence": commitment.tested.sentence,
        }
    return {
        "week": str(commitment.week),
        "change": commitment.change,
        "aim": str(commitment.aim),
        "marked": None if commitment.kept is None else commitment.kept._asdict(),
        "tested": tested,
    }


def _week(window: Window) -> dict[str, Any]:
    return {
        "first": str(window.first),
        "last": str(window.last),
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "hours": (window.end_ns - window.start_ns) / _NS_PER_HOUR,
        "filter": window.filter,
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


def _pattern(review: Review, pattern: PatternWeek) -> dict[str, Any]:
    variant = review.variants.get(pattern.id)
    return {
        "pattern": pattern.id,
        "steps": pattern.name if variant is None else steps_words(variant),
        **_sums(pattern.sums),
        "filter": f"{condition('pattern', pattern.id)} {review.window.filter}",
    }


def _session(review: Review, session: SessionCost | DeadEnd) -> dict[str, Any]:
    if session.session_id is None:
        runs = condition("id", session.trace_id)
    else:
        runs = f"{condition('session', session.session_id)} {review.window.filter}"
    return {**session._asdict(), "filter": runs}
