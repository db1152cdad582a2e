"""Questions about all traces at once, by pattern and by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clustertrace.errors import Ambiguous, NotFound
from clustertrace.filters import Filter, parse
from clustertrace.store.answers import Cluster, ClusterPage, Family, FamilyPage, TraceRow
from clustertrace.store.connection import Connection
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.queries.grouping import ClusterOrder, Grouping, Page, record
from clustertrace.store.queries.listing import trace_row, traces
from clustertrace.store.queries.picking import Picking

__all__ = ["cluster", "cluster_or_of", "clusters", "failed_runs", "families", "members"]


def clusters(
    conn: Connection,
    where: Filter | None = None,
    *,
    order: ClusterOrder = "failed",
    limit: int = 100,
    offset: int = 0,
) -> ClusterPage:
    """Patterns, by default most failures first (ties: higher rate, more traces, id), but those
    whose failures are expected behind all others that failed.

    `where` counts only the newest runs that match it (`picking.NEWEST`). Raises UsageError for an
    unknown order.
    """
    grouping = Grouping(conn) if where is None else Picking(conn, where)
    [page] = _cluster_pages(conn, grouping, [grouping.page(order, limit, offset)])
    return page


def members(
    conn: Connection, limits: Mapping[str, int], where: Filter | None = None
) -> dict[str, ClusterPage]:
    """Of each of these families the patterns that failed most, at most so many.

    A family without a finished run (of those that `where` counts) is left out. Totals, and the
    shares of failures, are those of the family.
    """
    grouping = Grouping(conn) if where is None else Picking(conn, where)
    pages = grouping.inside(limits)
    return dict(zip(pages, _cluster_pages(conn, grouping, list(pages.values())), strict=True))


def _cluster_pages(
    conn: Connection, grouping: Grouping | Picking, pages: Sequence[Page]
) -> list[ClusterPage]:
    groups = [group for page in pages for group in page.groups]
    ids = [group.id for group in groups]
    annotations = pattern_annotations(conn, ids)
    details = dict(zip(ids, grouping.details(groups), strict=True))
    return [
        ClusterPage(
            tuple(
                record(group, details[group.id], page.failed, annotations.get(group.id))
                for group in page.groups
            ),
            page.total,
            page.finished,
            page.failed,
            page.failed - page.unexpected,
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
    grouping = (
        Grouping(conn, families=True) if where is None else Picking(conn, where, families=True)
    )
    page = grouping.page(order, limit, offset)
    families = tuple(
        Family(record(group, detail, page.failed, None), detail.variants)
        for group, detail in zip(page.groups, grouping.details(page.groups), strict=True)
    )
    return FamilyPage(families, page.total, page.finished, page.failed)


def cluster(conn: Connection, variant: str) -> Cluster:
    """One pattern by its id or a unique beginning of it. Raises NotFound."""
    if not variant.strip():
        raise NotFound("Give the id of a pattern; `clustertrace clusters` lists them.")
    ids = conn.rows(
        "SELECT variant_id FROM variants WHERE variant_id >= ? AND variant_id < ? LIMIT 2",
        (variant, variant + "g"),
    )
    if not ids:
        raise NotFound(f"There is no pattern {variant[:40]}; `clustertrace clusters` lists them.")
    if len(ids) > 1:
        raise Ambiguous(f"Several patterns begin with {variant}; give more of its id.")
    grouping = Grouping(conn)
    page = grouping.page("failed", 1, 0, "variant_id = :variant", {"variant": ids[0][0]})
    if not page.groups:
        raise NotFound(f"No trace of pattern {ids[0][0]} has ended yet; try again when one has.")
    failed = conn.value("SELECT sum(failed) FROM variant_totals") or 0
    [whole] = _cluster_pages(conn, grouping, [page._replace(failed=failed)])
    return whole.clusters[0]


def cluster_or_of(conn: Connection, prefix: str) -> Cluster:
    """One pattern by its id, or the pattern of the trace that has this id. Raises NotFound."""
    try:
        return cluster(conn, prefix)
    except Ambiguous:
        raise
    except NotFound:
        if not prefix.strip():
            raise
        try:
            row = trace_row(conn, prefix)
        except Ambiguous:
            raise
        except NotFound:
            raise NotFound(
                f"There is no pattern or trace {prefix[:40]}; `clustertrace clusters` lists "
                "patterns, each with a trace."
            ) from None
    if row.variant is None:
        raise NotFound(f"Trace {row.trace_id} has no pattern yet; try again when it has ended.")
    return cluster(conn, row.variant)


def failed_runs(conn: Connection, variant: str, limit: int) -> tuple[TraceRow, ...]:
    """The newest failed runs of a pattern, newest first, at most `limit`."""
    return traces(conn, parse(f"pattern:{variant} failed:yes"), limit=limit).rows
