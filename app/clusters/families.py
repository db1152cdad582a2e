"""Families on screen: one row per family, which unfolds into its patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.clusters import patterns
from clustertrace.app.clusters.patterns import RowContext
from clustertrace.app.links import url
from clustertrace.filters import Filter, condition
from clustertrace.store import queries
from clustertrace.store.answers import Cluster, Family
from clustertrace.store.connection import Connection
from clustertrace.telling.plain import NO_NAME

__all__ = ["members", "table"]

_OPEN: Final = "open"
"""The parameter of the address that names the unfolded family."""

_WORST_SHOWN: Final = 3
"""How many patterns with failed runs a folded family still shows."""
_FAMILIES_WITH_WORST: Final = 8
"""How many families show their worst patterns."""
_MAX_MEMBERS: Final = 100


def members(
    conn: Connection, where: Filter | None, families: Sequence[Family]
) -> Mapping[str, Sequence[Cluster]]:
    """The patterns to show below each family: all of the unfolded one, the worst of others."""
    opened = st.query_params.get(_OPEN, "")
    limits: dict[str, int] = {}
    for family in families:
        name = family.whole.id
        if name == opened or family.variants == 1:
            limits[name] = _MAX_MEMBERS
        elif family.whole.failed and len(limits) < _FAMILIES_WITH_WORST:
            limits[name] = _WORST_SHOWN
    by_family = queries.members(conn, limits, where)
    return {
        name: [
            cluster for cluster in page.clusters if cluster.failed or limits[name] == _MAX_MEMBERS
        ]
        for name, page in by_family.items()
    }


def table(
    families: Sequence[Family], members: Mapping[str, Sequence[Cluster]], context: RowContext
) -> markup.Markup:
    """A header, and one row per family with its shown patterns below it."""
    rows: list[markup.Markup] = []
    for family in families:
        shown = members.get(family.whole.id, ())
        if family.variants == 1:
            rows += [patterns.row(cluster, context) for cluster in shown]
            continue
        rows.append(_family_row(family, len(shown), context))
        rows += [patterns.row(cluster, context, member=True) for cluster in shown]
    return markup.tag("div", patterns.head(context), *rows, cls="ct-patterns")


def _family_row(family: Family, shown: int, context: RowContext) -> markup.Markup:
    whole = family.whole
    opened = st.query_params.get(_OPEN) == whole.id
    other_parameters = {name: value for name, value in st.query_params.items() if name != _OPEN}
    toggle = url("clusters", other_parameters if opened else other_parameters | {_OPEN: whole.id})
    pattern_count = words.counted(family.variants, "pattern")
    description = f"family of {pattern_count}" + (
        f", {shown} shown" if 0 < shown < family.variants else ""
    )
    return patterns.cells(
        whole,
        context,
        markup.tag(
            "div",
            markup.tag("span", whole.name or NO_NAME, cls="ct-root"),
            markup.tag("span", description, cls="ct-muted ct-small"),
            markup.link("fold" if opened else "unfold", toggle, cls="ct-small ct-more"),
        ),
        cover=toggle,
        label=f"{'Fold' if opened else 'Unfold'} family",
        runs=(condition("family", whole.id), context.filter_text),
        cls="ct-row ct-family",
    )
