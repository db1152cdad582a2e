"""Questions about what the user entered by hand, and which runs a bulk annotation is about."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.filters import Filter
from clustertrace.store import filtering
from clustertrace.store.answers import PatternAnnotation
from clustertrace.store.connection import Connection, placeholders

__all__ = ["matching", "pattern_annotations", "saved_filters"]


def matching(conn: Connection, where: Filter) -> list[str]:
    """The ids of all traces that match, oldest first."""
    condition, params = filtering.condition(conn, where)
    rows = conn.rows(
        f"SELECT trace_id FROM traces WHERE start_ns IS NOT NULL AND {condition}"
        " ORDER BY start_ns, trace_id",
        params,
    )
    return [row[0].hex() for row in rows]


def pattern_annotations(conn: Connection, variants: Sequence[str]) -> dict[str, PatternAnnotation]:
    """What is said about these patterns; those that nothing is said about are left out."""
    marks = placeholders(variants)
    rows = conn.rows(
        "SELECT variant_id, expected, priority, note FROM variant_annotations"
        f" WHERE variant_id IN ({marks})",
        variants,
    )
    return {row[0]: PatternAnnotation(bool(row[1]), row[2], row[3]) for row in rows}


def saved_filters(conn: Connection) -> dict[str, str]:
    """Every saved filter by its name, in the order of names."""
    return dict(conn.rows("SELECT name, filter FROM saved_filters ORDER BY name"))
