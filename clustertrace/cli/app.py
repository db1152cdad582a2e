"""The Typer application that every module of commands adds to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

__all__ = ["Db", "Json", "Where", "app", "command"]

F = TypeVar("F", bound=Callable[..., Any])

# Plain help pages: rich's panels would cost a fifth of a second at every --help, and the same
# text stands in docs/commands.md.
app = typer.Typer(
    name="clustertrace",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="DATABASE",
        show_default=False,
        help="A path or URL. Default: CLUSTERTRACE_DB, else ~/.clustertrace/traces.db.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")
]

Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="FILTER", show_default=False, help="Only traces that match this filter."
    ),
]


def command(name: str, *examples: str) -> Callable[[F], F]:
    """Register a command; the examples end its help page."""
    lines = "\n".join(f"  {example}" for example in examples)
    return app.command(name, epilog=f"\b\nExamples:\n{lines}")
