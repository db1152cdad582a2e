"""Families on screen: a row a family, which unfolds into its patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.clusters import patterns
from clustertrace.app.clusters.patterns import Look
from clustertrace.app.links import url
from clustertrace.filters import Filter, condition
from clustertrace.store import queries
from clustertrace.store.answers import Cluster, Family
from clustertrace.store.connection import Connection

__all__ = ["OPEN", "members", "table"]

OPEN: Final = "open"
"""The parameter of the address that names the family that is unfolded."""

_WORST: Final = 3
"""Patterns of a folded family that are shown all the same, because runs of them failed."""
_FAMILIES: Final = 8
"""Families whose worst patterns are shown."""
_MOST: Final = 100


def members(
    conn: Connection, where: Filter | None, families: Sequence[Family]
) -> Mapping[str, Sequence[Cluster]]:
    """The patterns to show below each family: all of the one that is unfolded, else the worst."""
    opened = st.query_params.get(OPEN, "")
    limits: dict[str, int] = {}
    for family in families:
        name = family.whole.id
        if name == opened or family.variants == 1:
            limits[name] = _MOST
        elif family.whole.failed and len(limits) < _FAMILIES:
            limits[name] = _WORST
    below = queries.members(conn, limits, where)
    return {
        name: [one for one in page.clusters if one.failed or limits[name] == _MOST]
        for name, page in below.items()
    }


def table(
    families: Sequence[Family], below: Mapping[str, Sequence[Cluster]], look: Look
) -> markup.Markup:
    """A head line, a row a family, and below it the patterns that are shown of it."""
    rows: list[markup.Markup] = []
    for family in families:
        own = below.get(family.whole.id, ())
        if family.variants == 1:
            rows += [patterns.row(one, look) for one in own]
            continue
        rows.append(_family_row(family, len(own), look))
        rows += [patterns.row(one, look, member=True) for one in own]
    return markup.tag("div", patterns.head(), *rows, cls="ct-patterns")


def _family_row(family: Family, shown: int, look: Look) -> markup.Markup:
    whole = family.whole
    opened = st.query_params.get(OPEN) == whole.id
    rest = {name: value for name, value in st.query_params.items() if name != OPEN}
    toggle = url("clusters", rest if opened else rest | {OPEN: whole.id})
    many = words.counted(family.variants, "pattern")
    told = f"family of {many}" + (f", {shown} shown" if 0 < shown < family.variants else "")
    return patterns.cells(
        whole,
        look,
        markup.tag(
            "div",
            markup.tag("span", whole.name or "(no name)", cls="ct-root"),
            markup.tag("span", told, " · ", cls="ct-muted ct-small"),
            markup.link("fold" if opened else "unfold", toggle, cls="ct-small ct-more"),
        ),
        cover=toggle,
        label=f"{'Fold' if opened else 'Unfold'} family {whole.id}",
        runs=(condition("family", whole.id), look.q),
        cls="ct-row ct-family",
    )
