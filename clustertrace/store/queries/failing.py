"""What the failures page asks: patterns with their runs, and the messages of failed runs."""

from __future__ import annotations

from typing import Final

from clustertrace.patterns.flow import PatternRuns
from clustertrace.store.connection import Connection
from clustertrace.store.variants import steps_of

__all__ = ["MESSAGES", "PATTERNS", "failure_messages", "pattern_runs", "patterns_by_tag"]

PATTERNS: Final = 2_000
"""Patterns that are looked at, those with most runs first."""

MESSAGES: Final = 2_000
"""Newest failed runs whose messages are grouped, or that are grouped by a tag."""

_RUNS: Final = (
    "SELECT variant_id, variants.name, variants.steps,"
    " sum(traces - running - incomplete) AS finished, sum(failed)"
    " FROM variant_days JOIN variants USING (variant_id) GROUP BY variant_id"
    " HAVING finished > 0 ORDER BY finished DESC, variant_id LIMIT ?"
)


def pattern_runs(conn: Connection) -> list[PatternRuns]:
    """Patterns with their finished runs, at most `PATTERNS`; read from the roll-ups."""
    return [
        PatternRuns(variant, name, steps_of(steps), runs, failed)
        for variant, name, steps, runs, failed in conn.rows(_RUNS, (PATTERNS,))
    ]


def failure_messages(conn: Connection) -> list[tuple[str, str]]:
    """Messages of the newest failed runs that have one, with the runs' ids."""
    rows = conn.rows(
        "SELECT coalesce(outcome_reason, error), trace_id FROM traces WHERE failed = 1"
        " ORDER BY start_ns DESC, trace_id LIMIT ?",
        (MESSAGES,),
    )
    return [(message, key.hex()) for message, key in rows if message]


def patterns_by_tag(conn: Connection, key: str) -> dict[str, list[PatternRuns]]:
    """The patterns of the newest failed runs, by the value of a tag."""
    rows = conn.rows(
        "SELECT value, variant_id, name, count(*) FROM"
        " (SELECT trace_id, variant_id, name FROM traces WHERE failed = 1"
        "  ORDER BY start_ns DESC LIMIT :newest)"
        " JOIN trace_tags USING (trace_id) WHERE key = :key"
        " GROUP BY value, variant_id ORDER BY count(*) DESC, value, variant_id",
        {"newest": MESSAGES, "key": key},
    )
    known = {
        variant: steps_of(steps)
        for variant, steps in conn.rows("SELECT variant_id, steps FROM variants")
    }
    found: dict[str, list[PatternRuns]] = {}
    for value, variant, name, runs in rows:
        one = PatternRuns(variant, name, known.get(variant, ()), runs, runs)
        found.setdefault(value, []).append(one)
    return found
