"""`drift`: what changed between two windows of time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, plain, print_json, stdout
from clustertrace.errors import UsageError
from clustertrace.filters.syntax import LONGEST_DAYS
from clustertrace.model import NS_PER_DAY
from clustertrace.opening import reading

if TYPE_CHECKING:
    from clustertrace.filters import Filter
    from clustertrace.patterns.drift import Drift
    from clustertrace.patterns.signature import Variant

__all__ = ["drift"]

_CHANGES_SHOWN: Final = 20


@command(
    "drift",
    "clustertrace drift",
    "clustertrace drift --days 1 --json | jq '.changes[] | select(.significant).sentence'",
    "clustertrace drift --before tag.version:1.3 --after tag.version:1.4",
)
def drift(
    days: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=LONGEST_DAYS,
            metavar="N",
            help="Compare the last N days with the N days before.",
        ),
    ] = 7,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER", show_default=False, help="The earlier runs, instead of --days."
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER", show_default=False, help="The later runs, instead of --days."
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what changed between two windows of time.

    Finds patterns that are new or gone, more or less frequent, or whose failure rate, cost or
    duration changed, and whether runs fail more in all, tested and corrected together. A run that
    matches both filters counts as a later one; of each window, the newest 20 000 finished runs
    count. Exit code 1: nothing is significant.
    """
    from clustertrace.patterns.drift import drift as compare
    from clustertrace.patterns.drift_words import drift_document
    from clustertrace.store import queries

    windows = _windows(days, before, after)
    with reading(db) as store, store.read() as conn:
        result = compare(*(queries.runs_by_pattern(conn, where) for where in windows))
        variants = queries.variants_of(conn, [change.pattern for change in result.changes])
    if as_json:
        print_json(drift_document(result, variants))
    else:
        _show_drift(result, variants)
    if not result.significant:
        raise typer.Exit(1)


def _windows(days: float, before: str | None, after: str | None) -> tuple[Filter, Filter]:
    from clustertrace.filters import before_only, parse
    from clustertrace.filters.tree import And, Since, Until

    if (before is None) != (after is None):
        raise UsageError("Give both --before and --after, or neither.")
    if before is not None and after is not None:
        later = parse(after)
        return before_only(parse(before), later), later
    now = time.time_ns()
    length = round(days * NS_PER_DAY)
    return And((Since(now - 2 * length), Until(now - length))), And((Since(now - length),))


def _show_drift(result: Drift, variants: Mapping[str, Variant]) -> None:
    from clustertrace.patterns.drift_words import change_words, steps_words, summary_words

    console = stdout()
    for change in result.changes[:_CHANGES_SHOWN]:
        style = None if change.significant else "dim"
        console.print(plain(steps_words(variants[change.pattern])), style=style)
        console.print(f"  {change_words(change)}; see {change.sample[:12]}", style=style)
    if len(result.changes) > _CHANGES_SHOWN:
        console.print(f"and {len(result.changes) - _CHANGES_SHOWN} more; --json has them all.")
    note(summary_words(result))
