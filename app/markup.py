"""All hand-written HTML of the pages, built with `tag` of clustertrace.telling.markup.

`tag` escapes text, and Streamlit sanitises the result once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from clustertrace.app import words
from clustertrace.review.layout import Column, Marked
from clustertrace.store.answers import Passage, Step
from clustertrace.telling.markup import Markup, join, tag
from clustertrace.telling.plain import NO_NAME

__all__ = [
    "Column",
    "Markup",
    "Segment",
    "bar",
    "chips",
    "coded",
    "difference_bar",
    "fact",
    "facts",
    "heading",
    "icon",
    "join",
    "link",
    "linked",
    "marks",
    "message",
    "muted",
    "notice",
    "number",
    "page",
    "passage",
    "pointed",
    "rate_bar",
    "rows",
    "segments",
    "sparkline",
    "spent",
    "state",
    "subheading",
    "tag",
    "text_block",
    "unbroken",
]


_COLUMN_REM: Final = 1.5
"""Maximum width of a column of a chart over time, rem."""
_SHADES: Final = (100, 93)
"""How strong the parts of a bar are, per cent, in turns; words on paler ones could not be read."""
_SQUARES: Final = {"kept": "●", "partial": "◐", "missed": "○", "open": "?", "none": "·"}
"""The sign for each mark of a week's plan."""


def page(*parts: object, cls: str = "") -> Markup:
    """The wrapper for st.html; style.css and the link catcher look for its class."""
    return tag("div", *parts, cls=f"ct {cls}".rstrip())


def notice(text: str, *more: object) -> Markup:
    """A sentence that says why there is nothing to show, and what to do."""
    return page(tag("p", text, cls="ct-notice"), *more)


def heading(text: str) -> Markup:
    """The sentence at the top of a page; a number and its per cent sign stay on one line."""
    return tag("h1", text.replace(" %", "\u00a0%"), cls="ct-headline")


def link(text: object, href: str, *, cls: str = "", title: str | None = None) -> Markup:
    """A link to one of our pages."""
    return tag("a", text, href=href, cls=cls, title=title, target="_self")


def linked(text: object, href: str, *, title: str | None = None) -> Markup:
    """A link, or only the text if `href` is empty."""
    return link(text, href, title=title) if href else tag("span", text, title=title)


def coded(text: str) -> list[object]:
    """A sentence with steps in backticks, as escaped text and code elements."""
    return [tag("code", part) if index % 2 else part for index, part in enumerate(text.split("`"))]


def subheading(text: str) -> Markup:
    """The heading of a part of a page."""
    return tag("h2", text, cls="ct-subheadline")


def rows(cells: Sequence[Sequence[object]], head: Sequence[str] = ()) -> Markup:
    """A small table, without empty columns; on a narrow screen each row becomes a block.

    Blocks have no header, so each cell carries its own title.
    """
    width = max(map(len, cells), default=0)
    columns = [
        column for column in range(width) if any(row[column] not in ("", None) for row in cells)
    ]
    titles = [head[column] if head else None for column in columns]
    lines = (
        tag(
            "tr",
            *(
                tag("td", row[column], data_title=title or None)
                for column, title in zip(columns, titles, strict=True)
            ),
        )
        for row in cells
    )
    shown = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in titles)))
    return tag("table", shown if head else "", tag("tbody", *lines), cls="ct-rows")


def unbroken(value: str) -> Markup:
    """A number or a time that is not broken across lines."""
    return tag("span", value, cls="ct-nowrap")


def bar(part: float) -> Markup:
    """A share, 0 to 1, as a bar."""
    fill = tag("span", cls="ct-bar-fill", style=f"width:{part * 100:.1f}%")
    return tag("span", fill, cls="ct-rate")


def passage(found: Passage, href: str, moment: str) -> Markup:
    """A search result: the span, the words around the match, and how many steps repeat them."""
    hit = found.first
    source = tag(
        "div",
        icon(hit.kind),
        " ",
        link(words.in_line(hit.span_name), href),
        tag("b", " !", cls="ct-broke", title="ended in an error") if hit.failed else "",
        muted(f" in {words.in_line(hit.trace_name)}, {moment}, {words.found_in(found)}"),
    )
    return tag("div", source, tag("div", _marked(hit.snippet), cls="ct-snippet"), cls="ct-hit")


def _marked(snippet: str) -> Markup:
    """A snippet with its matches (between \\x02 and \\x03) highlighted."""
    parts: list[object] = []
    for piece in snippet.split("\x02"):
        match, end, rest = piece.partition("\x03")
        parts += [tag("mark", match), rest] if end else [match]
    return join(parts)


def muted(*parts: object) -> Markup:
    """Explanatory words."""
    return tag("span", *parts, cls="ct-muted")


def fact(value: object, label: str, *, href: str = "", title: str | None = None) -> Markup:
    """A number and what it counts; with `href`, the number is a link."""
    number = linked(value, href, title=title)
    return tag("span", tag("b", number), " ", muted(label), cls="ct-fact")


def number(count: int, noun: str, *, href: str = "") -> Markup:
    """A fact: a count and its noun, with a plural -s unless it is one."""
    return fact(words.count(count), noun if count == 1 else f"{noun}s", href=href)


def spent(usd: float, unpriced: int, *, title: str | None = None) -> Markup:
    """A fact: what calls cost, of which `unpriced` have no known cost."""
    if unpriced and not usd:
        return fact("unknown", "cost", title=title)
    return fact(words.cost(usd, unpriced), "spent", title=title)


def facts(*all_facts: Markup) -> Markup:
    """A line of small facts."""
    return tag("div", *all_facts, cls="ct-facts")


