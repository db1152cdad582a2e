"""Questions about all traces at once: totals, patterns and families."""

from __future__ import annotations

from clustertrace.errors import NotFound
from clustertrace.filters import Filter
from clustertrace.store.answers import Cluster, ClusterPage, Family, FamilyPage, Overview
from clustertrace.store.connection import Connection
from clustertrace.store.queries.grouping import ClusterOrder, Grouping, source_of

__all__ = ["cluster", "clusters", "families", "overview"]


def overview(conn: Connection) -> Overview:
    """The whole database in a few numbers."""
    row = conn.row(
        "SELECT sum(traces), sum(failed), sum(failed_by_outcome), sum(running), sum(incomplete),"
        " sum(spans), sum(llm_calls), sum(unpriced_calls),"
        " sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),"
        " sum(cost_usd) FROM variant_days"
    )
    assert row is not None
    (traces, failed, by_outcome, running, incomplete, spans, *usage) = (value or 0 for value in row)
    return Overview(
        traces=traces,
        failed=failed,
        failed_by_outcome=by_outcome,
        failed_by_status=failed - by_outcome,
        running=running,
        incomplete=incomplete,
        spans=spans,
        variants=conn.value(
            "SELECT count(*) FROM (SELECT 1 FROM variant_days GROUP BY variant_id"
            " HAVING sum(traces - running - incomplete) > 0)"
        ),
        sessions=conn.value("SELECT count(*) FROM sessions"),
        llm_calls=usage[0],
        unpriced_calls=usage[1],
        input_tokens=usage[2],
        output_tokens=usage[3],
        cache_read_tokens=usage[4],
        cache_write_tokens=usage[5],
        cost_usd=float(usage[6]),
        first_ns=conn.value("SELECT min(start_ns) FROM traces"),
        last_ns=conn.value("SELECT max(start_ns) FROM traces"),
    )


def clusters(
    conn: Connection,
    where: Filter | None = None,
    *,
    family: str | None = None,
    order: ClusterOrder = "failed",
    limit: int = 100,
    offset: int = 0,
) -> ClusterPage:
    """Patterns, by default most failures first (ties: higher rate, more traces, id).

    `where` counts only the newest runs that match it (`grouping.NEWEST`), `family` only the
    patterns of one family. Raises UsageError for an unknown order.
    """
    by = Grouping(conn, source_of(where))
    condition = "variant_id IN (SELECT variant_id FROM variants WHERE family_id = :family)"
    sums = by.sums("1" if family is None else condition)
    params = {} if family is None else {"family": family}
    found = by.page(sums, params, order, limit, offset)
    total, finished, failed = by.total(sums, params)
    return ClusterPage(tuple(by.records(found, failed)[0]), total, finished, failed)


def families(
    conn: Connection,
    where: Filter | None = None,
    *,
    order: ClusterOrder = "failed",
    limit: int = 100,
    offset: int = 0,
) -> FamilyPage:
    """Families of patterns, ordered and narrowed as `clusters` are."""
    by = Grouping(conn, source_of(where), families=True)
    sums = by.sums()
    found = by.page(sums, {}, order, limit, offset)
    total, finished, failed = by.total(sums, {})
    made = tuple(Family(one, many) for one, many in zip(*by.records(found, failed), strict=True))
    return FamilyPage(made, total, finished, failed)


def cluster(conn: Connection, variant: str) -> Cluster:
    """One pattern by its id or a unique beginning of it. Raises NotFound."""
    ids = conn.rows(
        "SELECT variant_id FROM variants WHERE variant_id >= ? AND variant_id < ? LIMIT 2",
        (variant, variant + "g"),
    )
    if not variant or not ids:
        raise NotFound(f"There is no pattern {variant}; `clustertrace clusters` lists them.")
    if len(ids) > 1:
        raise NotFound(f"Several patterns begin with {variant}; give more of its id.")
    by = Grouping(conn, source_of(None))
    params = {"variant": ids[0][0]}
    found = by.page(by.sums("variant_id = :variant"), params, "failed", 1, 0)
    if not found:
        raise NotFound(f"No trace of pattern {ids[0][0]} has ended yet; try again when one has.")
    failed = conn.value("SELECT sum(failed) FROM variant_days") or 0
    return by.records(found, failed)[0][0]
