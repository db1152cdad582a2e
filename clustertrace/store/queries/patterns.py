"""Questions about all traces at once, by pattern and by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clustertrace.errors import NotFound
from clustertrace.filters import Filter
from clustertrace.store.answers import Cluster, ClusterPage, Family, FamilyPage
from clustertrace.store.connection import Connection
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.queries.grouping import ClusterOrder, Grouping, Page, record
from clustertrace.store.queries.picking import Picking

__all__ = ["cluster", "clusters", "families", "members"]


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
