"""Every command has a help page with an example, and stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import clustertrace.cli
from clustertrace.cli.app import app
from clustertrace.cli.commands import COMMANDS, MODULES
from clustertrace.cli.reference import commands_markdown, help_pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "commands.md"
PAGES = dict(help_pages())
SILENT = {"demo", "dashboard", "ensure-dashboard", "export", "mcp"}


def command_of(name: str) -> Any:
    """The command of that name; a word more names one of a group's."""
    found: Any = get_command(app)
    for word in name.split():
        found = found.get_command(None, word)
    return found


def test_the_promised_commands_exist() -> None:
    """The commands whose names users rely on exist."""
    promised = {"demo", "dashboard", "stats", "clusters", "inspect", "export", "import", "db-path"}
    assert promised <= set(PAGES)


@pytest.mark.parametrize("folder", ["clustertrace", "ingest", "app", "pages", "demo"])
def test_every_command_that_a_sentence_names_exists(folder: str) -> None:
    """Nobody is sent to a command that there is not."""
    named = {
        name
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"`clustertrace ([a-z][a-z-]*)", path.read_text("utf-8"))
    }
    assert named <= set(MODULES)


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


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    """The list is made without loading a command, so it is held to them here."""
    group: Any = get_command(app)
    listed = [entry for entries in COMMANDS.values() for entry in entries]
    assert sorted(entry.name for entry in listed) == sorted(n for n in PAGES if " " not in n)
    for entry in listed:
        command = group.get_command(None, entry.name)
        assert command.callback.__module__ == f"clustertrace.cli.{entry.module}"
        assert command.help.splitlines()[0] == entry.purpose


def test_each_module_of_commands_is_listed() -> None:
    """A command of a module that the list does not name would not be found."""
    folder = Path(clustertrace.cli.__file__).parent
    adding = {
        path.stem
        for path in folder.glob("*.py")
        if "\n@command(" in path.read_text() or " = command_group(" in path.read_text()
    }
    assert adding == {entry.module for entries in COMMANDS.values() for entry in entries}
