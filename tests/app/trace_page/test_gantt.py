"""The chart of a trace: rows, folding, what opens first."""

from __future__ import annotations

from typing import Any

import altair as alt

from clustertrace.app.theme import LIGHT
from clustertrace.app.trace_page import gantt
from clustertrace.app.trace_page.span_rows import broken, span_rows
from clustertrace.model import Span

SECOND = 10**9


def span(number: int, parent: int | None = 1, name: str = "step", **more: Any) -> Span:
    """Span `number`: it starts `number` seconds in and takes one."""
    fields: dict[str, Any] = {"kind": "tool", "status": "ok", "end_ns": (number + 1) * SECOND}
    start = {"start_ns": number * SECOND}
    above = None if parent is None else f"{parent:016x}"
    return Span("a" * 32, f"{number:016x}", above, name, **(start | fields | more))


def test_a_row_a_span_in_the_order_of_the_tree() -> None:
    """Children stand below their parents, one step to the right."""
    spans = [span(1, None, "root"), span(2, 1, "a"), span(4, 1, "c"), span(3, 2, "b")]
    rows, left_out = span_rows(spans, 100)
    assert [(row.span.name, row.depth) for row in rows] == [
        ("root", 0),
        ("a", 1),
        ("b", 2),
        ("c", 1),
    ]
    assert left_out == 0


def test_long_traces_fold_equal_siblings() -> None:
    """Equal siblings in a row become one line that counts them and adds up what they cost."""
    calls = [span(n, 1, "call", cost_usd=0.5, input_tokens=3) for n in range(2, 3_000)]
    rows, left_out = span_rows([span(1, None, "root"), *calls, span(5_000, 1, "last")], 1_000)
    assert [(row.span.name, len(row.spans)) for row in rows] == [
        ("root", 1),
        ("call", 2_998),
        ("last", 1),
    ]
    assert left_out == 0
    assert rows[1].cost_usd == 1_499.0
    assert rows[1].tokens == (8_994, 0)


def test_folding_keeps_failures_apart() -> None:
    """A failed step is never hidden among its equals that went well."""
    calls = [span(n, 1, status="error" if n == 50 else "ok") for n in range(2, 100)]
    rows, _ = span_rows([span(1, None, "root"), *calls], 10)
    assert [len(row.spans) for row in rows] == [1, 48, 1, 49]
    assert rows[2].span.status == "error"


def test_what_can_not_be_folded_is_counted() -> None:
    """Rows beyond the limit are left out, and how many is known."""
    calls = [span(n, 1, f"call {n}") for n in range(2, 102)]
    rows, left_out = span_rows([span(1, None, "root"), *calls], 10)
    assert (len(rows), left_out) == (10, 91)


def test_what_failed_and_what_is_asked_for_is_never_left_out() -> None:
    """Far down as they may be, they are drawn in their place, and what is above them too."""
    calls = [span(n, 1, f"call {n}") for n in range(2, 102)]
    deep = [span(90_001, 95, "deep"), span(90_002, 99, "broke", status="error")]
    rows, left_out = span_rows([span(1, None, "root"), *calls, *deep], 10, f"{90_001:016x}")
    names = [row.span.name for row in rows]
    assert names[:2] == ["root", "call 2"]
    assert names[-4:] == ["call 95", "deep", "call 99", "broke"]
    assert (len(rows), left_out) == (10, 93)


def test_where_it_broke_is_drawn_however_much_failed() -> None:
    """Failed rows take half of the room at most, and the first failure in time is among them."""
    late = [span(n, 1, f"call {n}", status="error") for n in range(2, 102)]
    early = span(900, 101, "early", status="error")
    spans = [span(1, None, "root"), early, *late[:-1], late[-1]._replace(status="ok")]
    rows, _ = span_rows(spans, 10)
    assert broken(spans) == early
    names = [row.span.name for row in rows]
    assert names[-2:] == ["call 101", "early"]
    assert len(names) == 10


