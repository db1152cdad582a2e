"""What failing runs have in common, from the traits that are kept of each and from their tags."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.filters import Filter
from clustertrace.patterns.field import Columns
from clustertrace.patterns.learning import Learned, learn
from clustertrace.patterns.tags import common_keys, tag_traits
from clustertrace.patterns.traits import MEASURES, VERSION, Trait
from clustertrace.store import filtering
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.grouping import EXPECTED
from clustertrace.store.settling.traits import COUNTED

__all__ = ["learned", "learned_of_tags", "runs_noted"]

_MIN_RUNS: Final = 4
"""Runs that must have a trait before it is read by name: rules ask for more."""
_NAMES_A_QUERY: Final = 1_000

_Row = tuple[Any, ...]


def learned(conn: Connection, limit: int, where: Filter | None = None) -> Learned:
    """The failure rules of the newest finished runs that match, at most `limit` of them.

    Of all runs, those are left out that failed as expected: they are neither what is to be
    explained nor successes to compare with. A filter says by itself which runs count.
    """
    found, params = _newest(conn, limit, where)
    rows = conn.rows(
        f"SELECT trace_id, failed, session_id, variant_id, traits, measures FROM {found}"
        " JOIN trace_traits USING (trace_id) WHERE version = :version"
        " ORDER BY start_ns DESC, trace_id DESC",
        params | {"version": VERSION},
    )
    runs = rows if where is not None else _unexpected(conn, rows)
    places: dict[int, list[int]] = defaultdict(list)
    measures: list[Sequence[float]] = []
    for index, row in enumerate(runs):
        for key in array("q", row[4]):
            places[key].append(index)
        measures.append(array("d", row[5]))
    common = [key for key, those in places.items() if len(those) >= _MIN_RUNS]
    names = _traits_by_key(conn, common)
    columns = Columns(
        [bool(row[1]) for row in runs],
        [row[2] for row in runs],
        {names[key]: places[key] for key in common},
        dict(zip(MEASURES, zip(*measures, strict=True), strict=True)) if measures else {},
    )
    learned_rules = learn([row[0].hex() for row in runs], columns)
    return learned_rules._replace(expected=len(rows) - len(runs))


def learned_of_tags(conn: Connection, limit: int, where: Filter | None = None) -> Learned:
    """The same from the tags that these runs carry: whose runs fail (clustertrace.patterns.tags).

    By themselves, since a tag may be a label for how a run went and would outdo all other rules.
    """
    found, params = _newest(conn, limit, where)
    rows = conn.rows(
        f"SELECT trace_id, failed, session_id, variant_id, key, value FROM {found}"
        " LEFT JOIN trace_tags USING (trace_id) ORDER BY start_ns DESC, trace_id DESC",
        params,
    )
    tags: dict[bytes, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row[4] is not None:
            tags[row[0]][row[4]] = row[5]
    every_run = list({row[0]: row for row in rows}.values())
    runs = every_run if where is not None else _unexpected(conn, every_run)
    sides: tuple[list[Mapping[str, str]], ...] = ([], [])
    for row in runs:
        sides[bool(row[1])].append(tags[row[0]])
    keys = common_keys(*sides)
    places: dict[Trait, list[int]] = defaultdict(list)
    for index, row in enumerate(runs):
        for trait in tag_traits(tags[row[0]], keys):
            places[trait].append(index)
    columns = Columns([bool(row[1]) for row in runs], [row[2] for row in runs], places, {})
    learned_rules = learn([row[0].hex() for row in runs], columns)
    return learned_rules._replace(expected=len(every_run) - len(runs))


def _newest(conn: Connection, limit: int, where: Filter | None) -> tuple[str, dict[str, Any]]:
    """A subquery for the newest finished runs that match, and its parameters."""
    condition, params = ("TRUE", {}) if where is None else filtering.condition(conn, where)
    # The plus keeps SQLite on the index by start.
    return (
        "(SELECT trace_id, failed, session_id, start_ns, variant_id FROM traces"
        f" WHERE +failed IS NOT NULL AND {condition}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :limit) AS newest",
        {**params, "limit": limit},
    )


def _unexpected(conn: Connection, rows: Sequence[_Row]) -> list[_Row]:
    """The rows without runs (`failed` second, `variant_id` fourth) that failed as expected."""
    expected = {variant for (variant,) in conn.rows(EXPECTED)}
    return [row for row in rows if not (row[1] and row[3] in expected)]


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
