"""How runs are counted by pattern or by family: from the roll-ups, or from the runs of a filter.

A filter is answered by common table expressions that stand for the roll-ups, under their names,
so that both ways ask with the same SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.filters import Filter
from clustertrace.store import filtering
from clustertrace.store.answers import Cluster, Day, PatternAnnotation
from clustertrace.store.connection import Connection
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.variants import steps_of
from clustertrace.summary import NS_PER_DAY, bucket_middle_ns

__all__ = ["NEWEST", "ClusterOrder", "Group", "Grouping", "Source", "source_of"]

ClusterOrder = Literal["failed", "count", "failure_rate", "cost_usd", "last_ns"]

NEWEST: Final = 20_000
"""Runs that a filter is counted over, newest first: so many can be grouped while a page waits."""

_SAME_DAY: Final = 50
"""Patterns of a family that are asked for its very first and last run."""

_ORDERS: Final[dict[ClusterOrder, str]] = {
    "failed": "failed DESC, failed * 1.0 / max(finished, 1) DESC, finished DESC",
    "count": "finished DESC, failed DESC",
    "failure_rate": "failed * 1.0 / max(finished, 1) DESC, failed DESC, finished DESC",
    "cost_usd": "cost DESC, finished DESC",
    "last_ns": "last_day DESC, finished DESC",
}

_FILTERED: Final = (
    "WITH picked AS MATERIALIZED (SELECT trace_id, variant_id, start_ns, failed, outcome,"
    " duration_ns, cost_usd, unpriced_calls FROM traces WHERE failed IS NOT NULL AND {condition}"
    " ORDER BY start_ns DESC LIMIT :newest), variant_days AS (SELECT variant_id,"
    f" start_ns / {NS_PER_DAY} AS day, count(*) AS traces, 0 AS running, 0 AS incomplete,"
    " sum(failed) AS failed, sum(failed AND outcome IS NOT NULL) AS failed_by_outcome,"
    " sum(cost_usd) AS cost_usd, sum(unpriced_calls) AS unpriced_calls FROM picked"
    " GROUP BY variant_id, day), variant_durations AS (SELECT variant_id, duration_ns AS bucket,"
    " count(*) AS traces FROM picked WHERE duration_ns IS NOT NULL"
    " GROUP BY variant_id, duration_ns) "
)


class Source(NamedTuple):
    """Where the numbers come from."""

    prefix: str
    """What stands before a query."""
    params: dict[str, Any]
    runs: str
    """The table of single runs."""
    middle_ns: Callable[[int], int]
    """The duration that a bucket of the histogram stands for."""


def source_of(where: Filter | None) -> Source:
    """The roll-ups, or where there is a filter the newest runs that match it."""
    if where is None:
        return Source("", {}, "traces", bucket_middle_ns)
    condition, params = filtering.condition(where)
    prefix = _FILTERED.format(condition=condition)
    return Source(prefix, params | {"newest": NEWEST}, "picked", lambda exact: exact)


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


class Grouping:
    """Runs of a source by pattern, or by family."""

    def __init__(self, conn: Connection, source: Source, *, families: bool = False) -> None:
        self._conn, self._source, self._families = conn, source, families
        # A pattern is in no family while backfill-signatures is at work, and stands for itself.
        self._key = "coalesce(family_id, variant_id)" if families else "variant_id"
        self._joined = " JOIN variants USING (variant_id)" if families else ""

    def sums(self, condition: str = "1") -> str:
        """SQL of the sums of every group with finished runs; a running one may still go anywhere.

        `condition` narrows `variant_days`.
        """
        return (
            f"SELECT {self._key} AS id, sum(traces - running - incomplete) AS finished,"
            " sum(failed) AS failed, sum(failed_by_outcome), sum(cost_usd) AS cost,"
            f" sum(unpriced_calls), max(day) AS last_day FROM variant_days{self._joined}"
            f" WHERE {condition} GROUP BY id HAVING finished > 0"
        )

    def page(
        self, sums: str, params: dict[str, Any], order: ClusterOrder, limit: int, offset: int
    ) -> list[Group]:
        """Some of the groups. Raises UsageError for an unknown order."""
        if order not in _ORDERS:
            raise UsageError(f"Patterns can be ordered by {', '.join(_ORDERS)}, not by {order}.")
        rows = self._rows(
            f"{sums} ORDER BY {_ORDERS[order]}, id LIMIT :limit OFFSET :offset",
            params | {"limit": limit, "offset": offset},
        )
        return [Group(*row[:6]) for row in rows]

    def total(self, sums: str, params: dict[str, Any]) -> tuple[int, int, int]:
        """Groups, finished runs and failed runs in all."""
        (row,) = self._rows(f"SELECT count(*), sum(finished), sum(failed) FROM ({sums})", params)
        return row[0] or 0, row[1] or 0, row[2] or 0

    def records(self, groups: Sequence[Group], all_failed: int) -> tuple[list[Cluster], list[int]]:
        """The groups with everything that is shown of them, and how many patterns each holds."""
        ids = [group.id for group in groups]
        heads, members = self._heads(ids), self._members(ids)
        durations, days = self._durations(ids), self._days(ids)
        said = {} if self._families else pattern_annotations(self._conn, ids)
        made = []
        for group in groups:
            name, steps, family = heads[group.id]
            first_ns, last_ns = self._extent(members[group.id])
            record = Cluster(
                id=group.id,
                name=name,
                steps=steps_of(steps),
                count=group.finished,
                failed=group.failed,
                share_of_failures=group.failed / all_failed if all_failed else 0.0,
                cost_usd=float(group.cost_usd),
                unpriced_calls=group.unpriced_calls,
                p50_ns=self._percentile(durations[group.id], 0.50),
                p95_ns=self._percentile(durations[group.id], 0.95),
                first_ns=first_ns,
                last_ns=last_ns,
                sample_trace_id=self._sample(members[group.id]),
                days=tuple(days[group.id]),
                failed_by_outcome=group.failed_by_outcome,
                family=family,
                annotation=said.get(group.id, PatternAnnotation()),
            )
            made.append(record)
        return made, [len(members[group.id]) for group in groups]

    def _rows(self, sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._conn.rows(self._source.prefix + sql, self._source.params | (params or {}))

    def _within(self, ids: Sequence[str]) -> tuple[str, dict[str, str]]:
        """A condition on `variants` for these groups, and its parameters."""
        params = {f"id{at}": value for at, value in enumerate(ids)}
        marks = ", ".join(f":{name}" for name in params)
        if not self._families:
            return f"variant_id IN ({marks})", params
        return (
            f"(family_id IN ({marks}) OR family_id IS NULL AND variant_id IN ({marks}))",
            params,
        )

    def _heads(self, ids: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        """For each group its root name, its steps (a family's are its leader's), its family."""
        condition, params = self._within(ids)
        rows = self._conn.rows(
            "SELECT variant_id, name, steps, coalesce(family_id, variant_id) AS family FROM"
            f" variants WHERE {condition} ORDER BY variant_id DESC",
            params,
        )
        if not self._families:
            return {row[0]: row[1:] for row in rows}
        heads = {row[3]: row[1:] for row in rows}
        marks = ", ".join("?" * len(ids))
        led = f"SELECT family_id, name, steps, family_id FROM families WHERE family_id IN ({marks})"
        return heads | {row[0]: row[1:] for row in self._conn.rows(led, ids)}

    def _members(self, ids: Sequence[str]) -> dict[str, list[_Member]]:
        """For each group its patterns, the one that failed most first."""
        condition, params = self._within(ids)
        found: dict[str, list[_Member]] = defaultdict(list)
        for group, *member in self._rows(
            f"SELECT {self._key} AS id, variant_id, sum(failed) AS failed, min(day), max(day)"
            f" FROM variant_days{self._joined} WHERE {condition} GROUP BY id, variant_id"
            " HAVING sum(traces - running - incomplete) > 0 ORDER BY failed DESC, variant_id",
            params,
        ):
            found[group].append(_Member(*member))
        return found

    def _durations(self, ids: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """For each group its histogram: (bucket, traces), shortest first."""
        condition, params = self._within(ids)
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for group, bucket, traces in self._rows(
            f"SELECT {self._key} AS id, bucket, sum(traces) FROM variant_durations{self._joined}"
            f" WHERE {condition} GROUP BY id, bucket ORDER BY bucket",
            params,
        ):
            found[group].append((bucket, traces))
        return found

    def _percentile(self, histogram: Sequence[tuple[int, int]], share: float) -> int | None:
        wanted = share * sum(traces for _, traces in histogram)
        seen = 0
        for bucket, traces in histogram:
            seen += traces
            if seen >= wanted:
                return self._source.middle_ns(bucket)
        return None

    def _days(self, ids: Sequence[str]) -> dict[str, list[Day]]:
        condition, params = self._within(ids)
        found: dict[str, list[Day]] = defaultdict(list)
        for group, *day in self._rows(
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
        (row,) = self._rows(
            f"SELECT {which}(start_ns) FROM {self._source.runs} WHERE variant_id IN ({marks})"
            f" AND failed IN (0, 1) AND {within}",
            params,
        )
        return row[0] or 0

    def _sample(self, members: Sequence[_Member]) -> str:
        """A recent failed run of the pattern that failed most; where none failed a recent run."""
        worst = members[0]
        found = self._rows(
            f"SELECT trace_id FROM {self._source.runs} WHERE variant_id = :worst"
            " AND failed = :failed ORDER BY start_ns DESC LIMIT 1",
            {"worst": worst.variant, "failed": int(worst.failed > 0)},
        )
        return str(found[0][0].hex()) if found else ""
