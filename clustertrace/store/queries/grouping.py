"""How runs are counted by pattern or by family: from the roll-ups.

For the runs of a filter see clustertrace.store.queries.picking, which answers the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.model import EMPTY
from clustertrace.store.answers import Cluster, Day, PatternAnnotation
from clustertrace.store.connection import Connection
from clustertrace.store.variants import steps_of
from clustertrace.summary import NS_PER_DAY, bucket_middle_ns

__all__ = [
    "ClusterOrder",
    "Detail",
    "Group",
    "Grouping",
    "Page",
    "check_order",
    "heads_of",
    "record",
]

ClusterOrder = Literal["failed", "count", "failure_rate", "cost_usd", "last_ns"]

_SAME_DAY: Final = 50
"""Patterns of a family that are asked for its very first and last run."""

_ORDERS: Final[dict[ClusterOrder, str]] = {
    "failed": "failed DESC, failed * 1.0 / max(finished, 1) DESC, finished DESC",
    "count": "finished DESC, failed DESC",
    "failure_rate": "failed * 1.0 / max(finished, 1) DESC, failed DESC, finished DESC",
    "cost_usd": "cost DESC, finished DESC",
    "last_ns": "last_day DESC, finished DESC",
}


_PATTERNS: Final = (
    "SELECT variant_id AS id, traces - running - incomplete AS finished, failed,"
    " failed_by_outcome AS told, cost_usd AS cost, unpriced_calls AS unpriced, last_day"
    " FROM variant_totals WHERE traces > running + incomplete"
)
_FAMILIES: Final = (
    "SELECT family_id AS id, sum(traces - running - incomplete) AS finished,"
    " sum(failed) AS failed, sum(failed_by_outcome) AS told, sum(cost_usd) AS cost,"
    " sum(unpriced_calls) AS unpriced, max(last_day) AS last_day FROM variant_totals"
    " WHERE family_id IS NOT NULL AND traces > running + incomplete GROUP BY family_id"
    # A pattern is in no family while backfill-signatures is at work, and stands for itself.
    f" UNION ALL {_PATTERNS} AND family_id IS NULL"
)


class Group(NamedTuple):
    """The sums of one pattern or family."""

    id: str
    finished: int
    failed: int
    failed_by_outcome: int
    cost_usd: float
    unpriced_calls: int


class _Member(NamedTuple):
    variant: str
    failed: int
    first_day: int
    last_day: int


class Page(NamedTuple):
    """Some of the groups, and how many groups, finished and failed runs there are."""

    groups: list[Group]
    total: int
    finished: int
    failed: int


class Detail(NamedTuple):
    """What is shown of a group beside its sums."""

    name: str
    steps: str
    """JSON, of a family those of its leader."""
    family: str
    durations: Sequence[tuple[int, int]]
    """(nanoseconds, runs), shortest first."""
    first_ns: int
    last_ns: int
    sample: str
    days: Sequence[Day]
    variants: int


def check_order(order: ClusterOrder) -> None:
    """Raise UsageError for an unknown order."""
    if order not in _ORDERS:
        raise UsageError(f"Patterns can be ordered by {', '.join(_ORDERS)}, not by {order}.")


def record(
    group: Group, detail: Detail, all_failed: int, said: PatternAnnotation | None
) -> Cluster:
    """A group as it is answered."""
    return Cluster(
        id=group.id,
        name=detail.name,
        steps=steps_of(detail.steps),
        count=group.finished,
        failed=group.failed,
        share_of_failures=group.failed / all_failed if all_failed else 0.0,
        cost_usd=float(group.cost_usd),
        unpriced_calls=group.unpriced_calls,
        p50_ns=_percentile(detail.durations, 0.50),
        p95_ns=_percentile(detail.durations, 0.95),
        first_ns=detail.first_ns,
        last_ns=detail.last_ns,
        sample_trace_id=detail.sample,
        days=tuple(detail.days),
        failed_by_outcome=group.failed_by_outcome,
        family=detail.family,
        annotation=said or PatternAnnotation(),
    )


def _percentile(histogram: Sequence[tuple[int, int]], share: float) -> int | None:
    wanted = share * sum(traces for _, traces in histogram)
    seen = 0
    for took, traces in histogram:
        seen += traces
        if seen >= wanted:
            return took
    return None


def heads_of(
    conn: Connection, ids: Sequence[str], *, families: bool
) -> dict[str, tuple[str, str, str]]:
    """For each group its root name, its steps (a family's are its leader's), its family."""
    marks = ", ".join("?" * len(ids))
    found = conn.rows(
        "SELECT variant_id, name, steps, coalesce(family_id, variant_id) FROM variants"
        f" WHERE variant_id IN ({marks})",
        ids,
    )
    if families:
        # Among the patterns are those that have no family, and stand for themselves.
        found += conn.rows(
            f"SELECT family_id, name, steps, family_id FROM families WHERE family_id IN ({marks})",
            ids,
        )
    return {row[0]: row[1:] for row in found}


def _within(ids: Sequence[str], families: bool) -> tuple[str, dict[str, str]]:
    """A condition on `variants` for these groups, and its parameters."""
    params = {f"id{at}": value for at, value in enumerate(ids)}
    marks = ", ".join(f":{name}" for name in params)
    if not families:
        return f"variant_id IN ({marks})", params
    # A pattern is in no family while backfill-signatures is at work, and stands for itself.
    return f"(family_id IN ({marks}) OR family_id IS NULL AND variant_id IN ({marks}))", params


class Grouping:
    """All finished runs by pattern, or by family; a running one may still go anywhere."""

    def __init__(self, conn: Connection, *, families: bool = False) -> None:
        self._conn, self._families = conn, families
        self._key = "coalesce(family_id, variant_id)" if families else "variant_id"
        self._joined = " JOIN variants USING (variant_id)" if families else ""

    def page(
        self,
        order: ClusterOrder,
        limit: int,
        offset: int,
        condition: str = "TRUE",
        params: Mapping[str, Any] = EMPTY,
    ) -> Page:
        """Some of the groups; `condition` narrows `variant_totals`. Raises UsageError."""
        check_order(order)
        # A row a pattern is read twice in less time than it is copied; sums are not.
        kept, groups = "NOT MATERIALIZED", f"{_PATTERNS} AND {condition}"
        if self._families:
            kept, groups = "MATERIALIZED", _FAMILIES
        rows = self._conn.rows(
            f"WITH groups AS {kept} ({groups})"
            " SELECT id, finished, failed, told, cost, unpriced, total.* FROM groups,"
            " (SELECT count(*), sum(finished), sum(failed) FROM groups) AS total"
            f" ORDER BY {_ORDERS[order]}, id LIMIT :limit OFFSET :offset",
            {**params, "limit": limit, "offset": offset},
        )
        if not rows and offset:
            return self.page(order, 1, 0, condition, params)._replace(groups=[])
        total, finished, failed = rows[0][6:] if rows else (0, 0, 0)
        return Page([Group(*row[:6]) for row in rows], total, finished, failed)

    def details(self, groups: Sequence[Group]) -> list[Detail]:
        """What is shown of these groups."""
        ids = [group.id for group in groups]
        heads = heads_of(self._conn, ids, families=self._families)
        members = self._members(ids)
        durations, days = self._durations(ids), self._days(ids)
        return [
            Detail(
                *heads[one],
                durations[one],
                *self._extent(members[one]),
                self._sample(members[one]),
                days[one],
                len(members[one]),
            )
            for one in ids
        ]

    def _members(self, ids: Sequence[str]) -> dict[str, list[_Member]]:
        """For each group its patterns, the one that failed most first."""
        condition, params = _within(ids, self._families)
        found: dict[str, list[_Member]] = defaultdict(list)
        for group, *member in self._conn.rows(
            f"SELECT {self._key} AS id, variant_id, sum(failed) AS failed, min(day), max(day)"
            f" FROM variant_days{self._joined} WHERE {condition} GROUP BY id, variant_id"
            " HAVING sum(traces - running - incomplete) > 0 ORDER BY failed DESC, variant_id",
            params,
        ):
            found[group].append(_Member(*member))
        return found

    def _durations(self, ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """For each group its histogram: (nanoseconds, runs), shortest first."""
        condition, params = _within(ids, self._families)
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for group, bucket, traces in self._conn.rows(
            f"SELECT {self._key} AS id, bucket, sum(traces) FROM variant_durations{self._joined}"
            f" WHERE {condition} GROUP BY id, bucket ORDER BY bucket",
            params,
        ):
            found[group].append((round(bucket_middle_ns(bucket)), traces))
        return found

    def _days(self, ids: Sequence[str]) -> dict[str, list[Day]]:
        condition, params = _within(ids, self._families)
        found: dict[str, list[Day]] = defaultdict(list)
        for group, *day in self._conn.rows(
            f"SELECT {self._key} AS id, day, sum(traces - running - incomplete), sum(failed)"
            f" FROM variant_days{self._joined} WHERE {condition} GROUP BY id, day ORDER BY day",
            params,
        ):
            found[group].append(Day(*day))
        return found

    def _extent(self, members: Sequence[_Member]) -> tuple[int, int]:
        """The first and the last start; only the days that can hold them are read."""
        first_day = min(member.first_day for member in members)
        last_day = max(member.last_day for member in members)
        first = [one.variant for one in members if one.first_day == first_day][:_SAME_DAY]
        last = [one.variant for one in members if one.last_day == last_day][:_SAME_DAY]
        return (
            self._edge("min", first, f"start_ns < {(first_day + 1) * NS_PER_DAY}"),
            self._edge("max", last, f"start_ns >= {last_day * NS_PER_DAY}"),
        )

    def _edge(self, which: str, variants: Sequence[str], within: str) -> int:
        params = {f"id{at}": value for at, value in enumerate(variants)}
        marks = ", ".join(f":{name}" for name in params)
        (row,) = self._conn.rows(
            f"SELECT {which}(start_ns) FROM traces WHERE variant_id IN ({marks})"
            f" AND failed IN (0, 1) AND {within}",
            params,
        )
        return row[0] or 0

    def _sample(self, members: Sequence[_Member]) -> str:
        """A recent failed run of the pattern that failed most; where none failed a recent run."""
        worst = members[0]
        found = self._conn.rows(
            "SELECT trace_id FROM traces WHERE variant_id = :worst"
            " AND failed = :failed ORDER BY start_ns DESC LIMIT 1",
            {"worst": worst.variant, "failed": int(worst.failed > 0)},
        )
        return str(found[0][0].hex()) if found else ""
