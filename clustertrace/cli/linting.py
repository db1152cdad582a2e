"""`lint`: review a draft of a prompt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clustertrace.cli.app import Json, command
from clustertrace.cli.output import note, plain, print_json, stdout
from clustertrace.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from clustertrace.prompts.findings import Finding, Level
    from clustertrace.prompts.lint import Review

__all__ = ["lint"]

_STYLES: Final = {"low": "dim", "medium": "yellow", "high": "bold yellow"}
_STDIN: Final = "-"


@command(
    "lint",
    "clustertrace lint prompt.md",
    "echo 'maybe improve the parser etc.' | clustertrace lint - --json | jq '.findings[].message'",
    "clustertrace lint prompt.md --fail-on high",
)
def lint(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="The draft; - is standard input.")
    ] = _STDIN,
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="Exit with 1 if a finding is at this level or above: low, medium or high.",
        ),
    ] = "medium",
    as_json: Json = False,
) -> None:
    """Say what is unclear in a prompt, and what to write instead.

    The rules are for English, from vague verbs to contradictions; other languages are left alone.
    Offsets count characters; null means that something is missing. Exit code 1: there is a
    finding at --fail-on or above.
    """
    from clustertrace.prompts.findings import at_least
    from clustertrace.prompts.lint import lint_document, review_draft

    level = _parse_level(fail_on)
    text = _read_draft(file)
    review = review_draft(text)
    if as_json:
        print_json(lint_document(review.findings))
    else:
        _show_review(review, text)
    if any(at_least(finding, level) for finding in review.findings):
        raise typer.Exit(1)


def _parse_level(word: str) -> Level:
    from clustertrace.prompts.findings import LEVELS

    for level in LEVELS:
        if level == word.strip().lower():
            return level
    raise UsageError(f"--fail-on is low, medium or high, not {word!r}.")


def _read_draft(file: str) -> str:
    """The draft, line ends as they are, so that offsets hold."""
    if file != _STDIN:
        try:
            draft = Path(file).read_bytes()
        except OSError as error:
            raise UsageError(f"{file} can't be read ({error.strerror}).") from None
    else:
        if sys.stdin.isatty():
            note("Write the prompt; Ctrl-D ends it.")
        draft = sys.stdin.buffer.read()
    if b"\0" in draft:
        raise UsageError(f"{'That' if file == _STDIN else file} is not text; give a prompt.")
    return draft.decode("utf-8", "replace")


def _show_review(review: Review, text: str) -> None:
    console = stdout()
    for finding in review.findings:
        _show_finding(console, finding, text)
    if review.strengths:
        habits = ", ".join(strength.habit for strength in review.strengths)
        console.print(f"Good habits: {habits}.")
    if not text.strip():
        note("There is no text.")
    elif review.unread:
        note(f"{review.unread} rules are for English only and were not applied.")
    elif not review.findings:
        note("No rule found anything.")


def _show_finding(console: Console, finding: Finding, text: str) -> None:
    where = ""
    if finding.start is not None:
        line = text.count("\n", 0, finding.start) + 1
        column = finding.start - (text.rfind("\n", 0, finding.start) + 1) + 1
        where = f"{line}:{column} "
    first_line = f"{where}{finding.level} {finding.rule}: {finding.message}"
    console.print(plain(first_line), style=_STYLES[finding.level])
    console.print(plain(f"  {finding.suggestion}"))