def test_folding_hides_neither_failures_below_nor_what_is_asked_for() -> None:
    """Of equal siblings those stay apart that have one below, and the one asked for itself."""
    turns = [span(n, 1, "turn") for n in range(2, 100)]
    below = span(900, 50, "fetch", status="error")
    rows, _ = span_rows([span(1, None, "root"), *turns, below], 10, f"{70:016x}")
    assert [(row.span.name, len(row.spans)) for row in rows] == [
        ("root", 1),
        ("turn", 48),
        ("turn", 1),
        ("fetch", 1),
        ("turn", 19),
        ("turn", 1),
        ("turn", 29),
    ]


def test_circles_and_orphans_are_drawn_once() -> None:
    """Whatever the parents say, every span is in one row."""
    spans = [span(1, 2), span(2, 1), span(3, 3), span(4, 99)]
    rows, _ = span_rows(spans, 100)
    assert sorted(row.span.span_id for row in rows) == [one.span_id for one in spans]
    folded, _ = span_rows(spans, 1)
    assert folded


def test_a_trace_broke_at_its_innermost_first_failure() -> None:
    """The first step that failed is where a run broke, not the root that failed because of it."""
    spans = [
        span(1, None, status="error"),
        span(2, 1),
        span(3, 1, status="error"),
        span(4, 3, "cause", status="error"),
        span(5, 1, status="error"),
    ]
    found = broken(spans)
    assert found is not None
    assert found.name == "cause"
    assert broken([span(1, None)]) is None


def test_times_have_the_unit_that_fits() -> None:
    """Milliseconds for short traces, minutes for long ones; instants stay visible."""
    rows, _ = span_rows([span(0, None, end_ns=5_000_000), span(0, 0, end_ns=0)], 10)
    drawn, unit = gantt.values(rows, 0)
    assert unit == "ms"
    assert all(row["to"] > row["from"] for row in drawn)
    assert max(row["to"] for row in drawn) == 5
    rows, _ = span_rows([span(0, None, end_ns=1_800 * SECOND)], 10)
    assert gantt.values(rows, 0)[1] == "min"


def test_a_running_span_lasts_until_now() -> None:
    """What has not ended is drawn up to the present, and its duration is not claimed."""
    rows, _ = span_rows([span(0, None, status="running", end_ns=None)], 10)
    [row], _ = gantt.values(rows, 7 * SECOND)
    assert row["to"] == 7.0
    assert row["took"] == "…"
    assert row["name"] == "step …"


def test_long_names_are_cut_and_stay_on_one_line() -> None:
    """A name can't make the chart wider or taller."""
    rows, _ = span_rows([span(0, None, "a\nb" * 1_000)], 10)
    [row], _ = gantt.values(rows, 0)
    assert len(row["name"]) <= 60
    assert "\n" not in row["name"]


def test_a_name_does_not_turn_the_sign_behind_it() -> None:
    """A chart draws text as it comes, so the characters that change its direction are replaced."""
    rows, _ = span_rows([span(0, None, "a\u202eb", status="error")], 10)
    [row], _ = gantt.values(rows, 0)
    assert row["name"] == "a\ufffdb !"


def test_the_chart_is_valid_vega_lite() -> None:
    """Altair accepts it, for one row and for many, and it has the rows and the marked one."""
    for count in (1, 2, 400):
        rows, _ = span_rows([span(n, None) for n in range(count)], 1_000)
        spec = gantt.chart(rows, LIGHT, 0, count - 1)
        alt.LayerChart.from_dict(spec)
        assert spec["height"] >= count * gantt.ROW_PIXELS
        assert [row["row"] for row in spec["data"]["values"]] == list(range(count))
        values = {param["name"]: param.get("value") for param in spec["params"]}
        assert values[gantt.SELECTION] == [{"row": count - 1}]
        renderer = spec["usermeta"]["embedOptions"]["renderer"]
        assert renderer == ("canvas" if count == 400 else "svg")


def test_a_chart_is_its_own() -> None:
    """What is done to one chart shows in no other of the same look."""
    rows, _ = span_rows([span(0, None)], 10)
    first = gantt.chart(rows, LIGHT, 0, 0)
    first["layer"].clear()
    assert gantt.chart(rows, LIGHT, 0, 0)["layer"]
