"""Runs of the same agent: those of the same pattern first, then of its family, then the rest.

Runs of another kind of agent with the same root name are none of them (clustertrace.patterns.kin).
However many runs there are, only a fixed number of patterns and runs is read.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from clustertrace.model import Trace
from clustertrace.patterns.families import MOST_LEADERS, VERSION
from clustertrace.patterns.kin import Kin, kin, step_names
from clustertrace.patterns.suspects import Sibling, Suspect, asked_of, labels_of, suspects
from clustertrace.patterns.traits import VERSION as TRAITS_VERSION
from clustertrace.patterns.traits import Trait
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling.traits import trait_key
from clustertrace.store.settling.variants import steps_of
from clustertrace.store.slim_spans import slim_spans

__all__ = ["LEVELS", "Level", "Relative", "kin_of", "relatives", "siblings", "suspects_of"]

Level = Literal["pattern", "family", "name"]
"""What a run shares with another: its pattern, its family, or only the root's name and some
steps."""

LEVELS: Final[tuple[Level, ...]] = ("pattern", "family", "name")

_PATTERNS_A_LEVEL: Final = 200
"""Patterns of each level that runs are taken from."""
_SIBLING_LIMIT: Final = 60
"""Failed runs, and passed runs, that a run is compared with."""
_MAX_SPANS: Final = 5_000
"""Spans of a run that is compared with others; a longer one would cost more than it says."""


class Relative(NamedTuple):
    """A finished run of the same agent."""

    trace_id: str
    failed: bool
    level: Level


def relatives(conn: Connection, variant: str, *, failed: bool, limit: int) -> tuple[Relative, ...]:
    """Runs that failed, or that did not, nearest level first, within a level newest first."""
    relatives_by_id: dict[bytes, Relative] = {}
    for level, variants in zip(LEVELS, _patterns_by_level(conn, variant), strict=True):
        rows: list[tuple[int, bytes]] = []
        for pattern in variants:
            rows += conn.rows(
                "SELECT start_ns, trace_id FROM traces WHERE variant_id = ? AND failed = ? "
                f"AND span_count <= {_MAX_SPANS} ORDER BY start_ns DESC LIMIT ?",
                (pattern, int(failed), limit - len(relatives_by_id)),
            )
        for _, key in sorted(rows, reverse=True)[: limit - len(relatives_by_id)]:
            relatives_by_id[key] = Relative(key.hex(), failed, level)
        if len(relatives_by_id) >= limit:
            break
    return tuple(relatives_by_id.values())


def _patterns_by_level(conn: Connection, variant: str) -> tuple[list[str], list[str], list[str]]:
    """The pattern itself, the others of its family, and those of other families of its kind."""
    family = conn.value("SELECT family_id FROM variants WHERE variant_id = ?", (variant,))
    if family is None:
        return [variant], [], []
    family_rows = conn.rows(
        "SELECT variant_id FROM variants WHERE family_id = ? AND variant_id <> ? LIMIT ?",
        (family, variant, _PATTERNS_A_LEVEL),
    )
    others = [one for one in kin_of(conn, variant).families if one != family]
    kin_rows = conn.rows(
        f"SELECT variant_id FROM variants WHERE family_id IN ({placeholders(others)}) LIMIT ?",
        [*others, _PATTERNS_A_LEVEL],
    )
    return [variant], [row[0] for row in family_rows], [row[0] for row in kin_rows]


def kin_of(conn: Connection, variant: str) -> Kin:
    """The families of the same root name and kind of agent, its own among them, oldest first."""
    row = conn.row("SELECT name, steps, family_id FROM variants WHERE variant_id = ?", (variant,))
    if row is None:
        return Kin((), others=False)
    name, steps, own_family = row
    rows = conn.rows(
        "SELECT family_id, steps FROM families WHERE name = ? AND version = ?"
        " ORDER BY place LIMIT ?",
        (name, VERSION, MOST_LEADERS),
    )
    names_by_family = {family: _names_in(leading) for family, leading in rows}
    own_names = _names_in(steps)
    if own_family is not None:
        # It may be younger than the families that are read, and not named like its leader.
        own_names |= names_by_family.setdefault(own_family, own_names)
    return kin(own_names, names_by_family)


@lru_cache(maxsize=4 * MOST_LEADERS)
def _names_in(steps: str) -> frozenset[str]:
    return step_names(steps_of(steps))


def siblings(
    conn: Connection,
    trace_id: str,
    variant: str | None,
    asked: Iterable[Trait] = (),
) -> tuple[Sibling, ...]:
    """Other runs to compare a run with, most alike first; none without a pattern.

    With those of the traits that are asked for that each of them has.
    """
    if variant is None:
        return ()
    nearest: list[Relative] = []
    for failed in (True, False):
        # One more, since it may be the run itself.
        found = relatives(conn, variant, failed=failed, limit=_SIBLING_LIMIT + 1)
        others = [relative for relative in found if relative.trace_id != trace_id]
        nearest += others[:_SIBLING_LIMIT]
    keys = [bytes.fromhex(relative.trace_id) for relative in nearest]
    spans, traits = slim_spans(conn, keys), _traits_of_runs(conn, keys, asked)
    return tuple(
        Sibling(one.trace_id, one.failed, labels_of(spans[key]), traits.get(key))
        for key, one in zip(keys, nearest, strict=True)
    )


def _traits_of_runs(
    conn: Connection, trace_ids: Sequence[bytes], asked: Iterable[Trait]
) -> dict[bytes, frozenset[Trait]]:
    """Which of these traits each run has; runs whose traits were not worked out yet are missing."""
    traits_by_key = {trait_key(trait): trait for trait in asked}
    rows = conn.rows(
        "SELECT trace_id, traits FROM trace_traits WHERE version = ?"
        f" AND trace_id IN ({placeholders(trace_ids)})",
        [TRAITS_VERSION, *trace_ids],
    )
    return {
        key: frozenset(traits_by_key[one] for one in traits_by_key.keys() & array("q", kept))
        for key, kept in rows
    }


def suspects_of(conn: Connection, whole: Trace) -> tuple[Suspect, ...]:
    """Where a failed run broke, judged beside its siblings; nothing for one that did not fail."""
    if not whole.failed:
        return ()
    variant = conn.value(
        "SELECT variant_id FROM traces WHERE trace_id = ?", (bytes.fromhex(whole.trace_id),)
    )
    asked = asked_of(whole.spans)
    return suspects(whole.spans, siblings(conn, whole.trace_id, variant, asked))