def icon(kind: str) -> Markup:
    """The icon of a span kind; style.css draws it from the symbol font."""
    known = kind if kind in words.KINDS else "chain"
    return tag("span", cls=f"ct-icon ct-kind-{known}", title=known, aria_hidden="true")


def state(shown: words.State) -> Markup:
    """How a run ended: sign, word and colour, with the reason as tooltip."""
    return tag("span", shown.label, cls=f"ct-state ct-{shown.tone}", title=shown.reason)


def chips(steps: Sequence[Step], limit: int = 14) -> Markup:
    """The steps of a pattern; if there are many, only the first and last of them."""
    if not steps:
        return muted("no steps")
    if len(steps) <= limit:
        return tag("div", *map(_chip, steps), cls="ct-chips")
    head, tail = steps[: limit - 4], steps[-3:]
    left_out = tag("span", f"… {len(steps) - len(head) - len(tail)} more …", cls="ct-muted")
    return tag("div", *map(_chip, head), left_out, *map(_chip, tail), cls="ct-chips")


def _chip(step: Step) -> Markup:
    parts: list[object] = []
    for index, (name, failed, kind) in enumerate(
        zip(step.names, step.failed, step.kinds, strict=True)
    ):
        if index:
            parts.append(muted("→"))
        parts += [icon(kind), tag("span", name or NO_NAME, cls="ct-name")]
        if failed:
            parts.append(tag("b", "!", cls="ct-broke", title="ended in an error"))
    if step.count != "1":
        parts.append(tag("span", words.times(step.count), cls="ct-times"))
    failed_class = " ct-chip-broke" if any(step.failed) else ""
    return tag("span", *parts, cls=f"ct-chip{failed_class}")


def rate_bar(rate: float, low: float, high: float) -> Markup:
    """A failure rate as a bar, with its interval as a thin line over it."""
    return tag(
        "span",
        tag("span", cls="ct-rate-fill", style=f"width:{rate * 100:.1f}%"),
        tag(
            "span",
            cls="ct-rate-interval",
            style=f"left:{low * 100:.1f}%;width:{max(0.5, (high - low) * 100):.1f}%",
        ),
        cls="ct-rate",
        title=f"95 % interval {low * 100:.0f} to {high * 100:.0f} %",
    )


def difference_bar(difference: float, low: float, high: float, *, strong: bool) -> Markup:
    """A difference of shares (-1 to 1) as a dot, its interval as a line, zero in the middle."""
    return tag(
        "span",
        tag("span", cls="ct-diff-zero"),
        tag(
            "span",
            cls="ct-diff-line",
            style=f"left:{(low + 1) * 50:.1f}%;width:{max(0.5, (high - low) * 50):.1f}%",
        ),
        tag("span", cls="ct-diff-dot", style=f"left:{(difference + 1) * 50:.1f}%"),
        cls="ct-diff ct-diff-strong" if strong else "ct-diff",
        title=f"{difference * 100:+.0f} points, 95 % interval {low * 100:+.0f} to "
        f"{high * 100:+.0f}",
    )


class Segment(NamedTuple):
    """A part of a bar, which is a link."""

    size: int
    label: str
    title: str
    """The tooltip."""
    href: str
    is_rest: bool = False
    """Whether it stands for all other things together, and so looks pale."""


def segments(parts: Sequence[Segment]) -> Markup:
    """One bar split into links, each as wide as its share."""
    total = sum(part.size for part in parts) or 1
    return tag(
        "div",
        *(
            tag(
                "a",
                tag("span", part.label),
                href=part.href,
                target="_self",
                title=part.title,
                cls="ct-segment ct-rest" if part.is_rest else "ct-segment",
                style=f"flex-grow:{part.size};--shade:{_SHADES[index % 2]}%",
                data_share=f"{part.size / total:.3f}",
            )
            for index, part in enumerate(parts)
        ),
        cls="ct-segments",
        role="group",
        aria_label="Failures by pattern",
    )


def sparkline(columns: Sequence[Column], *, tall: bool = False) -> Markup:
    """A small column chart over time."""
    highest = max((column.runs for column in columns), default=0) or 1
    return tag(
        "span",
        *(
            tag(
                "span",
                tag("span", cls="ct-spark-bad", style=f"height:{100 * failed / max(runs, 1):.0f}%"),
                cls="ct-spark-column",
                style=f"height:{max(12, 100 * runs / highest) if runs else 0:.0f}%",
                title=title,
            )
            for runs, failed, title in columns
        ),
        cls="ct-spark ct-tall" if tall else "ct-spark",
        style=f"max-width:{_COLUMN_REM * len(columns):.1f}rem" if tall else None,
    )


def marks(weeks: Sequence[Marked]) -> Markup:
    """A sign for each week, for how its plan went."""
    squares = (
        tag(
            "a",
            _SQUARES[mark],
            href=href,
            target="_self",
            title=title,
            aria_label=title,
            cls=f"ct-mark ct-mark-{mark}",
        )
        for mark, title, href in weeks
    )
    return tag("div", *squares, cls="ct-marks", role="group", aria_label="Plans, week by week")


def pointed(sentence: str, text: str, position: int) -> Markup:
    """A sentence about a text, and the text with a mark under one character."""
    line = text.replace("\n", " ")
    mark = tag("pre", f"{line}\n{' ' * position}^", cls="ct-pointed")
    return join([tag("p", sentence, cls="ct-notice"), mark])


def text_block(text: str) -> Markup:
    """Preformatted text."""
    return tag("pre", text, cls="ct-text")


def message(role: str, *content: object) -> Markup:
    """One message of a conversation."""
    known = role if role in ("system", "user", "assistant", "tool") else "other"
    return tag(
        "div",
        tag("div", role, cls="ct-role"),
        tag("div", *content, cls="ct-said"),
        cls=f"ct-message ct-role-{known}",
    )
