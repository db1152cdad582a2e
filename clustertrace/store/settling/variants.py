"""Variants by name, and the families that they belong to (clustertrace.patterns.families).

A variant is placed when its first run has ended, in the order in which runs are settled; within
one settling, by their start. It stays there. `backfill-signatures` places again what an older
algorithm placed, then in the order of the oldest run of each variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from clustertrace.patterns import families, signature
from clustertrace.patterns.families import Leader
from clustertrace.patterns.signature import Step, Variant
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import json_text, json_value

__all__ = ["assign_all_families", "assign_families", "forget_empty", "remember", "steps_of"]

_FAMILY_TABLES: Final = ("variants", "variant_totals")
"""The tables that say which family a variant is of."""


def remember(conn: Connection, variants: Iterable[Variant]) -> None:
    """Keep what the ids of these variants stand for."""
    distinct = {variant.id: variant for variant in variants}.values()
    conn.many(
        "INSERT INTO variants VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING",
        [(v.id, signature.VERSION, v.name, _steps_text(v.steps)) for v in distinct],
    )


def assign_families(conn: Connection, variants: Sequence[Variant]) -> None:
    """Put those of these variants into a family that are in none, in this order."""
    distinct = {variant.id: variant for variant in variants}
    marks = placeholders(distinct)
    without_family = {
        row[0]
        for row in conn.rows(
            f"SELECT variant_id FROM variants WHERE family_id IS NULL AND variant_id IN ({marks})",
            list(distinct),
        )
    }
    leaders: dict[str, list[Leader]] = {}
    for variant in distinct.values():
        if variant.id in without_family:
            if variant.name not in leaders:
                leaders[variant.name] = _load_leaders(conn, variant.name)
            family = _assign_family(conn, variant, leaders[variant.name])
            for table in _FAMILY_TABLES:
                sql = f"UPDATE {table} SET family_id = ? WHERE variant_id = ?"
                conn.run(sql, (family, variant.id))


def assign_all_families(conn: Connection) -> None:
    """Put every variant that is in no family of today's algorithm into one, oldest run first."""
    for table in _FAMILY_TABLES:
        conn.run(
            f"UPDATE {table} SET family_id = NULL WHERE family_id IN "
            "(SELECT family_id FROM families WHERE version <> ?)",
            (families.VERSION,),
        )
    conn.run("DELETE FROM families WHERE version <> ?", (families.VERSION,))
    rows = conn.rows(
        "SELECT variant_id, name, steps FROM variants JOIN (SELECT variant_id, min(start_ns) AS"
        " first_ns FROM traces WHERE failed IS NOT NULL GROUP BY variant_id) USING (variant_id)"
        " WHERE family_id IS NULL ORDER BY first_ns, variant_id"
    )
    for chunk in chunks(rows):
        assign_families(conn, [Variant(id_, root, steps_of(steps)) for id_, root, steps in chunk])


def forget_empty(conn: Connection, variant_ids: Sequence[str]) -> None:
    """Of these variants, drop those that no trace is in, and the families that nothing is left of.

    A running trace passes through variants on its way.
    """
    for variant_id in variant_ids:
        if conn.value("SELECT 1 FROM variant_totals WHERE variant_id = ?", (variant_id,)):
            continue
        family = conn.value("SELECT family_id FROM variants WHERE variant_id = ?", (variant_id,))
        conn.run("DELETE FROM variants WHERE variant_id = ?", (variant_id,))
        if family is not None:
            conn.run(
                "DELETE FROM families WHERE family_id = ? AND NOT EXISTS "
                "(SELECT 1 FROM variants WHERE variants.family_id = families.family_id)",
                (family,),
            )


def steps_of(text: str) -> tuple[Step, ...]:
    """The steps that a row of `variants` or `families` holds."""
    return tuple(
        Step(tuple(names), tuple(failed), tuple(kinds), count)
        for names, failed, kinds, count in json_value(text)
    )


def _load_leaders(conn: Connection, root: str) -> list[Leader]:
    rows = conn.rows(
        "SELECT family_id, steps FROM families WHERE version = ? AND name = ? "
        "ORDER BY place LIMIT ?",
        (families.VERSION, root, families.MOST_LEADERS),
    )
    return [Leader(family, _features_of_text(steps)) for family, steps in rows]


def _assign_family(conn: Connection, variant: Variant, leaders: list[Leader]) -> str:
    """The variant's family; if none is near enough it founds one and may lead later ones."""
    own_features = families.features(variant.steps)
    nearest_family = families.nearest(own_features, leaders)
    if nearest_family is not None:
        return nearest_family
    new_family = families.family_id(variant)
    conn.run(
        "INSERT INTO families SELECT :id, :version, coalesce(max(place), 0) + 1, :name, :steps "
        "FROM families WHERE version = :version AND name = :name ON CONFLICT DO NOTHING",
        {
            "id": new_family,
            "version": families.VERSION,
            "name": variant.name,
            "steps": _steps_text(variant.steps),
        },
    )
    if len(leaders) < families.MOST_LEADERS:
        leaders.append(Leader(new_family, own_features))
    return new_family


@lru_cache(maxsize=4 * families.MOST_LEADERS)
def _features_of_text(steps: str) -> frozenset[str]:
    return families.features(steps_of(steps))


def _steps_text(steps: Sequence[Step]) -> str | None:
    return json_text([[step.names, step.failed, step.kinds, step.count] for step in steps])
