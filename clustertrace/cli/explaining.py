"""`why`: what goes along with a pattern's failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, plain, print_json, stdout
from clustertrace.opening import reading
from clustertrace.telling.words import chance

if TYPE_CHECKING:
    from clustertrace.patterns.divergence import Divergence
    from clustertrace.patterns.why import Why

__all__ = ["why"]


@command(
    "why",
    "clustertrace why 66312b6188ef",
    "clustertrace why 6631 --json | jq '.differences[].sentence'",
)
def why(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="A pattern's id, or the start of it; or a trace's, for the pattern of that trace.",
        ),
    ],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what goes along with a pattern's failures.

    Compares failed runs with runs that did not fail, of the same pattern, else of its family, else
    of the same root and kind of agent, each only up to the point where it failed. Also names the
    step at which the chance of failing jumps most. Exit code 1: there is no evidence.
    """
    from clustertrace.patterns.why_words import why_document
    from clustertrace.store import queries

    with reading(db) as store, store.read() as conn:
        cluster = queries.cluster_or_of(conn, pattern)
        reasons, parting = queries.explained(conn, cluster)
    if as_json:
        print_json(why_document(cluster.id, cluster.name, reasons, parting))
    else:
        _show_why(reasons, parting)
    if not reasons.differences and parting is None:
        raise typer.Exit(1)


def _show_why(why: Why, parting: Divergence | None) -> None:
    from clustertrace.patterns import why_words

    console = stdout()
    if broke_words := why_words.broke_words(why):
        console.print(plain(broke_words))
    if why.differences:
        console.print("More often in failed runs than in others, most significant first:")
    for difference in why.differences:
        console.print(f"- {plain(why_words.difference_words(difference))}")
        examples = " ".join(trace_id[:12] for trace_id in difference.evidence[:3])
        console.print(
            f"  p {chance(difference.p)}, q {chance(difference.q)}; see {examples}", style="dim"
        )
    if parting is not None:
        console.print("The paths of all runs of this agent part here:")
        console.print(f"- {plain(why_words.divergence_words(parting))}")
    note(why_words.compared_words(why) if why.differences else why_words.nothing_words(why))
