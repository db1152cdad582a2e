"""How the runs of a filter are counted by pattern or by family: one look at the newest of them.

Answers what clustertrace.store.queries.grouping answers for all runs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Final, NamedTuple

from clustertrace.filters import Filter
from clustertrace.model import NS_PER_DAY
from clustertrace.store import filtering
from clustertrace.store.answers import Day
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.grouping import (
    EXPECTED,
    ClusterOrder,
    Detail,
    Group,
    Page,
    check_order,
    heads_of,
)

__all__ = ["NEWEST", "Picking"]

NEWEST: Final = 10_000
"""Runs that a filter is counted over, newest first: so many can be grouped while a page waits."""
_VARIANTS_A_QUERY: Final = 1_000


class _Run(NamedTuple):
    variant: str
    trace_id: bytes
    start_ns: int
    failed: int
    told: int
    duration_ns: int | None
    cost_usd: float
    unpriced_calls: int


class Picking:
    """The newest finished runs that match, by pattern, or by family."""

    def __init__(self, conn: Connection, where: Filter, *, families: bool = False) -> None:
        self._conn, self._families = conn, families
        condition, params = filtering.condition(conn, where)
        # The plus keeps SQLite on the index by start, which gives the newest without sorting all.
        rows = conn.rows(
            "SELECT variant_id, trace_id, start_ns, failed, outcome IS NOT NULL, duration_ns,"
            f" cost_usd, unpriced_calls FROM traces WHERE +failed IS NOT NULL AND {condition}"
            " ORDER BY start_ns DESC LIMIT :newest",
            params | {"newest": NEWEST},
        )
        runs = [_Run(*row) for row in rows]
        homes = _family_by_variant(conn, {run.variant for run in runs}) if families else {}
        self._runs: dict[str, list[_Run]] = defaultdict(list)
        """Newest first, by group."""
        self._expected = {variant for (variant,) in conn.rows(EXPECTED)}
        for run in runs:
            self._runs[homes.get(run.variant, run.variant)].append(run)

    def page(self, order: ClusterOrder, limit: int, offset: int) -> Page:
        """Some of the groups. Raises UsageError."""
        check_order(order)
        return self._page_of(list(self._runs), order, slice(offset, offset + limit))

    def inside(self, limits: Mapping[str, int]) -> dict[str, Page]:
        """The patterns of these families that failed most, at most so many of each."""
        homes = _family_by_variant(self._conn, set(self._runs))
        names_by_family: dict[str, list[str]] = defaultdict(list)
        for name in self._runs:
            names_by_family[homes.get(name, name)].append(name)
        return {
            home: self._page_of(names_by_family[home], "failed", slice(limit))
            for home, limit in limits.items()
            if home in names_by_family
        }

    def _page_of(self, names: Sequence[str], order: ClusterOrder, shown: slice) -> Page:
        groups = [_summed_group(name, self._runs[name], self._expected) for name in names]
        groups.sort(key=lambda group: (*self._rank(group, order), group.id))
        finished = sum(group.finished for group in groups)
        failed = sum(group.failed for group in groups)
        unexpected = sum(group.unexpected for group in groups)
        return Page(groups[shown], len(groups), finished, failed, unexpected)

    def _rank(self, group: Group, order: ClusterOrder) -> tuple[float, ...]:
        rate = group.failed / group.finished
        return {
            "failed": (-group.unexpected, -group.failed, -rate, -group.finished),
            "count": (-group.finished, -group.failed),
            "failure_rate": (-rate, -group.failed, -group.finished),
            "cost_usd": (-group.cost_usd, -group.finished),
            "last_ns": (-self._runs[group.id][0].start_ns,),
        }[order]

    def details(self, groups: Sequence[Group]) -> list[Detail]:
        """What is shown of these groups."""
        heads = heads_of(self._conn, [group.id for group in groups], families=self._families)
        return [self._detail(group, *heads[group.id]) for group in groups]

    def _detail(self, group: Group, name: str, steps: str, family: str) -> Detail:
        runs = self._runs[group.id]
        days: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for run in runs:
            day = days[run.start_ns // NS_PER_DAY]
            day[0] += 1
            day[1] += run.failed
        durations = Counter(run.duration_ns for run in runs if run.duration_ns is not None)
        sample = next((run for run in runs if run.failed), runs[0])
        return Detail(
            name,
            steps,
            family,
            sorted(durations.items()),
            runs[-1].start_ns,
            runs[0].start_ns,
            sample.trace_id.hex(),
            [Day(day, *days[day]) for day in sorted(days)],
            len({run.variant for run in runs}),
        )


def _summed_group(name: str, runs: Sequence[_Run], expected: Set[str]) -> Group:
    failed = [run for run in runs if run.failed]
    return Group(
        name,
        len(runs),
        len(failed),
        sum(run.variant not in expected for run in failed),
        sum(run.told for run in failed),
        sum(run.cost_usd for run in runs),
        sum(run.unpriced_calls for run in runs),
        len(runs),
    )


def _family_by_variant(conn: Connection, variants: set[str]) -> dict[str, str]:
    """The families of these patterns."""
    families: dict[str, str] = {}
    for chunk in chunks(sorted(variants), _VARIANTS_A_QUERY):
        marks = placeholders(chunk)
        families |= dict(
            conn.rows(
                "SELECT variant_id, family_id FROM variants WHERE family_id IS NOT NULL"
                f" AND variant_id IN ({marks})",
                chunk,
            )
        )
    return families
