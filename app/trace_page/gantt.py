"""Tree and Gantt of a trace in one Altair chart: both share their rows.

Rows are as wide as the plot and its margins, so that a click anywhere in a row selects it. Texts
are marks, not axis labels, because only marks can have a colour of their own.

Altair takes 0.2 s to make a chart, each time that a row is clicked. So the specification is built
once for all charts that look alike, and the rows are put into it (`chart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import altair as alt
import orjson

from clustertrace.app import words
from clustertrace.app.theme import Palette
from clustertrace.app.trace_page.span_rows import SpanRow
from clustertrace.telling.plain import plain

__all__ = ["ROW_PIXELS", "SELECTION", "chart", "values"]

SELECTION: Final = "picked"
"""The chart's selection; its field `row` is the row's number."""
ROW_PIXELS: Final = 24
_AXIS: Final = 30
"""Height of the time axis with its padding, which Streamlit fits into the height."""

_NARROWEST: Final = 150
_WIDEST: Final = 340
_STEP: Final = 10
_LETTER: Final = 7
"""About the width of a letter, pixels."""
_LEVEL: Final = 14
_TOOK: Final = 62
_TOKENS: Final = 165
_COST: Final = 238
"""Right edges of the columns beside the plot, pixels from its right edge."""
_ROOMY: Final = 760
"""From so many pixels on all columns stand beside the plot; below, the bars get their room."""
_NAMES_SHARE: Final = 0.4
"""Of the chart's width, at most, for the names of steps."""
_IS_ROOMY: Final = f"room >= {_ROOMY}"
_NOTHING: Final = alt.value("")
_BARS: Final = 1
"""Which layer the bars are."""
_DEEPEST: Final = 12
_LONGEST_NAME: Final = 60
_FONT: Final = '"Source Sans", sans-serif'
_SYMBOLS: Final = "Material Symbols Rounded"
_CANVAS_FROM: Final = 300
"""Rows from which a canvas draws faster than SVG."""
_UNITS: Final = (("ms", 1e6, 2e9), ("s", 1e9, 300e9), ("min", 60e9, 7200e9), ("h", 3600e9, None))


_TITLES: Final = {
    "name": "Step",
    "took": "Took",
    "model": "Model",
    "tokens": "Tokens in → out",
    "cost": "Cost",
}


class _Margins(NamedTuple):
    """What lies left and right of the plot, pixels."""

    names: int
    columns: tuple[tuple[int, str], ...]
    """Right edge and field of each column."""

    @property
    def right(self) -> int:
        return self.columns[-1][0]


def values(rows: Sequence[SpanRow], now_ns: int) -> tuple[list[dict[str, Any]], str]:
    """What the chart draws, and the unit of its times."""
    start = min(row.start_ns for row in rows)
    end = max(now_ns if _runs(row) else row.end_ns or row.start_ns for row in rows)
    extent = max(1, end - start)
    unit, size = next((name, ns) for name, ns, up_to in _UNITS if up_to is None or extent < up_to)
    shortest = extent / 150  # so that an instant is still seen
    drawn = []
    for number, row in enumerate(rows):
        first = row.start_ns - start
        last = (now_ns if _runs(row) else row.end_ns or row.start_ns) - start
        drawn.append(
            {
                "row": number,
                "from": first / size,
                "to": max(last, first + shortest) / size,
                "name": _name(row),
                "kind": words.KINDS.get(row.span.kind, words.KINDS["chain"]),
                "depth": min(row.depth, _DEEPEST),
                "status": row.span.status,
                **_columns(row),
            }
        )
    return drawn, unit


def _runs(row: SpanRow) -> bool:
    return row.span.status == "running"


def _name(row: SpanRow) -> str:
    name = plain(" ".join(row.span.name.split())) or "(no name)"
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 1] + "…"
    signs = {"error": " !", "running": " …", "incomplete": " ?"}
    times = f" ×{len(row.spans)}" if len(row.spans) > 1 else ""
    return f"{name}{times}{signs.get(row.span.status, '')}"


def _columns(row: SpanRow) -> dict[str, str]:
    took = None if row.end_ns is None else max(0, row.end_ns - row.start_ns)
    read_written = row.tokens
    return {
        "took": words.duration(took),
        "tokens": " → ".join(map(words.short_count, read_written)) if read_written else "",
        "cost": "" if row.cost_usd is None else words.money(row.cost_usd),
        "model": row.span.model or "",
    }


def chart(rows: Sequence[SpanRow], colours: Palette, now_ns: int, selected: int) -> dict[str, Any]:
    """The chart in Vega-Lite, with its data; `selected` is the row that is marked at first."""
    data, unit = values(rows, now_ns)
    made: dict[str, Any] = orjson.loads(_form(colours, unit, _margins(data), _shown(data)))
    made["data"] = {"values": data}
    made["height"] = ROW_PIXELS * len(data) + _AXIS
    # Known here, so that a browser that has no data yet need not wonder.
    made["layer"][_BARS]["encoding"]["x"]["scale"]["domain"] = [0, max(row["to"] for row in data)]
    renderer = "canvas" if len(data) > _CANVAS_FROM else "svg"
    made["usermeta"] = {"embedOptions": {"renderer": renderer}}
    [picked] = [param for param in made["params"] if param["name"] == SELECTION]
    picked["value"] = [{"row": selected}]
    return made


