"""Every command: the module that has it, and the line that says what it is for.

The list of commands is made from here, so that showing it, or running one command, loads no other
module. A test compares it with the commands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "MODULES", "Entry"]


class Entry(NamedTuple):
    """A command."""

    name: str
    module: str
    """Of clustertrace.cli."""
    purpose: str
    """The first line of its help."""


COMMANDS: Final = {
    "Begin": (
        Entry("demo", "serving", "Explore sixty bundled runs."),
        Entry("dashboard", "serving", "Serve the receiver and the pages."),
        Entry("doctor", "diagnosing", "Say what is wrong here, and how to fix it."),
        Entry("db-path", "places", "Print the path of the database, or its URL."),
    ),
    "Look": (
        Entry("stats", "facts", "Summarise the database in a few numbers."),
        Entry("clusters", "facts", "List execution patterns, most failures first."),
        Entry("inspect", "inspecting", "Show one trace as a tree over time."),
        Entry("search", "searching", "Find steps by words in their texts."),
        Entry("cost", "spending", "Show where the money went."),
        Entry("review", "reviewing", "Look back on a week."),
    ),
    "Explain failures": (
        Entry("rules", "rules", "Say what the failing runs have in common."),
        Entry("why", "explaining", "Say what goes along with a pattern's failures."),
        Entry("compare", "comparing", "Put two traces, or two patterns, side by side."),
        Entry("replay", "replaying", "Run a recorded run again and compare."),
        Entry("repro", "replaying", "Write a test from a failing run."),
    ),
    "Judge changes": (
        Entry("verdict", "comparing", "Say if a change helped: improved, worse, or no evidence."),
        Entry("drift", "drifting", "Say what changed between two windows of time."),
        Entry("assert", "gating", "State what must hold for a pattern; `check` tests it."),
        Entry("check", "gating", "Test every assertion."),
    ),
    "Say what you know": (
        Entry("annotate", "annotating", "Star, note or tag a trace; judge a pattern."),
        Entry("outcome", "annotating", "Record how runs turned out: pass, fail or unknown."),
        Entry("judge", "judging", "Let a model judge runs against a rubric."),
        Entry("lint", "linting", "Say what is unclear in a prompt, and what to write instead."),
    ),
    "Move and keep": (
        Entry("export", "moving", "Write traces to a file or standard output."),
        Entry("import", "moving", "Import traces from files or an agent's own sessions."),
        Entry("snapshot", "sharing", "Write a run or a pattern as one HTML file."),
        Entry("db", "databases", "Copy, describe or distribute a database."),
        Entry("vacuum", "keeping", "Delete runs and free their space."),
        Entry("cleanup", "keeping", "Mark received runs that never ended."),
        Entry("backfill-cost", "recomputing", "Recalculate the cost of stored model calls."),
        Entry("backfill-signatures", "recomputing", "Recompute the summaries of stored traces."),
    ),
    "Coding assistants": (
        Entry("mcp", "assisting", "Serve the database to a coding assistant."),
        Entry("claude-code", "claude_code", "Print what makes Claude Code report here."),
        Entry("claude-code-hook", "hooking", "Have Claude Code start the receiver."),
        Entry(
            "ensure-dashboard",
            "hooking",
            "Start the receiver in the background if it isn't running.",
        ),
    ),
}
"""By what they are for, in the order in which they are listed."""

MODULES: Final = {entry.name: entry.module for group in COMMANDS.values() for entry in group}
"""The module of each command, in the same order."""
