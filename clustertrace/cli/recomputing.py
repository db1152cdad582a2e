"""`backfill-cost` and `backfill-signatures`: recompute what was stored."""

from __future__ import annotations

from functools import partial

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import print_json, progressing
from clustertrace.opening import reading
from clustertrace.telling.words import counted, money

__all__ = ["backfill_cost", "backfill_signatures"]


@command(
    "backfill-cost",
    "clustertrace backfill-cost",
    "CLUSTERTRACE_PRICING_JSON=prices.json clustertrace backfill-cost",
)
def backfill_cost(db: Db = None, as_json: Json = False) -> None:
    """Recalculate the cost of stored model calls.

    Uses the prices known now, your own first, as of the day of each call. Costs that were reported
    with a call stay. A receiver may keep running; running this twice changes nothing more.
    """
    from clustertrace.store.upkeep.backfill import backfill_costs

    with reading(db) as store, progressing() as progress:
        done = backfill_costs(store, partial(progress, "pricing traces"))
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
    more = f" ({_signed_money(done.added_usd)} in all)" if done.changed else ""
    typer.echo(
        f"{counted(done.calls, 'call')} of models: {done.changed:,} repriced{more}, "
        f"{done.reported:,} keep the cost that they reported, "
        f"{done.unpriced:,} without a known price."
    )


@command("backfill-signatures", "clustertrace backfill-signatures")
def backfill_signatures(db: Db = None, as_json: Json = False) -> None:
    """Recompute the summaries of stored traces.

    Names, totals, failures and patterns are derived from the spans; a newer clustertrace may see
    more in them. A receiver may keep running; running this twice changes nothing more.
    """
    from clustertrace.store.upkeep import backfill

    with reading(db) as store, progressing() as progress:
        done = backfill.backfill_signatures(store, partial(progress, "summarising traces"))
    if as_json:
        print_json({"traces": done.traces, "changed": done.changed})
        return
    typer.echo(
        f"{counted(done.traces, 'trace')} summarised again, "
        f"{done.changed:,} of them with another pattern than before."
    )


def _signed_money(usd: float) -> str:
    return f"{'-' if usd < 0 else '+'}{money(abs(usd))}"
