"""`import --from claude-code` and `--from codex`: sessions that coding agents have kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from clustertrace.cli.output import note, print_json, progressing_through
from clustertrace.telling.words import counted

if TYPE_CHECKING:
    from clustertrace.transcripts.importing import Imported

__all__ = ["import_sessions"]

_UNREADABLE_LIMIT = 10


def import_sessions(
    agent: Literal["claude-code", "codex"], paths: list[Path], db: str | None, *, as_json: bool
) -> None:
    """Read what is new of an agent's sessions, and say what it was.

    Exit code 1: there are no sessions. 2: some files could not be read.
    """
    from clustertrace.errors import UsageError
    from clustertrace.store.store import Store
    from clustertrace.transcripts.finding import TITLES, find, place
    from clustertrace.transcripts.importing import import_history

    for path in paths:
        if not path.exists():
            raise UsageError(f"There is no {path}; check its name.")
    histories = [find(agent, path) for path in paths or [place(agent)]]
    results: list[Imported] = []
    if any(history.files for history in histories):
        with Store.open(db) as store:
            store.drain()
            for history in histories:
                with progressing_through(str(history.place), history.size) as tell:
                    result = import_history(store, history, lambda at: tell(at.size_done))
                results.append(result)
            store.refresh()
    else:
        searched = ", ".join(str(history.place) for history in histories)
        note(f"There are no sessions of {TITLES[agent]} in {searched}.")
    _report(results, as_json=as_json)
    if not results:
        raise typer.Exit(1)
    if any(result.unreadable for result in results):
        raise typer.Exit(2)


def _report(results: list[Imported], *, as_json: bool) -> None:
    from clustertrace.transcripts.importing import total

    result = total(results)
    for reason in result.unreadable[:_UNREADABLE_LIMIT]:
        note(reason)
    if len(result.unreadable) > _UNREADABLE_LIMIT:
        note(
            f"… and {counted(len(result.unreadable) - _UNREADABLE_LIMIT, 'more unreadable file')}."
        )
    if as_json:
        print_json(asdict(result))
    elif results:
        typer.echo(
            f"{counted(result.turns, 'turn')} with {counted(result.spans, 'span')} added from "
            f"{counted(result.sessions, 'session')}; {counted(result.unchanged, 'file')} of "
            f"{result.files:,} had nothing new, {counted(result.bad_lines, 'bad line')}."
        )
