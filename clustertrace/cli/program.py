"""The entry point: runs a command and turns whatever goes wrong into one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from clustertrace.cli.app import app
from clustertrace.cli.commands import MODULES
from clustertrace.cli.output import forget_stdout, note
from clustertrace.errors import ClustertraceError

__all__ = ["main"]

WRONG_USE: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
"""The reader of our output went away: what a shell sees of any Unix filter."""


@app.callback(invoke_without_command=True)
def clustertrace(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """See where your LLM agent fails, by execution pattern.

    Exit codes: 0 done, 1 the answer is "no" (nothing found), 2 wrong use or bad input.
    """
    if version:
        from clustertrace.version import __version__

        typer.echo(f"clustertrace {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Nothing is raised, and no traceback is shown."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no "→" shows "?" instead of ending the command.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    try:
        code = app(args=arguments, prog_name="clustertrace", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Typer and rich both answer a closed pipe with SystemExit.
        forget_stdout()
        return PIPE_CLOSED
    except Exception as error:
        if os.environ.get("CLUSTERTRACE_DEBUG"):
            import traceback

            traceback.print_exc()
        note(f"error: {_error_sentence(error, sys.argv[1:] if arguments is None else arguments)}")
        if isinstance(error, OSError):
            # It may have been standard output that could not be written.
            forget_stdout()
        return WRONG_USE
    # Typer hands on the code of typer.Exit, and else what the command returned.
    return code if isinstance(code, int) else 0


def _open_what_is_closed() -> None:
    """Have all three streams, as in `clustertrace stats >&-`; else a database would get their
    numbers, and what is printed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends


def _error_sentence(error: Exception, arguments: Sequence[str]) -> str:
    if isinstance(error, ClustertraceError):
        return str(error)
    # The base class of Typer's own errors moved between its versions; this method stayed.
    if format_message := getattr(error, "format_message", None):
        return _usage_sentence(format_message(), _usage_path(error, arguments))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.lower()}."
    return (
        f"something unexpected happened ({type(error).__name__}: {error}); run the command again "
        "with CLUSTERTRACE_DEBUG=1 for the details, and please report them."
    )


def _usage_path(error: Exception, arguments: Sequence[str]) -> str:
    """The command whose help says more; Typer doesn't say which an option without value is of."""
    if context := getattr(error, "ctx", None):
        return str(context.command_path)
    known = arguments and arguments[0] in MODULES
    return f"clustertrace {arguments[0]}" if known else "clustertrace"


def _usage_sentence(message: str, path: str) -> str:
    """Typer's own message with the way to the right use behind it."""
    # Typer lets the words of the library that checks choices through.
    message = " ".join(message.split()).rstrip(".").replace(": Value error, ", ": ")
    return f"{message[:1].lower()}{message[1:]}; see `{path} --help`."
