"""Tree and Gantt of a trace in one Altair chart, sharing their rows.

Rows are as wide as the plot and its margins, so that a click anywhere in a row selects it. Texts
are marks, not axis labels, because only marks can each have their own colour.

Altair takes 0.2 s to build a chart, and a click on a row draws it anew. So the specification is
built once for all charts that look alike, and `chart` puts the rows into it.
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
from clustertrace.telling.plain import NO_NAME, plain
from clustertrace.telling.words import shortened

__all__ = ["ROW_PIXELS", "SELECTION", "chart", "values"]

SELECTION: Final = "picked"
"""The chart's selection; its field `row` is the row's number."""
ROW_PIXELS: Final = 24
_AXIS_PIXELS: Final = 30
"""Height of the time axis with its padding, which counts as part of the chart's height."""

_MIN_NAMES: Final = 150
_MAX_NAMES: Final = 340
_WIDTH_STEP: Final = 10
_LETTER_WIDTH: Final = 7
"""Approximate width of a letter, pixels."""
_INDENT: Final = 14
_TOOK_EDGE: Final = 62
_TOKENS_EDGE: Final = 165
_COST_EDGE: Final = 238
"""Right edges of the columns beside the plot, pixels from its right edge."""
_ROOMY_PIXELS: Final = 760
"""From this chart width on, all columns are shown beside the plot; below it only the times are."""
_NAMES_SHARE: Final = 0.4
"""The largest share of the chart's width that names of steps may take."""
_IS_ROOMY: Final = f"room >= {_ROOMY_PIXELS}"
_NOTHING: Final = alt.value("")
_BARS_LAYER: Final = 1
"""The index of the layer with the bars."""
_MAX_DEPTH: Final = 12
_MAX_NAME_LENGTH: Final = 60
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
    """The space left and right of the plot, pixels."""

    names: int
    columns: tuple[tuple[int, str], ...]
    """Right edge and field of each column."""

    @property
    def right(self) -> int:
        return self.columns[-1][0]


def values(rows: Sequence[SpanRow], now_ns: int) -> tuple[list[dict[str, Any]], str]:
    """The data of the chart, and the unit of its times."""
    start = min(row.start_ns for row in rows)
    end = max(now_ns if _is_running(row) else row.end_ns or row.start_ns for row in rows)
    extent = max(1, end - start)
    unit, size = next((name, ns) for name, ns, up_to in _UNITS if up_to is None or extent < up_to)
    shortest = extent / 150  # so that instant spans are visible
    marks = []
    for number, row in enumerate(rows):
        first = row.start_ns - start
        last = (now_ns if _is_running(row) else row.end_ns or row.start_ns) - start
        marks.append(
            {
                "row": number,
                "from": first / size,
                "to": max(last, first + shortest) / size,
                "name": _name(row),
                "kind": words.KINDS.get(row.span.kind, words.KINDS["chain"]),
                "depth": min(row.depth, _MAX_DEPTH),
                "status": row.span.status,
                **_columns(row),
            }
        )
    return marks, unit


def _is_running(row: SpanRow) -> bool:
    return row.span.status == "running"


def _name(row: SpanRow) -> str:
    name = shortened(plain(" ".join(row.span.name.split())) or NO_NAME, _MAX_NAME_LENGTH)
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
    """The chart in Vega-Lite, with its data; row `selected` is selected at first."""
    data, unit = values(rows, now_ns)
    spec: dict[str, Any] = orjson.loads(
        _template(colours, unit, _margins(data), _tooltip_fields(data))
    )
    spec["data"] = {"values": data}
    spec["height"] = ROW_PIXELS * len(data) + _AXIS_PIXELS
    # Set here, because a browser without the data yet could not compute it.
    spec["layer"][_BARS_LAYER]["encoding"]["x"]["scale"]["domain"] = [
        0,
        max(row["to"] for row in data),
    ]
    renderer = "canvas" if len(data) > _CANVAS_FROM else "svg"
    spec["usermeta"] = {"embedOptions": {"renderer": renderer}}
    [picked] = [param for param in spec["params"] if param["name"] == SELECTION]
    picked["value"] = [{"row": selected}]
    return spec


@lru_cache(maxsize=64)
def _template(colours: Palette, unit: str, margins: _Margins, shown: tuple[str, ...]) -> bytes:
    """The specification that all charts of this look share, as Vega-Lite JSON."""
    picked = alt.selection_point(
        name=SELECTION, fields=["row"], on="click", clear=False, empty=False, toggle=False
    )
    room = alt.param("room", expr=f"containerSize()[0] || {_ROOMY_PIXELS}")
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
    layered = (
        alt.layer(*layers)
        .add_params(room, names)
        .properties(padding={"left": 2, "right": 6, "top": 5, "bottom": 5})
        .configure_view(stroke="transparent", clip=False)
        .configure(font=_FONT, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    )
    return orjson.dumps(layered.to_dict())


def _tooltip_fields(data: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """The fields of the tooltip: those that some row has."""
    return tuple(field for field in _TITLES if any(row[field] for row in data))


def _background(
    base: alt.Chart, colours: Palette, picked: alt.Parameter, margins: _Margins
) -> alt.Chart:
    rectangles: alt.Chart = (
        base.mark_rect(cursor="pointer", cornerRadius=3)
        .encode(
            x=alt.value(alt.expr("-names")),
            x2=alt.value(alt.expr(f"width + ({_IS_ROOMY} ? {margins.right} : {_TOOK_EDGE})")),
            color=alt.when(picked)
            .then(alt.value(colours.raised))
            .otherwise(alt.value("transparent")),
        )
        .add_params(picked)
    )
    return rectangles


def _bars(base: alt.Chart, colours: Palette, unit: str) -> alt.Chart:
    bars: alt.Chart = base.mark_bar(height=11, cornerRadius=2, cursor="pointer").encode(
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
    return bars


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
    offset = f"datum.depth * {_INDENT} - names"
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
        limit=alt.expr(f"max(20, names - 28 - datum.depth * {_INDENT})"),
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
    """Margins for the longest name, and for the columns that some row fills."""
    wanted = max(row["depth"] * _INDENT + len(row["name"]) * _LETTER_WIDTH for row in data) + 40
    # Rounded up to steps, so that most charts share their template with others.
    stepped = -(-wanted // _WIDTH_STEP) * _WIDTH_STEP
    columns = tuple(
        (edge, field)
        for edge, field in ((_TOOK_EDGE, "took"), (_TOKENS_EDGE, "tokens"), (_COST_EDGE, "cost"))
        if field == "took" or any(row[field] for row in data)
    )
    return _Margins(min(_MAX_NAMES, max(_MIN_NAMES, stepped)), columns)


def _column(base: alt.Chart, colours: Palette, edge: int, field: str) -> alt.Chart:
    """A column of texts beside the plot; on a narrow screen only the column of times."""
    always = edge == _TOOK_EDGE
    text = f"{field}:N" if always else alt.when(_IS_ROOMY).then(f"{field}:N").otherwise(_NOTHING)
    # Even an empty text takes up its place, so it must not lie outside the plot.
    place = f"width + {edge}" if always else f"{_IS_ROOMY} ? width + {edge} : width"
    texts: alt.Chart = base.mark_text(
        align="right", baseline="middle", fontSize=12, color=colours.muted, cursor="pointer"
    ).encode(x=alt.value(alt.expr(place)), text=text)
    return texts
