"""`doctor`: what is wrong, and what to type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import plain, print_json, stderr, stdout

if TYPE_CHECKING:
    from clustertrace.doctor.findings import Finding

__all__ = ["doctor"]

_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "red")}


@command(
    "doctor",
    "clustertrace doctor",
    "clustertrace doctor --send-test --json",
    "clustertrace doctor --recount",
)
def doctor(
    send: Annotated[
        bool, typer.Option("--send-test", help="Send a span to the receiver and look it up again.")
    ] = False,
    recount: Annotated[
        bool,
        typer.Option(
            "--recount",
            help="Also check the whole database by recomputing every total in a copy.",
        ),
    ] = False,
    aside: Annotated[
        bool,
        typer.Option(
            "--set-aside",
            help="Move a damaged database out of the way, so that a new one can be created.",
        ),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="The receiver's port. Default: that of Claude Code's hook, else 7777.",
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong here, and how to fix it.

    Checks the receiver and its port, the database, disk and spool, the last span, and whether
    Claude Code reports here. Exit code 1: something is wrong.
    """
    from clustertrace.cli.examining import examine
    from clustertrace.doctor.findings import document, well

    findings = examine(port, db, send=send, recount=recount, aside=aside)
    if as_json:
        print_json(document(findings))
    else:
        _show_findings(findings)
    if not well(findings):
        raise typer.Exit(1)


def _show_findings(findings: Iterable[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for finding in findings:
        mark, style = _MARKS[finding.state]
        sentence = Text(plain(finding.sentence))
        if finding.advice:
            sentence.append(f"\n→ {plain(finding.advice)}", style="bold")
        table.add_row(Text(mark, style), Text(finding.topic, "dim"), sentence)
    stdout().print(table)
    wrong = sum(finding.state == "wrong" for finding in findings)
    need = "needs" if wrong == 1 else "need"
    stderr().print(f"{wrong} of these {need} you." if wrong else "All is well.")
