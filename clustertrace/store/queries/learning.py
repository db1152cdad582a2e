"""What failing runs have in common, from the traits that are kept of each and from their tags."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from clustertrace.filters import Filter
from clustertrace.patterns.field import Columns
from clustertrace.patterns.learning import Learned, learn
from clustertrace.patterns.tags import common_keys, tag_traits
from clustertrace.patterns.traits import BROKE_OFF, MEASURES, RAISED, VERSION, Trait
from clustertrace.store import filtering, state
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.grouping import EXPECTED
from clustertrace.store.settling.traits import COUNTED, trait_key

__all__ = ["learned", "learned_of_tags", "runs_noted"]

_MIN_RUNS: Final = 4
"""Runs that must have a trait before it is read by name: rules ask for more."""
_NAMES_A_QUERY: Final = 1_000

_ENDED_EARLY: Final = {trait_key(trait): trait for trait in (BROKE_OFF, RAISED)}
"""However few runs have them, these say which steps are not held against those."""


class _Run(NamedTuple):
    trace_id: str
    failed: bool
    session: str | None


def learned(conn: Connection, limit: int, where: Filter | None = None) -> Learned:
    """The failure rules of the newest finished runs that match, at most `limit` of them.

    Of all runs, those are left out that failed as expected: they are neither what is to be
    explained nor successes to compare with. A filter says by itself which runs count.
    """
    newest, params = _newest(conn, limit, where)
    rows = conn.rows(
        f"SELECT trace_id, failed, session_id, variant_id, traits, measures FROM {newest}"
        " JOIN trace_traits USING (trace_id) WHERE version = :version"
        " ORDER BY start_ns DESC, trace_id DESC",
        params | {"version": VERSION},
    )
    expected = _expected_patterns(conn, where)
    runs: list[_Run] = []
    places: dict[int, list[int]] = defaultdict(list)
    measures: list[Sequence[float]] = []
    for trace_id, failed, session, pattern, keys, values in rows:
        if failed and pattern in expected:
            continue
        for key in array("q", keys):
            places[key].append(len(runs))
        measures.append(array("d", values))
        runs.append(_Run(trace_id.hex(), bool(failed), session))
    traits = {trait: places[key] for key, trait in _traits_by_key(conn, places).items()}
    by_name = dict(zip(MEASURES, zip(*measures, strict=True), strict=True)) if measures else {}
    return _learned_of(runs, traits, by_name, len(rows) - len(runs))


def learned_of_tags(conn: Connection, limit: int, where: Filter | None = None) -> Learned:
    """The same from the tags that these runs carry: whose runs fail (clustertrace.patterns.tags).

    By themselves, since a tag may be a label for how a run went and would outdo all other rules.
    """
    newest, params = _newest(conn, limit, where)
    rows = conn.rows(
        f"SELECT trace_id, failed, session_id, variant_id, key, value FROM {newest}"
        " LEFT JOIN trace_tags USING (trace_id) ORDER BY start_ns DESC, trace_id DESC",
        params,
    )
    expected = _expected_patterns(conn, where)
    runs: list[_Run] = []
    tags: list[Mapping[str, str]] = []
    left_out = 0
    for (trace_id, failed, session, pattern), tag_rows in groupby(rows, lambda row: row[:4]):
        if failed and pattern in expected:
            left_out += 1
            continue
        tags.append({key: value for *_, key, value in tag_rows if key is not None})
        runs.append(_Run(trace_id.hex(), bool(failed), session))
    keys = common_keys(
        *(
            [of_run for run, of_run in zip(runs, tags, strict=True) if run.failed is failed]
            for failed in (True, False)
        )
    )
    places: dict[Trait, list[int]] = defaultdict(list)
    for place, of_run in enumerate(tags):
        for trait in tag_traits(of_run, keys):
            places[trait].append(place)
    return _learned_of(runs, places, {}, left_out)


def _learned_of(
    runs: Sequence[_Run],
    traits: Mapping[Trait, Sequence[int]],
    measures: Mapping[str, Sequence[float]],
    expected: int,
) -> Learned:
    columns = Columns([run.failed for run in runs], [run.session for run in runs], traits, measures)
    return learn([run.trace_id for run in runs], columns, expected)


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


def _expected_patterns(conn: Connection, where: Filter | None) -> frozenset[str]:
    """The patterns whose failures are left out, as expected; with a filter none are."""
    return (
        frozenset(pattern for (pattern,) in conn.rows(EXPECTED)) if where is None else frozenset()
    )


def runs_noted(conn: Connection) -> int:
    """Grows whenever rules may have changed: the runs whose traits were worked out, each time."""
    return state.get(conn, COUNTED) or 0


def _traits_by_key(conn: Connection, places: Mapping[int, Sequence[int]]) -> dict[int, Trait]:
    """The traits that rules ask about, by key, of those that any run has."""
    common = [key for key, having in places.items() if len(having) >= _MIN_RUNS]
    traits: dict[int, Trait] = {}
    for chunk in chunks(common, _NAMES_A_QUERY):
        marks = placeholders(chunk)
        for key, what, step, other, number in conn.rows(
            "SELECT trait_key, what, step, other, number FROM trait_names"
            f" WHERE trait_key IN ({marks})",
            chunk,
        ):
            traits[key] = (what, step, other, number)
    # What runs that their own code ended took last, few as they may be, says what they had come to.
    steps = {step for what, step, *_ in traits.values() if what == "calls"}
    last_steps: list[Trait] = [
        ("ends with", step + mark, "", 0) for step in steps for mark in ("", "!")
    ]
    rare = _ENDED_EARLY | {trait_key(trait): trait for trait in last_steps}
    return traits | {key: trait for key, trait in rare.items() if key in places}
