"""`verdict`: whether a change of the agent helped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.opening import reading
from clustertrace.cli.output import plain, print_json, stdout

__all__ = ["verdict"]


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
            help="Compare within the same tag.KEY, name or pattern, so that a changed mix can't "
            "mislead.",
        ),
    ] = "tag.task",
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say whether a change helped: improved, worse, or no evidence.

    Failure rates before and after, compared within groups (Cochran, Mantel and Haenszel), with
    the interval and the smallest change that so many runs could have shown. Where no finished run
    has the tag, runs are grouped by the name of their root.
    """
    from clustertrace.filters import parse
    from clustertrace.patterns import verdict as judging
    from clustertrace.store import queries

    first, second = parse(before), parse(after)
    with reading(db) as store, store.read() as conn:
        sides = [queries.failures_by(conn, where, by) for where in (first, second)]
        if by == "tag.task" and not any(sides):
            by = "name"
            sides = [queries.failures_by(conn, where, by) for where in (first, second)]
    made = judging.verdict(*sides)
    words = judging.verdict_words(made, by.removeprefix("tag."))
    if as_json:
        print_json(
            asdict(made)
            | {
                "sentence": words,
                "by": by,
                "interval": list(made.interval),
                "before": asdict(made.before) | {"rate": made.before.rate},
                "after": asdict(made.after) | {"rate": made.after.rate},
            }
        )
    else:
        stdout().print(plain(words))
