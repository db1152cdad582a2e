"""The command line: `clustertrace <command>`, one module a group of commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's arguments); the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["ensure-dashboard"]:
        from clustertrace.claude_code import starting

        # Other programs wait for it each time that they start, so it is done before any library
        # is loaded; help, and what it does not understand, take the long way.
        if starting.options(words[1:]) is not None:
            return starting.main(words[1:])

    # The pages borrow this package's words, and need no commands for it.
    from clustertrace.cli.program import main as run

    return run(words)
