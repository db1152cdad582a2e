"""What is true of finished runs, kept just behind settling, so that rules need read no span.

A run that was settled is due (`traces.traits_due`). Its spans are read once, payloads of steps
included, and what conditions ask of them is stored in some hundred bytes. Traits are identified by
a hash, so that machines need not agree on numbers.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from clustertrace.model import Span
from clustertrace.patterns.signature import NOT_STEPS
from clustertrace.patterns.traits import MEASURES, VERSION, Trait, run_of, traits_of
from clustertrace.store import state
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SLIM_COLUMNS, json_value, slim_span
from clustertrace.store.settling.setting_aside import each_that_can

__all__ = ["COUNTED", "advance", "trait_key"]

_CLEAR_DUE: Final = "UPDATE traces SET traits_due = NULL WHERE trace_id = ?"

COUNTED: Final = "traits_noted"
"""The key in `state` of how often traits of a run were worked out."""

_SPAN_LIMIT: Final = 20_000
"""Spans that are read in one slice, unless a single run has more."""

_SELECT_SPANS: Final = (
    f"SELECT {SLIM_COLUMNS},"
    + ",".join(
        f" CASE WHEN kind IN ({', '.join(repr(kind) for kind in sorted(NOT_STEPS))})"
        f" THEN NULL ELSE {payload} END"
        for payload in ("input", "output")
    )
    + " FROM spans WHERE trace_id IN "
)


def advance(conn: Connection, limit: int) -> int:
    """Work out the traits of at most `limit` runs, in the caller's transaction; of how many."""
    keys = _due_runs(conn, limit)
    each_that_can(conn, keys, lambda trace_ids: _record_runs(conn, trace_ids), "traits", _CLEAR_DUE)
    return len(keys)


def _record_runs(conn: Connection, keys: Sequence[bytes]) -> None:
    """Write down what is true of these runs."""
    marks = placeholders(keys)
    spans: dict[bytes, list[Span]] = defaultdict(list)
    for row in conn.rows(f"{_SELECT_SPANS}({marks})", keys):
        spans[row[0]].append(slim_span(row, json_value(row[-2]), json_value(row[-1])))
    rows, names = [], dict[int, Trait]()
    for key in keys:
        traits, measures = traits_of(run_of(spans[key]))
        traits_by_key = {trait_key(trait): trait for trait in traits}
        names |= traits_by_key
        measure_values = array("d", (measures[name] for name in MEASURES))
        rows.append(
            (key, VERSION, array("q", sorted(traits_by_key)).tobytes(), measure_values.tobytes())
        )
    conn.many(
        "INSERT INTO trait_names VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", _trait_rows(names)
    )
    conn.many(
        "INSERT INTO trace_traits VALUES (?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET"
        " version = excluded.version, traits = excluded.traits, measures = excluded.measures",
        rows,
    )
    conn.run(f"UPDATE traces SET traits_due = NULL WHERE trace_id IN ({marks})", keys)
    state.add(conn, COUNTED, len(keys))


def _due_runs(conn: Connection, limit: int) -> list[bytes]:
    keys: list[bytes] = []
    spans = 0
    for key, count in conn.rows(
        "SELECT trace_id, span_count FROM traces WHERE traits_due = 1 LIMIT ?", (limit,)
    ):
        spans += count or 0
        if keys and spans > _SPAN_LIMIT:
            break
        keys.append(key)
    return keys


def _trait_rows(names: dict[int, Trait]) -> Iterable[tuple[Any, ...]]:
    return [(key, *trait) for key, trait in names.items()]


@lru_cache(maxsize=1 << 16)
def trait_key(trait: Trait) -> int:
    """The hash by which a trait is stored."""
    what, step, other, number = trait
    text = f"{what}\x1f{step}\x1f{other}\x1f{float(number):g}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)
