"""Where each table is once a database is spread over several nodes by trace.

Each table is in exactly one of these groups; a test compares them with the tables.
"""

from __future__ import annotations

from typing import Final

from clustertrace.store.settling.removing import TABLES

__all__ = ["BY_TRACE", "HERE", "NAMED", "SUMMED"]

BY_TRACE: Final = ("traces", *(name for name in TABLES if name != "traces"), "span_index")
"""Rows of traces: on the node of their trace. The first is the one that the others lie beside."""

SUMMED: Final = {
    "variant_days": ("variant_id", "day"),
    "variant_totals": ("variant_id",),
    "variant_durations": ("variant_id", "day", "bucket"),
    "sessions": ("session_id",),
    "spending": ("dimension", "name", "day"),
}
"""Roll-ups, and their keys: what nodes hold of a key adds up."""

NAMED: Final = {
    "variants": ("variant_id",),
    "families": ("family_id",),
    "trait_names": ("trait_key",),
}
"""What ids stand for, and their keys: any node's word is as good as another's."""

HERE: Final = (
    *("variant_annotations", "assertions", "commitments", "saved_filters"),
    *("templates", "template_versions"),
    *("spool_segments", "transcript_files", "transcript_turns", "turn_hosts"),
    *("copies", "state"),
)
"""What users say, and how far files were read: small, and needed in one place."""
