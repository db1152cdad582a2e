"""What failing runs have in common, from the traits that are kept of each (store/traits.py)."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from clustertrace.filters import Filter
from clustertrace.patterns.field import Columns
from clustertrace.patterns.learning import Learned, learn
from clustertrace.patterns.traits import MEASURES, VERSION, Trait
from clustertrace.store import filtering
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.grouping import EXPECTED
from clustertrace.store.settling.traits import COUNTED

__all__ = ["learned", "runs_noted"]

_MIN_RUNS: Final = 4
"""Runs that must have a trait before it is read by name: rules ask for more."""
_NAMES_A_QUERY: Final = 1_000


def learned(conn: Connection, limit: int, where: Filter | None = None) -> Learned:
    """The failure rules of the newest finished runs that match, at most `limit` of them.

    Of all runs, those are left out that failed as expected: they are neither what is to be
    explained nor successes to compare with. A filter says by itself which runs count.
    """
    condition, params = ("TRUE", {}) if where is None else filtering.condition(conn, where)
    # The newest first, then the traits of each. The plus keeps SQLite on the index by start.
    newest = conn.rows(
        "SELECT trace_id, failed, session_id, traits, measures, variant_id FROM"
        " (SELECT trace_id, failed, session_id, start_ns, variant_id FROM traces"
        f"  WHERE +failed IS NOT NULL AND {condition}"
        "  ORDER BY start_ns DESC, trace_id DESC LIMIT :limit)"
        " JOIN trace_traits USING (trace_id) WHERE version = :version"
        " ORDER BY start_ns DESC, trace_id DESC",
        params | {"version": VERSION, "limit": limit},
    )
    expected = {variant for (variant,) in conn.rows(EXPECTED)} if where is None else ()
    rows = [row for row in newest if not (row[1] and row[5] in expected)]
    places: dict[int, list[int]] = defaultdict(list)
    measures: list[Sequence[float]] = []
    for index, row in enumerate(rows):
        for key in array("q", row[3]):
            places[key].append(index)
        measures.append(array("d", row[4]))
    common_keys = [key for key, runs in places.items() if len(runs) >= _MIN_RUNS]
    names = _traits_by_key(conn, common_keys)
    columns = Columns(
        [bool(row[1]) for row in rows],
        [row[2] for row in rows],
        {names[key]: places[key] for key in common_keys},
        dict(zip(MEASURES, zip(*measures, strict=True), strict=True)) if measures else {},
    )
    learned_rules = learn([row[0].hex() for row in rows], columns)
    return learned_rules._replace(expected=len(newest) - len(rows))


def runs_noted(conn: Connection) -> int:
    """Grows whenever rules may have changed: the runs whose traits were worked out, each time."""
    return conn.value("SELECT value FROM state WHERE key = ?", (COUNTED,)) or 0


def _traits_by_key(conn: Connection, keys: Sequence[int]) -> dict[int, Trait]:
    traits: dict[int, Trait] = {}
    for begin in range(0, len(keys), _NAMES_A_QUERY):
        chunk = keys[begin : begin + _NAMES_A_QUERY]
        marks = placeholders(chunk)
        for key, what, step, other, number in conn.rows(
            "SELECT trait_key, what, step, other, number FROM trait_names"
            f" WHERE trait_key IN ({marks})",
            chunk,
        ):
            traits[key] = (what, step, other, number)
    return traits
