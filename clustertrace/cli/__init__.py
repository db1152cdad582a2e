"""The command line: `clustertrace <command>`, one module a group of commands."""

from clustertrace.cli.program import main

__all__ = ["main"]
