"""`review`: what a week came to."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.opening import reading
from clustertrace.cli.output import note, plain, print_json, stdout, write_out
from clustertrace.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from clustertrace.review.record import Review
    from clustertrace.review.sections import Section
    from clustertrace.review.weeks import Window

__all__ = ["review"]


@command(
    "review",
    "clustertrace review",
    "clustertrace review --week 2025-W47 --markdown > week.md",
    "clustertrace review --week 2025-11-20 --json | jq .failure_rate",
)
def review(
    week: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK",
            show_default=False,
            help="2025-W47, or any day of a week as 2025-11-20. Default: the last seven days.",
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a note.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Look back on a week.

    What cost most, what caches gave, what ran most often, and what came to a dead end. Weeks begin
    at midnight where you are, on the day that your locale says (see docs/review.md).
    Exit code 1: no run began in these days.
    """
    from clustertrace.review.document import review_document
    from clustertrace.review.markdown import review_markdown
    from clustertrace.store import queries

    if markdown and as_json:
        raise UsageError("Give either --markdown or --json.")
    given = _window(week)
    with reading(db) as store, store.read() as conn:
        found = queries.review(conn, given)
    if as_json:
        print_json(review_document(found))
    elif markdown:
        write_out(plain(review_markdown(found)).encode())
    else:
        _print(found)
    if not found.total.ended:
        raise typer.Exit(1)


def _window(week: str | None) -> Window:
    from clustertrace.review.week_starts import first_weekday
    from clustertrace.review.weeks import last_seven_days, week_asked_for, window
    from clustertrace.settings import load

    if week is None:
        return last_seven_days(time.time_ns(), None)
    starts = first_weekday(os.environ, load().week_starts)
    return window(week_asked_for(week, starts), None)


def _print(found: Review) -> None:
    from clustertrace.review.sections import another_week, facts, headline, sections

    console = stdout()
    console.print(plain(headline(found)))
    if not found.total.ended:
        if other := another_week(found):
            note(f"{other.text} `clustertrace review --week DATE` shows another week.")
        return
    console.print(plain(", ".join(f"{fact.cell.text} {fact.label}" for fact in facts(found))))
    for section in sections(found):
        _print_section(console, section)


def _print_section(console: Console, section: Section) -> None:
    from rich import box
    from rich.table import Table

    console.print()
    console.print(section.title, style="bold")
    console.print(plain(section.sentence))
    if section.facts:
        console.print(plain(", ".join(f"{one.cell.text} {one.label}" for one in section.facts)))
    if section.rows:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        for title in section.head:
            table.add_column(title, overflow="fold")
        for row in section.rows:
            table.add_row(*(plain(cell.text) for cell in row))
        console.print(table)
    if section.note:
        console.print(plain(section.note), style="dim")
