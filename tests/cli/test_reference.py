"""Every command has a help page with an example, and stands in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from clustertrace.cli.app import app
from clustertrace.cli.reference import commands_markdown, help_pages

DOCS = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
PAGES = dict(help_pages())
SILENT = {"demo", "dashboard", "ensure-dashboard", "export", "mcp"}


def command_of(name: str) -> Any:
    """The command of that name; a word more names one of a group's."""
    found: Any = get_command(app)
    for word in name.split():
        found = found.commands[word]
    return found


def test_the_promised_commands_exist() -> None:
    """Names that users rely on."""
    promised = {"demo", "dashboard", "stats", "clusters", "inspect", "export", "import", "db-path"}
    assert promised <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_command_has_help_and_an_example(name: str) -> None:
    """The page says what the command does, what each option means, and how it is used."""
    page = PAGES[name]
    assert page.startswith(f"Usage: clustertrace {name} ")
    summary = page.splitlines()[2].strip()
    assert summary.endswith(".")
    assert len(summary) <= 60, "the list of commands would cut it"
    assert f"\n    clustertrace {name}" in page.split("Examples:")[1]
    parameters = command_of(name).params
    assert [parameter.name for parameter in parameters if not parameter.help] == []


@pytest.mark.parametrize("name", PAGES)
def test_what_prints_facts_prints_json(name: str) -> None:
    """Only the commands that serve, and the one whose output is JSON Lines, have no --json."""
    assert ("--json" in PAGES[name]) == (name not in SILENT)


@pytest.mark.parametrize("name", PAGES)
def test_each_help_page_is_what_the_command_shows(run: Any, name: str) -> None:
    """The generated reference and --help are the same words."""
    assert run(*name.split(), "--help").out.split() == PAGES[name].split()


def test_the_reference_is_up_to_date() -> None:
    """docs/commands.md holds every help page as it is now (`make docs` renews it)."""
    assert commands_markdown() in DOCS.read_text()
