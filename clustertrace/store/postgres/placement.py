"""Where each table is in a database that is distributed over several nodes by trace.

Each table is in exactly one of these groups, which a test checks.
"""

from __future__ import annotations

from typing import Final

from clustertrace.store.settling.removing import TABLES

__all__ = ["BY_TRACE", "HERE", "NAMED", "SUMMED"]

BY_TRACE: Final = ("traces", *(name for name in TABLES if name != "traces"), "span_index")
"""Rows of traces, on the node of their trace. The others are colocated with the first table."""

SUMMED: Final = {
    "variant_days": ("variant_id", "day"),
    "variant_totals": ("variant_id",),
    "variant_durations": ("variant_id", "day", "bucket"),
    "sessions": ("session_id",),
    "spending": ("dimension", "name", "day"),
}
"""Roll-ups and their keys: the nodes' rows of a key add up."""

NAMED: Final = {
    "variants": ("variant_id",),
    "families": ("family_id",),
    "trait_names": ("trait_key",),
}
"""What ids mean, and their keys: the nodes' rows of a key are interchangeable."""

HERE: Final = (
    *("variant_annotations", "assertions", "commitments", "saved_filters"),
    *("templates", "template_versions"),
    *("spool_segments", "transcript_files", "transcript_turns", "turn_hosts"),
    *("copies", "state"),
)
"""User input, and how far files were read: small, and kept in one place."""
