"""The command line: `clustertrace <command>`, one module a group of commands."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's arguments); the exit code."""
    # The pages borrow this package's words, and need no commands for it.
    from clustertrace.cli.program import main as run

    return run(arguments)
