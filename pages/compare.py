"""Compare: two runs, or two patterns, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, payload, words
from clustertrace.app.links import pattern_url, trace_url, url
from clustertrace.errors import NotFound
from clustertrace.filters import parse
from clustertrace.patterns.alignment import Pair, Place, align
from clustertrace.store import queries
from clustertrace.store.answers import Side
from clustertrace.telling.results import side_result

__all__ = ["draw"]

_NOTES: Final = {"same": "", "changed": "~ changed", "inserted": "+ only B", "deleted": "− only A"}
_ROWS: Final = 300


def draw() -> None:
    """Draw the page of `?a=&b=`."""
    with st.container(horizontal=True):
        a = st.text_input("A", key="a", bind="query-params", placeholder="A trace or a pattern")
        b = st.text_input("B", key="b", bind="query-params", placeholder="Another of the same kind")
    if not a.strip() or not b.strip():
        st.html(markup.page(_invitation()))
        return
    try:
        with connection.read() as conn:
            left, right = queries.sides(conn, a.strip(), b.strip())
    except NotFound as error:
        st.html(markup.notice(str(error)))
        return
    rows = align(left.places, right.places)
    st.html(markup.page(markup.heading(_sentence(left, rows)), _table(left, right, rows)))
    _draw_difference(rows)


def _invitation() -> markup.Markup:
    """How to fill in the fields, and links to failed runs beside some that did not fail."""
    notice = markup.notice("Name two traces, or two patterns, by their ids.")
    with connection.read() as conn:
        page = queries.clusters(conn, limit=1)
        unexpected = [
            cluster
            for cluster in page.clusters
            if cluster.failed and not cluster.annotation.expected
        ]
        worst = unexpected[0] if unexpected else None
        relatives = queries.relatives(conn, worst.id, failed=False, limit=1) if worst else ()
        newest = [
            row.trace_id
            for where in ("failed:yes", "failed:no")
            for row in queries.traces(conn, parse(where), limit=1).rows
        ]
    pairs = {}
    if worst is not None and relatives:
        failures = "unexpected failures" if page.expected else "failures"
        pairs[worst.sample_trace_id, relatives[0].trace_id] = (
            f"A failed run of the pattern with most {failures}, beside the most similar one that "
            "did not fail"
        )
    if len(newest) == 2:
        label = "The newest run that failed, beside the newest that did not fail"
        pairs.setdefault((newest[0], newest[1]), label)
    links = [
        markup.tag("div", markup.link(label, url("compare", {"a": a, "b": b})))
        for (a, b), label in pairs.items()
    ]
    return markup.join([notice, *links])


def _sentence(side: Side, rows: Sequence[Pair]) -> str:
    parting = next((row for row in rows if row.first_divergence), None)
    if parting is None:
        return f"Both {side.sort}s take the same {words.counted(len(rows), 'step')}."
    place = parting.left or parting.right
    label = f" ({place.label})" if place else ""
    same = sum(row.what == "same" for row in rows)
    return (
        f"{same} of {len(rows)} steps are the same; "
        f"they part at step {rows.index(parting) + 1}{label}."
    )


def _table(left: Side, right: Side, rows: Sequence[Pair]) -> markup.Markup:
    lines: list[Sequence[object]] = [
        ("", _side_link(left), _side_link(right), ""),
        ("", markup.muted(side_result(left)), markup.muted(side_result(right)), ""),
    ]
    for number, row in enumerate(rows[:_ROWS], 1):
        note_text = ", ".join(filter(None, [_NOTES[row.what], *row.notes]))
        lines.append((number, _cell(row.left), _cell(row.right), note_text))
    hidden = len(rows) - _ROWS
    more = markup.muted(f"{hidden} more steps are left out.") if hidden > 0 else ""
    return markup.join([markup.rows(lines), more])


def _side_link(side: Side) -> markup.Markup:
    to = pattern_url if side.sort == "pattern" else trace_url
    return markup.link(f"{words.in_line(side.name)} {side.id[:12]}", to(side.id))


def _cell(place: Place | None) -> object:
    if place is None:
        return ""
    if place.span is None:
        return place.label
    return markup.link(place.label, trace_url(place.span.trace_id, place.span.span_id))


def _draw_difference(rows: Sequence[Pair]) -> None:
    """Draw input and output of a step that both runs took, where they differ."""
    differing = {
        f"{number} {row.left.label}": row
        for number, row in enumerate(rows, 1)
        if row.left and (row.input_differs or row.output_differs)
    }
    if not differing:
        return
    chosen = st.selectbox("Steps with another input or output", list(differing))
    row = differing[chosen]
    for title, field in (("Input", "input"), ("Output", "output")):
        st.html(markup.page(markup.subheading(title)))
        for column, place in zip(st.columns(2), (row.left, row.right), strict=True):
            with column:
                payload.show(getattr(place.span, field) if place and place.span else None)
