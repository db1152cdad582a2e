"""`backfill-cost` and `backfill-signatures`: work out anew what was stored."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import print_json, stderr
from clustertrace.opening import reading
from clustertrace.words import counted, money

__all__ = ["backfill_cost", "backfill_signatures"]


@command(
    "backfill-cost",
    "clustertrace backfill-cost",
    "CLUSTERTRACE_PRICING_JSON=prices.json clustertrace backfill-cost",
)
def backfill_cost(db: Db = None, as_json: Json = False) -> None:
    """Work out the cost of stored model calls anew.

    With the prices known now, your own first, as of the day of each call. Costs that were
    reported with a call stay. A receiver may run meanwhile; a second run changes nothing.
    """
    from clustertrace.store.backfill import backfill_costs

    with reading(db) as store, _progress("pricing") as progress:
        done = backfill_costs(store, progress)
    if as_json:
        print_json(
            {
                "calls": done.calls,
                "changed": done.changed,
                "reported": done.reported,
                "unpriced": done.unpriced,
                "added_usd": done.added_usd,
            }
        )
        return
    more = f" ({_signed(done.added_usd)} in all)" if done.changed else ""
    typer.echo(
        f"{counted(done.calls, 'model call')}: {done.changed:,} priced anew{more}, "
        f"{done.reported:,} keep the cost that they reported, "
        f"{done.unpriced:,} without a known price."
    )


@command("backfill-signatures", "clustertrace backfill-signatures")
def backfill_signatures(db: Db = None, as_json: Json = False) -> None:
    """Summarise stored traces anew.

    Names, totals, failures and patterns follow from the spans; a newer clustertrace may see more
    in them. A receiver may run meanwhile; a second run changes nothing.
    """
    from clustertrace.store import backfill

    with reading(db) as store, _progress("summarising") as progress:
        done = backfill.backfill_signatures(store, progress)
    if as_json:
        print_json({"traces": done.traces, "changed": done.changed})
        return
    typer.echo(
        f"{counted(done.traces, 'trace')} summarised anew, "
        f"{done.changed:,} of them with another pattern than before."
    )


def _signed(usd: float) -> str:
    return f"{'-' if usd < 0 else '+'}{money(abs(usd))}"


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task(f"{what} traces", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
