"""The answers of the read side: small frozen records, no SQL and no I/O.

Every interface of the product (pages, commands, MCP, snapshots) gets these and nothing else.
Times are nanoseconds since the Unix epoch, durations nanoseconds, costs US dollars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustertrace.late import late

if TYPE_CHECKING:
    from clustertrace.patterns.signature import Step
    from clustertrace.store.answers.patterns import (
        Cluster,
        ClusterPage,
        Day,
        Family,
        FamilyPage,
        PatternAnnotation,
    )
    from clustertrace.store.answers.search import Facets, Hit, HitPage, Passage
    from clustertrace.store.answers.sides import Side
    from clustertrace.store.answers.totals import Overview
    from clustertrace.store.answers.traces import TracePage, TraceRow

__all__ = [
    "Cluster",
    "ClusterPage",
    "Day",
    "Facets",
    "Family",
    "FamilyPage",
    "Hit",
    "HitPage",
    "Overview",
    "Passage",
    "PatternAnnotation",
    "Side",
    "Step",
    "TracePage",
    "TraceRow",
]

# A frozen record takes a millisecond to define: a command loads those that it shows.
if not TYPE_CHECKING:
    __getattr__ = late(
        __name__,
        {
            "patterns": [
                *("Step", "Day", "PatternAnnotation"),
                *("Cluster", "ClusterPage", "Family", "FamilyPage"),
            ],
            "search": ["Hit", "Facets", "HitPage", "Passage"],
            "sides": ["Side"],
            "totals": ["Overview"],
            "traces": ["TraceRow", "TracePage"],
        },
    )
