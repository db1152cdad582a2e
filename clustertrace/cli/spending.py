"""`cost`: where the money went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from clustertrace.cli.app import Db, Json, command, limit_option
from clustertrace.cli.output import note, plain, print_json, ruled_table, stdout
from clustertrace.opening import has_database, nothing_yet, reading
from clustertrace.telling.words import count, counted, money, share, spent

if TYPE_CHECKING:
    from rich.table import Table

    from clustertrace.store.queries.costing import By, SpendingPage

__all__ = ["cost"]

_DEFAULT_LIMIT: Final = 20
_JSON_LIMIT: Final = 1_000_000
_WIDE_FROM: Final = 100


@command(
    "cost",
    "clustertrace cost --by project",
    "clustertrace cost --by day --days 7",
    "clustertrace cost --by tool --json | jq '.rows[0]'",
)
def cost(
    by: Annotated[
        Literal["session", "project", "model", "skill", "subagent", "tool", "day"],
        typer.Option(help="What to group by."),
    ] = "project",
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=36_500,
            metavar="N",
            show_default=False,
            help="Only the last N days (UTC), today included.",
        ),
    ] = None,
    limit: Annotated[int | None, limit_option("Rows", _DEFAULT_LIMIT)] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show where the money went.

    Shows dollars, and what caches saved and lost: how much of the input was read from a cache,
    what it cost to read earlier turns again as context, and what had to be paid for again because
    a cache was missed. A call that reads the results of several tools is split among them. See
    docs/claude-code.md.
    """
    page = _read_page(db, by, days, limit or (_JSON_LIMIT if as_json else _DEFAULT_LIMIT))
    if as_json:
        from clustertrace.telling.spending import spending_document

        print_json(spending_document(by, page))
    if page is None:
        # A program, too, should hear that there is no database.
        note(nothing_yet(db, "model calls"))
    elif as_json:
        return
    elif not page.total.calls:
        none_in_days = "No model calls in these days."
        note(nothing_yet(db, "model calls") if days is None else none_in_days)
    else:
        _print_page(by, page)


def _read_page(db: str | None, by: By, days: int | None, limit: int) -> SpendingPage | None:
    from clustertrace.store import queries
    from clustertrace.store.queries.costing import first_day

    if not has_database(db):
        return None
    since = first_day(days, time.time_ns())
    with reading(db) as store, store.read() as conn:
        return queries.spending(conn, by, since_day=since, limit=limit)


def _print_page(by: str, page: SpendingPage) -> None:
    from clustertrace.telling.spending import BREAK_REASONS, spending_sentence

    console, total = stdout(), page.total
    console.print(spending_sentence(total))
    if total.unpriced_calls:
        part = share(round(total.unpriced_calls / total.calls, 3))
        console.print(f"{counted(total.unpriced_calls, 'call')} ({part}) without a known cost.")
    if total.carried_usd:
        console.print(
            f"{money(total.carried_usd)} of it went into context that earlier calls had read."
        )
    for row in page.breaks:
        lost, missed = money(row.measures.lost_usd), count(row.measures.missed_tokens)
        console.print(
            f"About {lost} lost where {BREAK_REASONS.get(row.name, row.name)}: "
            f"{counted(row.measures.misses, 'call')} paid again for {missed} tokens."
        )
    console.print()
    console.print(_spending_table(by, page, wide=console.width >= _WIDE_FROM))
    if page.names > len(page.rows):
        rest = page.names - len(page.rows)
        console.print(f"and {count(rest)} more; --limit shows more.")


def _spending_table(by: str, page: SpendingPage, *, wide: bool) -> Table:
    table = ruled_table()
    table.add_column(by.capitalize(), ratio=1, overflow="fold")
    titles = ["Cost", "Calls", "Tokens in", "out", "Cached"]
    titles += ["Carried", "Lost"] if wide else []
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for name, measures in page.rows:
        cells = [
            spent(measures.cost_usd, measures.unpriced_calls),
            count(measures.calls),
            count(measures.input_tokens),
            count(measures.output_tokens),
            f"{measures.hit_rate:.0%}",
        ]
        cells += [money(measures.carried_usd), money(measures.lost_usd)] if wide else []
        table.add_row(plain(name), *cells)
    return table
