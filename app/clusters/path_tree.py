"""The paths of all runs of an agent as a small tree: where they branch, how each way ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from clustertrace.app import markup, words
from clustertrace.patterns.divergence import END, Divergence, Node
from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import wilson

__all__ = ["tree"]

_MAX_ROWS: Final = 16
_BRANCHES: Final = 4
"""How many ways are shown at a branch; the others share one row."""
_FOLLOWED_SHARE: Final = 0.1
"""A way is followed if it has at least this share of all runs, or leads to a marked end."""
_CHIPS: Final = 10

Steps = tuple[Step, ...]


class _Row(NamedTuple):
    depth: int
    steps: Steps
    runs: int
    failed: int
    note: str = ""
    continues: bool = False
    """Whether it goes on in ways that are not shown."""
    others: int = 0
    """If not 0, how many ways this row counts together."""


def tree(root: Node, parting: Divergence | None, pattern_steps: Steps) -> markup.Markup:
    """One row per stretch of steps without a branch, most failures first.

    The ways to the `parting` and to the pattern with the steps `pattern_steps` are always followed.
    """
    ends = {(*pattern_steps, END): "this pattern"}
    if parting is not None:
        jump = (*parting.path, parting.step)
        addition = f"; {ends[jump]}" if jump in ends else ""
        ends[jump] = f"here the chance of failing jumps most{addition}"
    rows: list[_Row] = []
    _add_rows(rows, root, 0, (), ends, max(2, root.runs * _FOLLOWED_SHARE))
    head = markup.tag("span", "Failed of runs"), markup.tag("span", "Steps")
    return markup.tag(
        "div",
        markup.tag("div", *head, cls="ct-way ct-head"),
        *(_row_markup(row) for row in rows[: 2 * _MAX_ROWS]),
        cls="ct-ways-tree",
    )


def _add_rows(
    rows: list[_Row],
    node: Node,
    depth: int,
    path: Steps,
    ends: Mapping[Steps, str],
    min_runs: float,
) -> None:
    """Add the stretch that begins with a node, then what follows it."""
    steps = [] if node.step is None else [node.step]
    notes = [ends.get(path, "")]
    while len(node.children) == 1:
        (node,) = node.children.values()
        if node.step is not None:
            steps.append(node.step)
            path = (*path, node.step)
            notes.append(ends.get(path, ""))
    is_followed = (
        not steps or (node.runs >= min_runs and len(rows) < _MAX_ROWS) or _leads_to_end(path, ends)
    )
    if steps:
        note = ", ".join(filter(None, notes))
        goes_on = bool(node.children) and not is_followed
        rows.append(_Row(depth, tuple(steps), node.runs, node.failed, note, goes_on))
        depth += 1
    if not is_followed:
        return
    ways = [(way, (*path, way.step)) for way in node.ranked() if way.step is not None]
    shown_ways = [entry for entry in ways if entry[1] in ends or _leads_to_end(entry[1], ends)]
    shown_ways += [entry for entry in ways if entry not in shown_ways][
        : max(0, _BRANCHES - len(shown_ways))
    ]
    for way, way_path in sorted(shown_ways, key=ways.index):
        _add_rows(rows, way, depth, way_path, ends, min_runs)
    left_out = [way for way, way_path in ways if (way, way_path) not in shown_ways]
    if left_out:
        runs, failed = sum(way.runs for way in left_out), sum(way.failed for way in left_out)
        rows.append(_Row(depth, (), runs, failed, others=len(left_out)))


def _leads_to_end(path: Steps, ends: Mapping[Steps, str]) -> bool:
    """Whether an end lies beyond this path."""
    return any(len(end) > len(path) and end[: len(path)] == path for end in ends)


def _row_markup(row: _Row) -> markup.Markup:
    low, high = wilson(row.failed, row.runs)
    rate = row.failed / row.runs if row.runs else 0.0
    numbers = markup.tag(
        "div",
        markup.tag("span", row.failed, cls="ct-failed" if row.failed else ""),
        f" of {words.count(row.runs)}",
        " ",
        markup.muted(markup.unbroken(words.share(round(rate, 2)))),
        markup.rate_bar(rate, low, high),
    )
    note = markup.tag("b", row.note, cls="ct-small") if row.note else ""
    indent = f"margin-left:{row.depth * 1.6:.1f}rem"
    way = markup.tag("div", _steps_markup(row), note, cls="ct-way-steps", style=indent)
    return markup.tag("div", numbers, way, cls="ct-way ct-way-noted" if row.note else "ct-way")


def _steps_markup(row: _Row) -> markup.Markup:
    if row.others:
        return markup.muted(words.counted(row.others, "other way"))
    ends = row.steps[-1] == END
    steps = row.steps[:-1] if ends else row.steps
    parts = [markup.chips(steps, limit=_CHIPS)] if steps else []
    if ends or row.continues:
        parts.append(markup.tag("span", "ends" if ends else "…", cls="ct-muted ct-small"))
    return markup.tag("div", *parts, cls="ct-way-line")
