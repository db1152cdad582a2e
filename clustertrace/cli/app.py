"""The Typer application that every module of commands adds to, and how it finds them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup
from typer.main import get_group

from clustertrace.cli.commands import COMMANDS, MODULES
from clustertrace.cli.unchecked_options import skip_needless_checks

__all__ = ["Db", "Json", "Where", "app", "command", "command_group", "examples", "limit_option"]

F = TypeVar("F", bound=Callable[..., Any])


class _Commands(TyperGroup):
    """All commands, of which each is loaded when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        skip_needless_checks(self)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help page."""
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, if there is one."""
        if cmd_name in MODULES and cmd_name not in self.commands:
            import_module(f"clustertrace.cli.{MODULES[cmd_name]}")
            self.commands[cmd_name] = get_group(app).commands[cmd_name]
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first word names; a wrong word is set beside all of them."""
        if args[0] not in MODULES:
            for name in MODULES:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, which loads none of them."""
        width = max(map(len, MODULES))
        for heading, group in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{one.name:{width}}", one.purpose) for one in group])


# Plain help pages: rich's panels would cost a fifth of a second at every --help, and the same
# text stands in docs/commands.md.
app = typer.Typer(
    name="clustertrace",
    cls=_Commands,
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
        help="Its path or URL. Default: CLUSTERTRACE_DB, else ~/.clustertrace/traces.db.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
]

Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="FILTER", show_default=False, help="Only traces that match this filter."
    ),
]


def limit_option(entries: str, default: int) -> Any:
    """The option `--limit` of a command that lists entries, so many unless more are asked for."""
    return typer.Option(
        min=1,
        metavar="N",
        show_default=False,
        help=f"{entries} to show. Default: {default}; with --json all of them.",
    )


def examples(*lines: str) -> str:
    """The end of a help page: what one may type."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def command(name: str, *lines: str) -> Callable[[F], F]:
    """Register a command; the lines are its examples."""
    return app.command(name, epilog=examples(*lines))


def command_group(name: str) -> typer.Typer:
    """Register a command that has commands of its own."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.add_typer(group, name=name)
    return group