@lru_cache(maxsize=64)
def _form(colours: Palette, unit: str, margins: _Margins, shown: tuple[str, ...]) -> bytes:
    """What charts of this look have in common, as JSON in Vega-Lite."""
    picked = alt.selection_point(
        name=SELECTION, fields=["row"], on="click", clear=False, empty=False, toggle=False
    )
    room = alt.param("room", expr=f"containerSize()[0] || {_ROOMY}")
    names = alt.param("names", expr=f"min({margins.names}, round(room * {_NAMES_SHARE}))")
    base = alt.Chart(alt.NamedData("rows")).encode(
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        tooltip=[alt.Tooltip(f"{field}:N", title=_TITLES[field]) for field in shown],
    )
    layers = [
        _background(base, colours, picked, margins),
        _bars(base, colours, unit),
        *_names(base, colours),
        *(_column(base, colours, edge, field) for edge, field in margins.columns),
    ]
    made = (
        alt.layer(*layers)
        .add_params(room, names)
        .properties(padding={"left": 2, "right": 6, "top": 5, "bottom": 5})
        .configure_view(stroke="transparent", clip=False)
        .configure(font=_FONT, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    )
    return orjson.dumps(made.to_dict())


def _shown(data: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """What there is to say of a row where the pointer rests."""
    return tuple(field for field in _TITLES if any(row[field] for row in data))


def _background(
    base: alt.Chart, colours: Palette, picked: alt.Parameter, margins: _Margins
) -> alt.Chart:
    made: alt.Chart = (
        base.mark_rect(cursor="pointer", cornerRadius=3)
        .encode(
            x=alt.value(alt.expr("-names")),
            x2=alt.value(alt.expr(f"width + ({_IS_ROOMY} ? {margins.right} : {_TOOK})")),
            color=alt.when(picked)
            .then(alt.value(colours.raised))
            .otherwise(alt.value("transparent")),
        )
        .add_params(picked)
    )
    return made


def _bars(base: alt.Chart, colours: Palette, unit: str) -> alt.Chart:
    made: alt.Chart = base.mark_bar(height=11, cornerRadius=2, cursor="pointer").encode(
        x=alt.X(
            "from:Q",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(
                orient="top",
                title=None,
                tickCount=alt.expr("width < 300 ? 3 : 6"),
                grid=True,
                gridColor=colours.border,
                domain=False,
                ticks=False,
                labelExpr=f"datum.label + ' {unit}'",
                labelColor=colours.muted,
                labelFlush=False,
                labelOverlap=True,
            ),
        ),
        x2="to:Q",
        color=_by_status(colours, colours.bar),
    )
    return made


def _by_status(colours: Palette, otherwise: str) -> alt.Color:
    return alt.Color(
        "status:N",
        scale=alt.Scale(
            domain=["ok", "error", "running", "incomplete"],
            range=[otherwise, colours.failed, colours.uncertain, colours.uncertain],
        ),
        legend=None,
    )


def _names(base: alt.Chart, colours: Palette) -> list[alt.Chart]:
    offset = f"datum.depth * {_LEVEL} - names"
    signs = base.mark_text(
        align="left",
        baseline="middle",
        font=_SYMBOLS,
        fontSize=15,
        dx=alt.expr(offset),
        dy=1,
        color=colours.muted,
        cursor="pointer",
    ).encode(x=alt.value(0), text="kind:N")
    texts = base.mark_text(
        align="left",
        baseline="middle",
        fontSize=13,
        dx=alt.expr(f"{offset} + 20"),
        limit=alt.expr(f"max(20, names - 28 - datum.depth * {_LEVEL})"),
        cursor="pointer",
    ).encode(
        x=alt.value(0),
        text="name:N",
        color=alt.when("datum.status == 'error'")
        .then(alt.value(colours.failed))
        .otherwise(alt.value(colours.text)),
    )
    return [signs, texts]


def _margins(data: Sequence[dict[str, Any]]) -> _Margins:
    """As wide as the longest name, and the columns that have something to show."""
    wanted = max(row["depth"] * _LEVEL + len(row["name"]) * _LETTER for row in data) + 40
    # In steps, so that most charts have a width that another one had.
    stepped = -(-wanted // _STEP) * _STEP
    columns = tuple(
        (edge, field)
        for edge, field in ((_TOOK, "took"), (_TOKENS, "tokens"), (_COST, "cost"))
        if field == "took" or any(row[field] for row in data)
    )
    return _Margins(min(_WIDEST, max(_NARROWEST, stepped)), columns)


def _column(base: alt.Chart, colours: Palette, edge: int, field: str) -> alt.Chart:
    """A column of texts beside the plot; where there is little room, only how long it took."""
    always = edge == _TOOK
    text = f"{field}:N" if always else alt.when(_IS_ROOMY).then(f"{field}:N").otherwise(_NOTHING)
    # An empty text has a place too, which would take room from the plot.
    place = f"width + {edge}" if always else f"{_IS_ROOMY} ? width + {edge} : width"
    made: alt.Chart = base.mark_text(
        align="right", baseline="middle", fontSize=12, color=colours.muted, cursor="pointer"
    ).encode(x=alt.value(alt.expr(place)), text=text)
    return made
