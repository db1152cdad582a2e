"""`verdict` and `compare`: whether a change helped, and where two runs part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import name_in_line, plain, print_json, stdout
from clustertrace.opening import reading

if TYPE_CHECKING:
    from clustertrace.patterns.alignment import Pair, Place
    from clustertrace.store.answers import Side

__all__ = ["compare", "row_document", "show_sides", "verdict"]


@command(
    "verdict",
    "clustertrace verdict --before tag.version:1.3 --after tag.version:1.4",
    "clustertrace verdict --before until:2025-11-20 --after since:2025-11-20 --by name",
)
def verdict(
    before: Annotated[
        str, typer.Option(metavar="FILTER", help="The runs before the change.", show_default=False)
    ],
    after: Annotated[
        str, typer.Option(metavar="FILTER", help="The runs after it.", show_default=False)
    ],
    by: Annotated[
        str,
        typer.Option(
            metavar="GROUP",
            help="Compare within the same tag.KEY, name or pattern, so that a changed mix of runs "
            "can't mislead.",
        ),
    ] = "tag.task",
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say if a change helped: improved, worse, or no evidence.

    Compares failure rates before and after within groups (Cochran, Mantel and Haenszel), with the
    interval and the smallest change that this many runs could have shown. If no finished run has
    the tag, runs are grouped by the name of their root. Each side is its newest 10 000 runs; a run
    that matches both filters counts as after.
    """
    from clustertrace.filters import parse
    from clustertrace.patterns import verdict as judging
    from clustertrace.store import queries

    first, second = parse(before), parse(after)
    with reading(db) as store, store.read() as conn:
        sides = queries.before_and_after(conn, first, second, by)
    result = judging.verdict(sides.before, sides.after)
    words = judging.verdict_words(result, sides.by)
    if as_json:
        print_json(
            asdict(result)
            | {
                "sentence": words,
                "by": sides.by,
                "interval": list(result.interval),
                "before": asdict(result.before) | {"rate": result.before.rate},
                "after": asdict(result.after) | {"rate": result.after.rate},
            }
        )
    else:
        stdout().print(plain(words))


@command(
    "compare",
    "clustertrace compare 3f2a 91bc",
    "clustertrace compare 66312b6188ef 8429d5f01a2c --json | jq '.rows[].what'",
)
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The id of a trace or a pattern.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The id of another of the same kind.")],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Put two traces, or two patterns, side by side.

    Aligns their steps (same, changed, inserted or deleted) and shows where they first diverge; for
    traces, also whether a step that both took had another input or output. Exit code 1: their
    steps differ.
    """
    from clustertrace.patterns.alignment import align
    from clustertrace.store import queries

    with reading(db) as store, store.read() as conn:
        left, right = queries.sides(conn, a, b)
    rows = align(left.places, right.places)
    same = all(row.what == "same" for row in rows)
    if as_json:
        print_json(
            {
                "sort": left.sort,
                "a": left.id,
                "b": right.id,
                "same_steps": same,
                "rows": [row_document(row) for row in rows],
            }
        )
    else:
        show_sides(left, right, rows)
    if not same:
        raise typer.Exit(1)


def row_document(row: Pair) -> dict[str, Any]:
    """A row of an alignment as JSON."""

    def place_document(place: Place | None) -> dict[str, Any] | None:
        if place is None:
            return None
        return {"step": place.label, "span_id": place.span.span_id if place.span else None}

    return {
        "what": row.what,
        "a": place_document(row.left),
        "b": place_document(row.right),
        "first_divergence": row.first_divergence,
        "input_differs": row.input_differs,
        "output_differs": row.output_differs,
    }


_ROW_SIGNS: Final = {"same": " ", "changed": "~", "inserted": "+", "deleted": "-"}


def show_sides(left: Side, right: Side, rows: Sequence[Pair]) -> None:
    """Print both sides, aligned."""
    from rich.table import Table

    from clustertrace.telling.results import side_result

    table = Table(box=None, pad_edge=False, padding=(0, 2), show_edge=False)
    table.add_column()
    for side in (left, right):
        table.add_column(f"{name_in_line(side.name)} {side.id[:12]}", overflow="fold")
    table.add_column(overflow="fold")
    table.add_row("", side_result(left), side_result(right), "", style="dim")
    for row in rows:
        table.add_row(
            _ROW_SIGNS[row.what],
            plain(row.left.label) if row.left else "",
            plain(row.right.label) if row.right else "",
            ", ".join(row.notes),
        )
    stdout().print(table)
