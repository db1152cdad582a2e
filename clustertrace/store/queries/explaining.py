"""Why a pattern fails: its runs beside their siblings, and the paths of all runs of its agent."""

from __future__ import annotations

from typing import Final

from clustertrace.patterns.cutting import Member
from clustertrace.patterns.divergence import Divergence, Node, Path, divergence, tree
from clustertrace.patterns.why import Population, Why, explain
from clustertrace.store.answers import Cluster
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.listing import whole
from clustertrace.store.queries.relating import LEVELS, Level, kin_of, relatives
from clustertrace.store.settling.variants import steps_of

__all__ = ["explained", "paths", "why"]

_FAILED_LIMIT: Final = 150
_PASSED_LIMIT: Final = 300
"""Runs of each side that are read, nearest first: their spans are looked at one by one."""
_PATTERN_LIMIT: Final = 400
"""Patterns whose paths are laid over each other, most runs first."""
_SAMPLE: Final = 100
"""Runs of a pattern from which shares are estimated: of independent ones, of those that broke."""


def explained(conn: Connection, cluster: Cluster) -> tuple[Why, Divergence | None]:
    """Why a pattern fails, and the step at which the chance of it jumps, if some run failed."""
    reasons = why(conn, cluster)
    parting = divergence(paths(conn, cluster), cluster.steps) if reasons.failed else None
    return reasons, parting


def why(conn: Connection, cluster: Cluster) -> Why:
    """What goes along with failing in a pattern, in the narrowest population that shows it."""
    members: dict[str, tuple[Level, Member]] = {}
    for failed, limit in ((True, _FAILED_LIMIT), (False, _PASSED_LIMIT)):
        nearest = relatives(conn, cluster.id, failed=failed, limit=limit)
        levels = {relative.trace_id: relative.level for relative in nearest}
        for trace in whole(conn, [bytes.fromhex(relative.trace_id) for relative in nearest]):
            level = levels[trace.trace_id]
            members[trace.trace_id] = (
                level,
                Member(
                    trace.trace_id,
                    failed,
                    trace.spans,
                    trace.session_id,
                    level == "pattern",
                    trace.tags,
                ),
            )
    populations: list[Population] = []
    for index, widest in enumerate(LEVELS):
        population = [member for level, member in members.values() if level in LEVELS[: index + 1]]
        if not populations or len(population) > len(populations[-1].members):
            populations.append(Population(widest, population))
    return explain(populations, others_left_out=kin_of(conn, cluster.id).others)


def paths(conn: Connection, cluster: Cluster) -> Node:
    """The paths of all finished runs of a pattern's root name and kind of agent as a tree."""
    families = kin_of(conn, cluster.id).families
    rows = conn.rows(
        "SELECT variant_id, variants.steps, traces - running - incomplete AS finished, failed,"
        " failed_by_outcome"
        " FROM variants JOIN variant_totals USING (variant_id)"
        f" WHERE variants.family_id IN ({placeholders(families)})"
        " AND traces > running + incomplete ORDER BY finished DESC, variant_id LIMIT ?",
        [*families, _PATTERN_LIMIT],
    )
    sessions = conn.value("SELECT 1 FROM sessions LIMIT 1")
    paths = []
    for variant, steps, runs, failed, by_outcome in rows:
        independent = [
            _independent_share(conn, variant, outcome) if sessions else 1.0 for outcome in (1, 0)
        ]
        paths.append(
            Path(
                steps_of(steps),
                runs,
                failed,
                round(failed * independent[0]) or min(failed, 1),
                round((runs - failed) * independent[1]) or min(runs - failed, 1),
                failed - by_outcome + (by_outcome and _broken_of(conn, variant, by_outcome)),
            )
        )
    return tree(paths)


def _broken_of(conn: Connection, variant: str, by_outcome: int) -> int:
    """Of so many runs that failed by an outcome, those that an error ended as well, estimated."""
    row = conn.row(
        "SELECT count(outcome), count(CASE WHEN status = 'error' THEN outcome END) FROM"
        " (SELECT outcome, status FROM traces WHERE variant_id = ? AND failed = 1"
        " ORDER BY start_ns DESC LIMIT ?)",
        (variant, _SAMPLE),
    )
    runs, broken = row or (0, 0)
    return round(by_outcome * broken / runs) if runs else 0


def _independent_share(conn: Connection, variant: str, failed: int) -> float:
    """The share of a pattern's failed (1) or passed (0) runs that count, one for each session."""
    row = conn.row(
        "SELECT count(*), count(DISTINCT session_id) + sum(session_id IS NULL) FROM"
        " (SELECT session_id FROM traces WHERE variant_id = ? AND failed = ?"
        " ORDER BY start_ns DESC LIMIT ?)",
        (variant, failed, _SAMPLE),
    )
    runs, distinct = row or (0, 0)
    return distinct / runs if runs else 0.0
