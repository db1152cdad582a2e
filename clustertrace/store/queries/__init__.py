"""The read side: every query of a page, a command or another interface.

Each function takes a connection from `Store.read()` and answers with the records of
clustertrace.store.answers. Totals come from the roll-ups, so they cost the same however many
traces there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustertrace.late import late

if TYPE_CHECKING:
    from clustertrace.store.queries.annotating import matching, pattern_annotations, saved_filters
    from clustertrace.store.queries.arriving import Backlog, backlog, newest_span
    from clustertrace.store.queries.comparing import before_and_after, failures_by, sides
    from clustertrace.store.queries.conversing import session, session_breaks, sessions
    from clustertrace.store.queries.costing import spending, spending_in_sessions
    from clustertrace.store.queries.describing import Description, description
    from clustertrace.store.queries.drifting import runs_by_pattern, variants_of
    from clustertrace.store.queries.explaining import explained, paths, why
    from clustertrace.store.queries.failing import failure_messages, pattern_runs, patterns_by_tag
    from clustertrace.store.queries.grouping import ClusterOrder
    from clustertrace.store.queries.learning import learned, learned_of_tags, runs_noted
    from clustertrace.store.queries.listing import (
        COUNTED,
        TraceOrder,
        beside_in_session,
        days,
        export,
        has_traces,
        known_traces,
        latest,
        lines,
        newest,
        spans_state,
        trace,
        trace_id,
        trace_row,
        traces,
    )
    from clustertrace.store.queries.measuring import (
        matching_metrics,
        metric_names,
        metric_values,
        tags_of,
    )
    from clustertrace.store.queries.naming import Named, named
    from clustertrace.store.queries.patterns import (
        cluster,
        cluster_or_of,
        clusters,
        failed_runs,
        families,
        members,
    )
    from clustertrace.store.queries.relating import relatives, siblings, suspects_of
    from clustertrace.store.queries.reviewing import review
    from clustertrace.store.queries.searching import facets, search
    from clustertrace.store.queries.stepping import Step, steps
    from clustertrace.store.queries.totals import overview
    from clustertrace.store.queries.vocabulary import (
        models,
        names,
        tag_keys,
        tag_keys_of,
        tag_values,
    )

__all__ = [
    "COUNTED",
    "Backlog",
    "ClusterOrder",
    "Description",
    "Named",
    "Step",
    "TraceOrder",
    "backlog",
    "before_and_after",
    "beside_in_session",
    "cluster",
    "cluster_or_of",
    "clusters",
    "days",
    "description",
    "explained",
    "export",
    "facets",
    "failed_runs",
    "failure_messages",
    "failures_by",
    "families",
    "has_traces",
    "known_traces",
    "latest",
    "learned",
    "learned_of_tags",
    "lines",
    "matching",
    "matching_metrics",
    "members",
    "metric_names",
    "metric_values",
    "models",
    "named",
    "names",
    "newest",
    "newest_span",
    "overview",
    "paths",
    "pattern_annotations",
    "pattern_runs",
    "patterns_by_tag",
    "relatives",
    "review",
    "runs_by_pattern",
    "runs_noted",
    "saved_filters",
    "search",
    "session",
    "session_breaks",
    "sessions",
    "siblings",
    "sides",
    "spans_state",
    "spending",
    "spending_in_sessions",
    "steps",
    "suspects_of",
    "tag_keys",
    "tag_keys_of",
    "tag_values",
    "tags_of",
    "trace",
    "trace_id",
    "trace_row",
    "traces",
    "variants_of",
    "why",
]

# A command loads what it asks.
if not TYPE_CHECKING:
    __getattr__ = late(
        __name__,
        {
            "annotating": ["matching", "pattern_annotations", "saved_filters"],
            "comparing": ["before_and_after", "failures_by", "sides"],
            "describing": ["Description", "description"],
            "drifting": ["runs_by_pattern", "variants_of"],
            "explaining": ["explained", "paths", "why"],
            "failing": ["failure_messages", "pattern_runs", "patterns_by_tag"],
            "grouping": ["ClusterOrder"],
            "learning": ["learned", "learned_of_tags", "runs_noted"],
            "measuring": ["matching_metrics", "metric_names", "metric_values", "tags_of"],
            "naming": ["Named", "named"],
            "arriving": ["Backlog", "backlog", "newest_span"],
            "patterns": [
                "cluster",
                "cluster_or_of",
                "clusters",
                "failed_runs",
                "families",
                "members",
            ],
            "totals": ["overview"],
            "reviewing": ["review"],
            "searching": ["facets", "search"],
            "conversing": ["session", "session_breaks", "sessions"],
            "relating": ["relatives", "siblings", "suspects_of"],
            "costing": ["spending", "spending_in_sessions"],
            "stepping": ["Step", "steps"],
            "listing": [
                "COUNTED",
                "TraceOrder",
                "beside_in_session",
                "days",
                "export",
                "has_traces",
                "known_traces",
                "latest",
                "lines",
                "newest",
                "spans_state",
                "trace",
                "trace_id",
                "trace_row",
                "traces",
            ],
            "vocabulary": ["models", "names", "tag_keys", "tag_keys_of", "tag_values"],
        },
    )
