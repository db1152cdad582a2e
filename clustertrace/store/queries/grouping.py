"""How runs are counted by pattern or by family: from the roll-ups.

For the runs of a filter see clustertrace.store.queries.picking, which answers the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.model import EMPTY, NS_PER_DAY
from clustertrace.store.answers import Cluster, Day, PatternAnnotation
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling.variants import steps_of
from clustertrace.summary import bucket_middle_ns

__all__ = [
    "EXPECTED",
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

_SAME_DAY_LIMIT: Final = 50
"""Patterns of a family that are asked for its very first and last run."""

_ORDERS: Final[dict[ClusterOrder, str]] = {
    # What the user expects is known, and nothing to look into first.
    "failed": "unexpected DESC, failed DESC, failed * 1.0 / max(finished, 1) DESC, finished DESC",
    "count": "finished DESC, failed DESC",
    "failure_rate": "failed * 1.0 / max(finished, 1) DESC, failed DESC, finished DESC",
    "cost_usd": "cost DESC, finished DESC",
    "last_ns": "last_day DESC, finished DESC",
}


EXPECTED: Final = "SELECT variant_id FROM variant_annotations WHERE expected = 1"
"""The patterns whose failures the user expects."""

_UNEXPECTED: Final = f"CASE WHEN variant_id IN ({EXPECTED}) THEN 0 ELSE failed END"
_PATTERN_SUMS: Final = (
    "SELECT variant_id AS id, traces - running - incomplete AS finished, failed,"
    f" {_UNEXPECTED} AS unexpected,"
    " failed_by_outcome AS told, cost_usd AS cost, unpriced_calls AS unpriced,"
    " traces AS begun, last_day, coalesce(family_id, variant_id) AS home FROM variant_totals"
    " WHERE traces > running + incomplete"
)
_FAMILY_SUMS: Final = (
    "SELECT family_id AS id, sum(traces - running - incomplete) AS finished,"
    f" sum(failed) AS failed, sum({_UNEXPECTED}) AS unexpected,"
    " sum(failed_by_outcome) AS told, sum(cost_usd) AS cost, sum(unpriced_calls) AS unpriced,"
    " sum(traces) AS begun, max(last_day) AS last_day, family_id AS home FROM variant_totals"
    " WHERE family_id IS NOT NULL AND traces > running + incomplete GROUP BY family_id"
    # A pattern is in no family while backfill-signatures is at work, and stands for itself.
    f" UNION ALL {_PATTERN_SUMS} AND family_id IS NULL"
)


class Group(NamedTuple):
    """The sums of one pattern or family."""

    id: str
    finished: int
    failed: int
    unexpected: int
    """Of `failed`: those in patterns whose failures are not expected."""
    failed_by_outcome: int
    cost_usd: float
    unpriced_calls: int
    begun: int
    """Runs, ended or not: those that `cost_usd` adds up."""


class _Member(NamedTuple):
    variant: str
    failed: int
    first_day: int
    last_day: int


_Members = Mapping[str, Sequence[_Member]]
"""The patterns of each group."""


class Page(NamedTuple):
    """Some of the groups, and how many groups, finished and failed runs there are."""

    groups: list[Group]
    total: int
    finished: int
    failed: int
    unexpected: int
    """Of `failed`, as in `Group`."""


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
    group: Group, detail: Detail, all_failed: int, annotation: PatternAnnotation | None
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
        begun=group.begun,
        p50_ns=_percentile(detail.durations, 0.50),
        p95_ns=_percentile(detail.durations, 0.95),
        first_ns=detail.first_ns,
        last_ns=detail.last_ns,
        sample_trace_id=detail.sample,
        days=tuple(detail.days),
        failed_by_outcome=group.failed_by_outcome,
        family=detail.family,
        annotation=annotation or PatternAnnotation(),
    )


def _percentile(histogram: Sequence[tuple[int, int]], share: float) -> int | None:
    threshold = share * sum(traces for _, traces in histogram)
    runs_so_far = 0
    for duration_ns, traces in histogram:
        runs_so_far += traces
        if runs_so_far >= threshold:
            return duration_ns
    return None


def heads_of(
    conn: Connection, ids: Sequence[str], *, families: bool
) -> dict[str, tuple[str, str, str]]:
    """For each group its root name, its steps (a family's are its leader's), its family."""
    marks = placeholders(ids)
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


def _groups_condition(ids: Sequence[str], *, families: bool) -> tuple[str, Sequence[str]]:
    """A condition on `variants` for these groups, and its parameters."""
    marks = placeholders(ids)
    if not families:
        return f"variant_id IN ({marks})", ids
    # A pattern is in no family while backfill-signatures is at work, and stands for itself.
    condition = f"(family_id IN ({marks}) OR family_id IS NULL AND variant_id IN ({marks}))"
    return condition, [*ids, *ids]


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
        materialization, groups = "NOT MATERIALIZED", f"{_PATTERN_SUMS} AND {condition}"
        if self._families:
            materialization, groups = "MATERIALIZED", _FAMILY_SUMS
        rows = self._conn.rows(
            f"WITH groups AS {materialization} ({groups})"
            " SELECT id, finished, failed, unexpected, told, cost, unpriced, begun, total.*"
            " FROM groups, (SELECT count(*), sum(finished), sum(failed), sum(unexpected)"
            " FROM groups) AS total"
            f" ORDER BY {_ORDERS[order]}, id LIMIT :limit OFFSET :offset",
            {**params, "limit": limit, "offset": offset},
        )
        if not rows and offset:
            return self.page(order, 1, 0, condition, params)._replace(groups=[])
        sums = rows[0][8:] if rows else (0, 0, 0, 0)
        return Page([Group(*row[:8]) for row in rows], *sums)

    def inside(self, limits: Mapping[str, int]) -> dict[str, Page]:
        """The patterns of these families that failed most, at most so many of each."""
        condition, params = _groups_condition(list(limits), families=True)
        rows = self._conn.rows(
            f"WITH groups AS ({_PATTERN_SUMS} AND {condition}), ranked AS (SELECT *,"
            f" row_number() OVER (PARTITION BY home ORDER BY {_ORDERS['failed']}, id) AS place,"
            " count(*) OVER (PARTITION BY home) AS patterns,"
            " sum(finished) OVER (PARTITION BY home) AS runs,"
            " sum(failed) OVER (PARTITION BY home) AS failures,"
            " sum(unexpected) OVER (PARTITION BY home) AS unknown FROM groups)"
            " SELECT home, patterns, runs, failures, unknown,"
            " id, finished, failed, unexpected, told, cost, unpriced, begun"
            " FROM ranked WHERE place <= ? ORDER BY home, place",
            [*params, max(limits.values(), default=0)],
        )
        pages: dict[str, Page] = {}
        for home, *sums in rows:
            page = pages.setdefault(home, Page([], *sums[:4]))
            if len(page.groups) < limits[home]:
                page.groups.append(Group(*sums[4:]))
        return pages

    def details(self, groups: Sequence[Group]) -> list[Detail]:
        """What is shown of these groups."""
        ids = [group.id for group in groups]
        heads = heads_of(self._conn, ids, families=self._families)
        members = self._members(ids)
        durations, days = self._durations(ids), self._days(ids)
        extents, samples = self._extents(members), self._samples(members)
        return [
            Detail(
                *heads[group_id],
                durations[group_id],
                *extents[group_id],
                samples[group_id],
                days[group_id],
                len(members[group_id]),
            )
            for group_id in ids
        ]

    def _members(self, ids: Sequence[str]) -> dict[str, list[_Member]]:
        """For each group its patterns, the one that failed most first."""
        condition, params = _groups_condition(ids, families=self._families)
        members: dict[str, list[_Member]] = defaultdict(list)
        for group, *member in self._conn.rows(
            f"SELECT {self._key} AS id, variant_id, sum(failed) AS failed, min(day), max(day)"
            f" FROM variant_days{self._joined} WHERE {condition} GROUP BY id, variant_id"
            " HAVING sum(traces - running - incomplete) > 0 ORDER BY failed DESC, variant_id",
            params,
        ):
            members[group].append(_Member(*member))
        return members

    def _durations(self, ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """For each group its histogram: (nanoseconds, runs), shortest first."""
        condition, params = _groups_condition(ids, families=self._families)
        durations: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for group, bucket, traces in self._conn.rows(
            f"SELECT {self._key} AS id, bucket, sum(traces) FROM variant_durations{self._joined}"
            f" WHERE {condition} GROUP BY id, bucket ORDER BY bucket",
            params,
        ):
            durations[group].append((round(bucket_middle_ns(bucket)), traces))
        return durations

    def _days(self, ids: Sequence[str]) -> dict[str, list[Day]]:
        condition, params = _groups_condition(ids, families=self._families)
        days: dict[str, list[Day]] = defaultdict(list)
        for group, *day in self._conn.rows(
            f"SELECT {self._key} AS id, day, sum(traces - running - incomplete), sum(failed)"
            f" FROM variant_days{self._joined} WHERE {condition} GROUP BY id, day ORDER BY day",
            params,
        ):
            days[group].append(Day(*day))
        return days

    def _extents(self, members: _Members) -> dict[str, tuple[int, int]]:
        """Each group's first and last start; only the days that can hold them are read."""
        windows: list[tuple[str, int, int]] = []
        for patterns in members.values():
            first = min(member.first_day for member in patterns)
            last = max(member.last_day for member in patterns)
            edges = ((first + 1) * NS_PER_DAY, last * NS_PER_DAY)
            earliest = [member.variant for member in patterns if member.first_day == first]
            latest = [member.variant for member in patterns if member.last_day == last]
            edge_variants = [*earliest[:_SAME_DAY_LIMIT], *latest[:_SAME_DAY_LIMIT]]
            windows += [(variant, *edges) for variant in dict.fromkeys(edge_variants)]
        start_sql = (
            "(SELECT {}(start_ns) FROM traces WHERE variant_id = variant AND failed IN (0, 1)"
            " AND start_ns {})"
        )
        starts = self._select_for_each(
            "variant, before, since",
            f"{start_sql.format('min', '< before')}, {start_sql.format('max', '>= since')}",
            windows,
        )
        return {
            group: _extent(
                [starts[pattern.variant] for pattern in patterns if pattern.variant in starts]
            )
            for group, patterns in members.items()
        }

    def _samples(self, members: _Members) -> dict[str, str]:
        """Of each group a recent failed run of the pattern that failed most, else a recent run."""
        worst_patterns = {group: own[0] for group, own in members.items()}
        samples_by_variant = self._select_for_each(
            "variant, wanted",
            "(SELECT trace_id FROM traces WHERE variant_id = variant AND failed = wanted"
            " ORDER BY start_ns DESC LIMIT 1)",
            [(pattern.variant, int(pattern.failed > 0)) for pattern in worst_patterns.values()],
        )
        samples = {
            group: samples_by_variant[pattern.variant][0]
            for group, pattern in worst_patterns.items()
        }
        return {group: sample.hex() if sample else "" for group, sample in samples.items()}

    def _select_for_each(
        self, names: str, select: str, rows: Sequence[Sequence[Any]]
    ) -> dict[str, Sequence[Any]]:
        """What is answered to each row of what is sought, by its first value: one question."""
        if not rows:
            return {}
        marks = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
        answers = self._conn.rows(
            f"WITH sought ({names}) AS (VALUES {marks}) SELECT variant, {select} FROM sought",
            [value for row in rows for value in row],
        )
        return {variant: values for variant, *values in answers}


def _extent(starts: Sequence[Sequence[int | None]]) -> tuple[int, int]:
    """The first and the last of patterns' first and last starts; 0 where there is none."""
    first = min((edges[0] for edges in starts if edges[0] is not None), default=0)
    last = max((edges[1] for edges in starts if edges[1] is not None), default=0)
    return first, last
