"""What the failures page asks: patterns with their runs, and the messages of failed runs."""

from __future__ import annotations

from typing import Final

from clustertrace.filters import Filter
from clustertrace.filters.tree import And
from clustertrace.patterns.flow import PatternRuns
from clustertrace.patterns.signature import Step
from clustertrace.store import filtering
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.picking import NEWEST
from clustertrace.store.settling.variants import steps_of

__all__ = ["MESSAGES", "PATTERNS", "failure_messages", "pattern_runs", "patterns_by_tag"]

PATTERNS: Final = 2_000
"""Patterns that are looked at, those with most runs first."""

MESSAGES: Final = 2_000
"""Newest failed runs whose messages are grouped, or that are grouped by a tag."""

_ALL_PATTERN_RUNS: Final = (
    "SELECT variant_id, variants.name, variants.steps,"
    " traces - running - incomplete AS finished, failed"
    " FROM variant_totals JOIN variants USING (variant_id)"
    " WHERE traces > running + incomplete ORDER BY finished DESC, variant_id LIMIT ?"
)

_MATCHING_PATTERN_RUNS: Final = (
    "SELECT variant_id, min(variants.name), min(variants.steps), count(*) AS finished, sum(failed)"
    " FROM"
    " (SELECT variant_id, failed FROM traces WHERE +failed IS NOT NULL AND {condition}"
    "  ORDER BY start_ns DESC LIMIT :newest)"
    " JOIN variants USING (variant_id) GROUP BY variant_id"
    " ORDER BY finished DESC, variant_id LIMIT :patterns"
)
"""The plus keeps SQLite on the index by start, which gives the newest without sorting all."""


def pattern_runs(conn: Connection, where: Filter | None = None) -> list[PatternRuns]:
    """Patterns with their finished runs, at most `PATTERNS`; read from the roll-ups.

    Of a filter's runs the newest `picking.NEWEST` are counted.
    """
    if where is None:
        rows = conn.rows(_ALL_PATTERN_RUNS, (PATTERNS,))
    else:
        condition, params = filtering.condition(conn, where)
        params |= {"newest": NEWEST, "patterns": PATTERNS}
        rows = conn.rows(_MATCHING_PATTERN_RUNS.format(condition=condition), params)
    return [
        PatternRuns(variant, name, steps_of(steps), runs, failed)
        for variant, name, steps, runs, failed in rows
    ]


def failure_messages(conn: Connection, where: Filter | None = None) -> list[tuple[str, str]]:
    """Messages of the newest failed runs that have one, with the runs' ids."""
    condition, params = filtering.condition(conn, where or And(()))
    rows = conn.rows(
        "SELECT coalesce(outcome_reason, error), trace_id FROM traces"
        f" WHERE failed = 1 AND {condition} ORDER BY start_ns DESC, trace_id DESC LIMIT :newest",
        params | {"newest": MESSAGES},
    )
    return [(message, key.hex()) for message, key in rows if message]


def patterns_by_tag(
    conn: Connection, key: str, where: Filter | None = None
) -> dict[str, list[PatternRuns]]:
    """The patterns of the newest failed runs, by the value of a tag."""
    condition, params = filtering.condition(conn, where or And(()))
    rows = conn.rows(
        "SELECT value, variant_id, min(name), count(*) FROM"
        " (SELECT trace_id, variant_id, name FROM traces"
        f"  WHERE failed = 1 AND {condition} ORDER BY start_ns DESC LIMIT :newest)"
        " JOIN trace_tags USING (trace_id) WHERE key = :key"
        " GROUP BY value, variant_id ORDER BY count(*) DESC, value, variant_id",
        params | {"newest": MESSAGES, "key": key},
    )
    steps = _steps_by_variant(conn, {row[1] for row in rows})
    patterns: dict[str, list[PatternRuns]] = {}
    for value, variant, name, runs in rows:
        pattern = PatternRuns(variant, name, steps.get(variant, ()), runs, runs)
        patterns.setdefault(value, []).append(pattern)
    return patterns


def _steps_by_variant(conn: Connection, variants: set[str]) -> dict[str, tuple[Step, ...]]:
    """The steps of these patterns, which are at most as many as `MESSAGES`."""
    marks = placeholders(variants)
    sql = f"SELECT variant_id, steps FROM variants WHERE variant_id IN ({marks})"
    return {variant: steps_of(steps) for variant, steps in conn.rows(sql, sorted(variants))}
