"""Questions about all traces at once: totals, patterns and families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from clustertrace.errors import NotFound
from clustertrace.filters import Filter
from clustertrace.store import filtering
from clustertrace.store.answers import Cluster, ClusterPage, Family, FamilyPage, Overview
from clustertrace.store.connection import Connection
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.queries.grouping import ClusterOrder, Grouping, Page, record
from clustertrace.store.queries.picking import Picking

__all__ = ["cluster", "clusters", "families", "members", "overview"]

_USAGE: Final = (
    " sum(llm_calls), sum(unpriced_calls), sum(input_tokens), sum(output_tokens),"
    " sum(cache_read_tokens), sum(cache_write_tokens), sum(cost_usd)"
)
_TOTALS: Final = (
    "SELECT sum(traces), sum(failed), sum(failed_by_outcome), sum(running), sum(incomplete),"
    " count(CASE WHEN traces > running + incomplete THEN 1 END),"
    " (SELECT count(*) FROM sessions), (SELECT min(start_ns) FROM traces),"
    f" (SELECT max(start_ns) FROM traces), sum(spans),{_USAGE} FROM variant_totals"
)
_TOTALS_OF: Final = (
    "SELECT count(*), sum(failed), sum(failed = 1 AND outcome IS NOT NULL),"
    " sum(failed IS NULL AND status = 'running'), sum(failed IS NULL AND status <> 'running'),"
    " count(DISTINCT CASE WHEN failed IS NOT NULL THEN variant_id END),"
    " count(DISTINCT session_id), min(start_ns), max(start_ns),"
    f" sum(span_count),{_USAGE} FROM traces WHERE start_ns IS NOT NULL AND "
)
"""The same of single runs."""


def overview(conn: Connection, where: Filter | None = None) -> Overview:
    """All runs in a few numbers, from the roll-ups; or those that match, counted one by one."""
    if where is None:
        row = conn.row(_TOTALS)
    else:
        condition, params = filtering.condition(conn, where)
        row = conn.row(_TOTALS_OF + condition, params)
    assert row is not None
    traces, failed, by_outcome, running, incomplete, variants, sessions, first, last, *sums = row
    spans, *usage = (value or 0 for value in sums)
    return Overview(
        traces=traces or 0,
        failed=failed or 0,
        failed_by_outcome=by_outcome or 0,
        failed_by_status=(failed or 0) - (by_outcome or 0),
        running=running or 0,
        incomplete=incomplete or 0,
        spans=spans,
        variants=variants,
        sessions=sessions,
        llm_calls=usage[0],
        unpriced_calls=usage[1],
        input_tokens=usage[2],
        output_tokens=usage[3],
        cache_read_tokens=usage[4],
        cache_write_tokens=usage[5],
        cost_usd=float(usage[6]),
        first_ns=first,
        last_ns=last,
    )


def clusters(
    conn: Connection,
    where: Filter | None = None,
    *,
    order: ClusterOrder = "failed",
    limit: int = 100,
    offset: int = 0,
) -> ClusterPage:
    """Patterns, by default most failures first (ties: higher rate, more traces, id).

    `where` counts only the newest runs that match it (`picking.NEWEST`). Raises UsageError for an
    unknown order.
    """
    by = Grouping(conn) if where is None else Picking(conn, where)
    [page] = _cluster_pages(conn, by, [by.page(order, limit, offset)])
    return page


def members(
    conn: Connection, limits: Mapping[str, int], where: Filter | None = None
) -> dict[str, ClusterPage]:
    """Of each of these families the patterns that failed most, at most so many.

    A family without a finished run (of those that `where` counts) is left out. Totals, and the
    shares of failures, are those of the family.
    """
    by = Grouping(conn) if where is None else Picking(conn, where)
    pages = by.inside(limits)
    return dict(zip(pages, _cluster_pages(conn, by, list(pages.values())), strict=True))


def _cluster_pages(
    conn: Connection, by: Grouping | Picking, pages: Sequence[Page]
) -> list[ClusterPage]:
    groups = [group for page in pages for group in page.groups]
    ids = [group.id for group in groups]
    said = pattern_annotations(conn, ids)
    details = dict(zip(ids, by.details(groups), strict=True))
    return [
        ClusterPage(
            tuple(
                record(group, details[group.id], page.failed, said.get(group.id))
                for group in page.groups
            ),
            page.total,
            page.finished,
            page.failed,
        )
        for page in pages
    ]


def families(
    conn: Connection,
    where: Filter | None = None,
    *,
    order: ClusterOrder = "failed",
    limit: int = 100,
    offset: int = 0,
) -> FamilyPage:
    """Families of patterns, ordered and narrowed as `clusters` are."""
    by = Grouping(conn, families=True) if where is None else Picking(conn, where, families=True)
    page = by.page(order, limit, offset)
    made = tuple(
        Family(record(group, detail, page.failed, None), detail.variants)
        for group, detail in zip(page.groups, by.details(page.groups), strict=True)
    )
    return FamilyPage(made, page.total, page.finished, page.failed)


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
    by = Grouping(conn)
    page = by.page("failed", 1, 0, "variant_id = :variant", {"variant": ids[0][0]})
    if not page.groups:
        raise NotFound(f"No trace of pattern {ids[0][0]} has ended yet; try again when one has.")
    failed = conn.value("SELECT sum(failed) FROM variant_totals") or 0
    [whole] = _cluster_pages(conn, by, [page._replace(failed=failed)])
    return whole.clusters[0]
