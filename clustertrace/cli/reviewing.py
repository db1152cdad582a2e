"""`review`: what a week came to."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, plain, print_json, ruled_table, stdout, write_out
from clustertrace.errors import NotFound, UsageError
from clustertrace.opening import HOW_TO_BEGIN, reading

if TYPE_CHECKING:
    from rich.console import Console

    from clustertrace.review.commitments import Changes, Mark
    from clustertrace.review.layout import Section
    from clustertrace.review.record import Review
    from clustertrace.review.weeks import Window
    from clustertrace.store.store import Store

__all__ = ["review"]


@command(
    "review",
    "clustertrace review",
    "clustertrace review --week 2025-W47 --markdown > week.md",
    "clustertrace review --week 2025-11-20 --json | jq .failure_rate",
    "clustertrace review --plan 'say when to stop searching' --aim failures",
    "clustertrace review --mark kept",
)
def review(
    week: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK",
            show_default=False,
            help="2025-W47, any day of it, such as 2025-11-20, or seven days, "
            "2025-11-18/2025-11-24. Default: the last seven days.",
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for your notes.")
    ] = False,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            show_default=False,
            help="Plan a change for the following week; an empty text withdraws it.",
        ),
    ] = None,
    aim: Annotated[
        str,
        typer.Option(
            metavar="FIGURE",
            help="The figure to improve: failures, dead-ends, cost or cache; of one pattern with "
            "its id, as in cost:8429d5.",
        ),
    ] = "failures",
    mark: Annotated[
        Literal["kept", "partial", "missed"] | None,
        typer.Option(show_default=False, help="Say how the plan for this week went."),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Look back on a week.

    Shows what cost most, what caches saved, what ran most often and what came to a dead end; then
    the change that you planned, with its figure before and after, and one for the next week.
    Weeks begin at midnight in your time zone, on the day that your locale names (docs/review.md).
    Exit code 1: no run began in those days.
    """
    from clustertrace.review.document import review_document
    from clustertrace.review.markdown import review_markdown
    from clustertrace.store import queries

    if markdown and as_json:
        raise UsageError("Give either --markdown or --json.")
    days, starts = _parse_week(week)
    with reading(db) as store:
        with store.read() as conn:
            result = queries.review(conn, days, starts)
        if plan is not None or mark is not None:
            _store_plan(store, result.changes, plan, aim, mark)
            with store.read() as conn:
                result = queries.review(conn, days, starts)
    if as_json:
        print_json(review_document(result))
    elif markdown:
        write_out(plain(review_markdown(result)).encode())
    else:
        _print_review(result)
    if not result.total.ended and plan is None and mark is None:
        raise typer.Exit(1)


def _store_plan(
    store: Store, changes: Changes, plan: str | None, aim: str, mark: Mark | None
) -> None:
    from clustertrace.review.aims import read_aim
    from clustertrace.review.commitments import Kept
    from clustertrace.store import queries
    from clustertrace.store.user_entries import commitments

    if mark is not None:
        tested = changes.last and changes.last.tested
        kept = tested and Kept(mark, tested.before, tested.after, tested.verdict.word)
        if kept is None:
            raise NotFound(f"Nothing was planned for the week of {changes.reviewed.first}.")
        commitments.mark(store, changes.reviewed.first, kept)
    if plan is not None and changes.too_late:
        raise UsageError(f"The week of {changes.coming.first} is over; plan for one to come.")
    if plan == "":
        commitments.withdraw(store, changes.coming.first)
    elif plan is not None:
        new_aim = read_aim(aim)
        if new_aim.pattern:
            with store.read() as conn:
                new_aim = new_aim._replace(pattern=queries.cluster(conn, new_aim.pattern).id)
        commitments.commit(store, changes.coming.first, plan, new_aim)


def _parse_week(week: str | None) -> tuple[Window, int]:
    """The days that are asked for, and the weekday that weeks begin on."""
    from clustertrace.review.week_starts import first_weekday
    from clustertrace.review.weeks import days_asked_for, last_seven_days
    from clustertrace.settings import load

    starts = first_weekday(os.environ, load().week_starts)
    if week is None:
        return last_seven_days(time.time_ns(), None), starts
    return days_asked_for(week, starts, None), starts


def _print_review(result: Review) -> None:
    from clustertrace.review.sections import another_week, facts, headline, sections

    console = stdout()
    console.print(plain(headline(result)))
    if result.total.ended:
        console.print(plain(", ".join(f"{fact.cell.text} {fact.label}" for fact in facts(result))))
    elif other_week := another_week(result):
        note(f"{other_week.text} `clustertrace review --week DATE` shows another week.")
    else:
        note(f"There are no traces yet. {HOW_TO_BEGIN}")
    for section in sections(result):
        _print_section(console, section)
    changes = result.changes
    if changes.offers and changes.planned is None and not changes.too_late:
        note("`clustertrace review --plan TEXT --aim FIGURE` plans a change.")


def _print_section(console: Console, section: Section) -> None:
    console.print()
    console.print(section.title, style="bold")
    console.print(plain(section.sentence))
    if section.facts:
        console.print(plain(", ".join(f"{fact.cell.text} {fact.label}" for fact in section.facts)))
    if section.rows:
        table = ruled_table()
        for title in section.head:
            table.add_column(title, overflow="fold")
        for row in section.rows:
            table.add_row(*(plain(cell.text) for cell in row))
        console.print(table)
    if section.note:
        console.print(plain(section.note), style="dim")
