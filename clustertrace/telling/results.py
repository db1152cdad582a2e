"""How a run, or the runs of a pattern, ended: in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from clustertrace.telling.words import about_duration, called_models, count, duration, spent

if TYPE_CHECKING:
    from clustertrace.store.answers import Cluster, Side, TraceRow

__all__ = ["ending", "side_result"]

_ENDINGS: Final = {
    "ok": "ended without an error",
    "error": "ended in an error",
    "running": "not ended yet",
    "incomplete": "never ended: its process is gone",
}


def ending(outcome: str | None, status: str) -> str:
    """How a run ended: by its outcome if there is one, else by its root span."""
    if outcome is not None:
        return "passed" if outcome == "pass" else "failed"
    return _ENDINGS[status]


def side_result(side: Side) -> str:
    """How one side of a comparison ended."""
    if side.sort == "pattern":
        return _pattern_result(cast("Cluster", side.of))
    return _run_result(cast("TraceRow", side.of))


def _run_result(row: TraceRow) -> str:
    """failed · 3.1 s · $0.0213"""
    parts = [ending(row.outcome, row.status)]
    if row.duration_ns is not None:
        parts.append(duration(row.duration_ns))
    if called_models(row):
        parts.append(spent(row.cost_usd, row.unpriced_calls))
    return " · ".join(parts)


def _pattern_result(cluster: Cluster) -> str:
    """37 of 41 failed · median about 3.1 s · $0.0213 a run"""
    parts = [f"{count(cluster.failed)} of {count(cluster.count)} failed"]
    if cluster.p50_ns is not None:
        parts.append(f"median {about_duration(cluster.p50_ns)}")
    if cluster.cost_usd or cluster.unpriced_calls:
        parts.append(f"{spent(cluster.cost_each_usd, cluster.unpriced_calls)} a run")
    return " · ".join(parts)
