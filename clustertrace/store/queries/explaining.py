"""Why a pattern fails: its runs beside their siblings, and the paths of all runs of its root."""

from __future__ import annotations

from typing import Final

from clustertrace.patterns.cutting import Member
from clustertrace.patterns.divergence import Node, Path, tree
from clustertrace.patterns.why import Population, Why, explain
from clustertrace.store.answers import Cluster
from clustertrace.store.connection import Connection
from clustertrace.store.queries.listing import whole
from clustertrace.store.queries.relating import LEVELS, Level, relatives
from clustertrace.store.settling.variants import steps_of

__all__ = ["paths", "why"]

_FAILED: Final = 150
_PASSED: Final = 300
"""Runs of each side that are read, nearest first: their spans are looked at one by one."""
_PATTERNS: Final = 400
"""Patterns whose paths are laid over each other, most runs first."""
_SESSIONS: Final = 100
"""Runs of a pattern from which the share of independent ones is estimated."""


def why(conn: Connection, cluster: Cluster) -> Why:
    """What goes along with failing in a pattern, in the narrowest population that shows it."""
    members: dict[str, tuple[Level, Member]] = {}
    for failed, limit in ((True, _FAILED), (False, _PASSED)):
        near = relatives(conn, cluster.id, failed=failed, limit=limit)
        levels = {one.trace_id: one.level for one in near}
        for trace in whole(conn, [bytes.fromhex(one.trace_id) for one in near]):
            level = levels[trace.trace_id]
            members[trace.trace_id] = (
                level,
                Member(trace.trace_id, failed, trace.spans, trace.session_id, level == "pattern"),
            )
    populations: list[Population] = []
    for at, widest in enumerate(LEVELS):
        inside = [member for level, member in members.values() if level in LEVELS[: at + 1]]
        if not populations or len(inside) > len(populations[-1].members):
            populations.append(Population(widest, inside))
    return explain(populations)


def paths(conn: Connection, name: str) -> Node:
    """The paths of all finished runs of a root name (a pattern's `name`) as a tree."""
    rows = conn.rows(
        "SELECT variant_id, variants.steps, traces - running - incomplete AS finished, failed"
        " FROM families JOIN variants USING (family_id)"
        " JOIN variant_totals USING (variant_id) WHERE families.name = ?"
        " AND traces > running + incomplete ORDER BY finished DESC, variant_id LIMIT ?",
        (name, _PATTERNS),
    )
    sessions = conn.value("SELECT 1 FROM sessions LIMIT 1")
    made = []
    for variant, steps, runs, failed in rows:
        alone = [_independent(conn, variant, bad) if sessions else 1.0 for bad in (1, 0)]
        made.append(
            Path(
                steps_of(steps),
                runs,
                failed,
                round(failed * alone[0]) or min(failed, 1),
                round((runs - failed) * alone[1]) or min(runs - failed, 1),
            )
        )
    return tree(made)


def _independent(conn: Connection, variant: str, failed: int) -> float:
    """The share of a pattern's failed (1) or passed (0) runs that count, one for each session."""
    row = conn.row(
        "SELECT count(*), count(DISTINCT session_id) + sum(session_id IS NULL) FROM"
        " (SELECT session_id FROM traces WHERE variant_id = ? AND failed = ?"
        " ORDER BY start_ns DESC LIMIT ?)",
        (variant, failed, _SESSIONS),
    )
    runs, distinct = row or (0, 0)
    return distinct / runs if runs else 0.0
