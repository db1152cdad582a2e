"""`vacuum` and `cleanup`: delete runs, and mark those that never ended."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, print_json
from clustertrace.errors import UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import count, counted

if TYPE_CHECKING:
    from clustertrace.filters import Filter
    from clustertrace.store.store import Store

__all__ = ["EXAMPLES", "cleanup", "size_of", "vacuum"]

EXAMPLES = (
    "vacuum --older-than 30d --dry-run",
    "vacuum --max-size 2GB",
    "vacuum --where 'name:healthcheck or tag.env:test'",
)
"""Of `vacuum`, which is `db vacuum` too."""

_UNFINISHED = (
    "Words of deleted runs are still in the text index, and their bytes in free space of the file, "
    "though nothing shows them. The next `clustertrace vacuum` removes them."
)
_UNIT_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@command("vacuum", *(f"clustertrace {example}" for example in EXAMPLES))
def vacuum(
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Delete runs that began longer ago than this, such as 30d.",
            show_default=False,
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Delete the oldest runs until the rest fits: 500MB, 2GB.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="FILTER", help="Only delete runs that match.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be deleted, without deleting it.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Delete runs and free their space.

    Works in small steps, so recording and receiving can go on meanwhile.
    """
    from clustertrace.store.upkeep import retention

    if older_than is None and max_size is None and where is None:
        raise UsageError("Say what to delete: --older-than 30d, --max-size 2GB or --where FILTER.")
    chosen = _filter_of_options(older_than, where)
    limit = None if max_size is None else size_of(max_size)
    with reading(db) as store:
        with store.read() as conn:
            before = conn.size_bytes()
        if dry_run:
            traces, spans = retention.would_retire(store, chosen, limit)
        else:
            traces, spans = _retire_with_count(store, chosen, limit)
        with store.read() as conn:
            after, words_left = conn.size_bytes(), conn.texts.left(conn)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "traces": traces,
                "spans": spans,
                "bytes_before": before,
                "bytes_after": after,
                "unfinished": words_left > 0,
            }
        )
        return
    verb = "Would delete" if dry_run else "Deleted"
    about = "about " if dry_run and limit is not None else ""
    note(f"{verb} {about}{counted(traces, 'trace')} with {counted(spans, 'span')}.")
    if words_left:
        note(_UNFINISHED)
    if not dry_run:
        note(f"The database has {count(after // 1000)} kB; it had {count(before // 1000)} kB.")


def _filter_of_options(older_than: str | None, where: str | None) -> Filter:
    """The runs that an age and a filter both mean; every one without either."""
    from clustertrace.filters import parse_chosen
    from clustertrace.filters.tree import And, Until

    parts: list[Filter] = [] if where is None else [parse_chosen(where)]
    if older_than is not None:
        parts.append(Until(max(0, time.time_ns() - _parse_age(older_than, "--older-than"))))
    return And(tuple(parts))


def _retire_with_count(store: Store, chosen: Filter, limit: int | None) -> tuple[int, int]:
    """Delete, and count the traces and spans that went. Ctrl-C is answered with how far it came."""
    from clustertrace.store.upkeep import retention

    traces = spans = 0
    try:
        for removed in retention.retire(store, chosen, limit):
            traces, spans = traces + removed.traces, spans + removed.spans
    except KeyboardInterrupt:
        note(f"Stopped after {counted(traces, 'trace')}. {_UNFINISHED}")
        raise
    return traces, spans


@command(
    "cleanup",
    "clustertrace cleanup --stale-after 1h --dry-run",
)
def cleanup(
    stale_after: Annotated[
        str, typer.Option(metavar="AGE", help="Only those last heard of longer ago: 90m, 1d.")
    ] = "1h",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many there are, without changing them.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Mark received runs that never ended.

    If a program that sends OpenTelemetry is killed, its runs stay "running" for ever. Runs of
    clustertrace's own recorder need no cleanup: it notices when a process is gone.
    """
    from clustertrace.store.upkeep import retention

    since = max(0, time.time_ns() - _parse_age(stale_after, "--stale-after"))
    with reading(db) as store:
        closed = retention.close_stale(store, since, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "traces": closed})
    else:
        verb = "Would mark" if dry_run else "Marked"
        note(f"{verb} {counted(closed, 'running trace')} as incomplete.")


def _parse_age(age: str, option: str) -> int:
    from clustertrace.filters.syntax import read_duration

    duration_ns = read_duration(age)
    if duration_ns is None:
        raise UsageError(f"{option} expects an age such as 90m, 12h or 30d, not {age!r}.")
    return duration_ns


def size_of(size: str) -> int:
    """500MB, 2 GB, 1000000 → bytes. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,18}(?:\.\d+)?)\s*([kmgt]?)b?", size.strip().lower())
    if match is None:
        raise UsageError(f"--max-size expects a size such as 500MB or 2GB, not {size!r}.")
    return int(float(match[1]) * _UNIT_BYTES[match[2]])
