"""`search`: the steps whose text has some words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import name_in_line, note, plain, print_json, stdout
from clustertrace.errors import UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import found_in, moment, to_be_indexed

if TYPE_CHECKING:
    from clustertrace.store.answers import HitPage, Passage

__all__ = ["search"]

_MOST: Final = 1_000
"""Steps that may be asked for."""


@command(
    "search",
    "clustertrace search refund",
    """clustertrace search '"rate limit" OR timeout'""",
    "clustertrace search 'refund*' --limit 5 --json | jq -r '.spans[].trace_id'",
)
def search(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS", help='Words, "a phrase", prefix*, a OR b, a NOT b, NEAR(a b, 5).'
        ),
    ],
    limit: Annotated[int, typer.Option(min=1, max=_MOST, metavar="N", help="Steps to show.")] = 20,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Find steps by words in their texts.

    Looks into the names, inputs, outputs, errors and attributes of all spans, latest arrivals
    first. All words must match; punctuation and case do not matter. Exit code 1: nothing was found.
    """
    from clustertrace.store import queries

    query = " ".join(words)
    if not query.strip():
        raise UsageError("There is nothing to search for; give a word.")
    with reading(db) as store, store.read() as conn:
        page = queries.search(conn, query, limit=limit)
    if as_json:
        print_json(_document(page))
    else:
        _show(page, limit)
    if not page.hits:
        raise typer.Exit(1)


def _document(page: HitPage) -> dict[str, object]:
    return {
        "spans": [{**asdict(hit), "snippet": hit.quoted} for hit in page.hits],
        "more": page.more,
        "not_yet_searchable": page.behind,
    }


def _show(page: HitPage, limit: int) -> None:
    console = stdout()
    for passage in page.passages:
        console.print(_line(passage))
        snippet = " ".join(passage.first.quoted.split())
        console.print(plain(f"  {snippet}"), style="dim")
    if page.behind:
        note(f"{to_be_indexed(page.behind)}.")
    if not page.hits:
        note("Nothing matches; remove a word, or end one with *.")
    elif page.more:
        more = "--limit shows more" if limit < _MOST else "add a word to narrow the search"
        note(f"There are more; {more}.")


def _line(passage: Passage) -> str:
    hit = passage.first
    failed = "!" if hit.failed else ""
    return (
        f"{hit.trace_id[:12]}  {moment(hit.start_ns)}  {name_in_line(hit.span_name)}{failed} "
        f"in {name_in_line(hit.trace_name)}, {found_in(passage)}"
    )
