"""Where answers go: JSON and text on standard output, notes and progress on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import typer

from clustertrace.telling.plain import NO_NAME, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "forget_stdout",
    "name_in_line",
    "note",
    "plain",
    "print_json",
    "progressing",
    "progressing_through",
    "ruled_table",
    "stderr",
    "stdout",
    "write_out",
]

_NAME_LENGTH: Final = 80
"""Characters of a name, of which a line may have two."""
_WIDTH_OF_A_FILE: Final = 120
"""Columns where there is no terminal to ask, as in a pipe."""


def stdout() -> Console:
    """The console for people's answers."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console for notes, progress and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDTH_OF_A_FILE
    return console


def ruled_table() -> Table:
    """A table with titles, and a rule under them."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)


def forget_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's exit doesn't stumble on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Tell the user something that is not part of the answer."""
    typer.echo(plain(text), err=True)


def name_in_line(name: str) -> str:
    """A name as a part of a line, whatever an agent made of it: a whole prompt, or nothing."""
    from clustertrace.telling.words import shortened

    return plain(shortened(" ".join(name.split()), _NAME_LENGTH)) or NO_NAME


def write_out(data: bytes) -> None:
    """Write bytes to standard output, all of them.

    With PYTHONUNBUFFERED set, one write to a pipe may take only a part.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]


@contextmanager
def progressing() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, elsewhere nothing; told what is done, how much, and of how much."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


@contextmanager
def progressing_through(what: str, size: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, elsewhere nothing; told how many bytes of `size` have been read."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task(plain(what), total=size)
        yield lambda done: bar.update(task, completed=done)


def print_json(document: Any) -> None:
    """Print one JSON document."""
    import orjson

    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_out(text)
