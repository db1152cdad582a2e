from __future__ import annotations

from clustertrace.model import INTERNAL, Span
from clustertrace.understanding.folding import internal, visible


def span(span_id: str, parent: str | None = None, *, inner: bool = False) -> Span:
    marks = {INTERNAL: True} if inner else {}
    return Span("t", span_id, parent, span_id, "chain", "ok", 1, 2, attributes=marks)


def test_inner_life_is_left_out() -> None:
    """What hangs below it moves up to the next span that is shown."""
    root = span("a")
    spans = [root, span("b", "a", inner=True), span("c", "b", inner=True), span("d", "c")]
    shown = visible(spans, root)
    assert [(one.span_id, one.parent_span_id) for one in shown] == [("a", None), ("d", "a")]


def test_the_root_is_shown() -> None:
    """A trace has a root, whatever it is."""
    root = span("a", inner=True)
    assert internal(root)
    assert list(visible([root, span("b", "a")], root)) == [root, span("b", "a")]


def test_nothing_to_fold() -> None:
    """Ordinary traces come back as they are."""
    spans = [span("a"), span("b", "a")]
    assert visible(spans, spans[0]) is spans


def test_a_circle_of_inner_life() -> None:
    """Spans that are each other's parents end the search."""
    root = span("a")
    spans = [root, span("b", "c", inner=True), span("c", "b", inner=True), span("d", "c")]
    assert [one.span_id for one in visible(spans, root)] == ["a", "d"]
