"""Windows of time by pattern, for what changed between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from clustertrace.filters import Filter
from clustertrace.patterns.drift import MOST_RUNS, Run
from clustertrace.patterns.signature import Variant
from clustertrace.store import filtering
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling.variants import steps_of

__all__ = ["runs_by_pattern", "variants_of"]


def runs_by_pattern(conn: Connection, where: Filter) -> Mapping[str, Sequence[Run]]:
    """The newest finished runs that match, at most MOST_RUNS, by the id of their pattern."""
    condition, params = filtering.condition(conn, where)
    runs: dict[str, list[Run]] = defaultdict(list)
    for variant, trace_id, failed, duration_ns, cost, unpriced, session in conn.rows(
        "SELECT variant_id, trace_id, failed, duration_ns, cost_usd, unpriced_calls, session_id"
        # The plus keeps SQLite on the index by start, which gives the newest without sorting all.
        f" FROM traces WHERE +failed IS NOT NULL AND {condition}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :newest",
        params | {"newest": MOST_RUNS},
    ):
        known_cost = None if unpriced else cost
        runs[variant].append(Run(trace_id.hex(), bool(failed), duration_ns, known_cost, session))
    return runs


def variants_of(conn: Connection, ids: Iterable[str]) -> Mapping[str, Variant]:
    """What patterns consist of, by id."""
    variants = {}
    for chunk in chunks(sorted(set(ids))):
        marks = placeholders(chunk)
        sql = f"SELECT variant_id, name, steps FROM variants WHERE variant_id IN ({marks})"
        for variant, name, steps in conn.rows(sql, chunk):
            variants[variant] = Variant(variant, name, steps_of(steps))
    return variants
