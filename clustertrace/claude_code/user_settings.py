"""Claude Code's own settings file, as far as it concerns us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustertrace.claude_code.environment import CONTENT
from clustertrace.json_files import Changed, change, read
from clustertrace.json_text import with_value, without

__all__ = ["Written", "session_environment", "settings_path", "write_environment"]


@dataclass(frozen=True, slots=True)
class Written:
    """What writing variables did to the settings."""

    file: Changed
    replaced: dict[str, Any]
    """Values that stood there before and are others now, or gone."""


def settings_path() -> Path:
    """The user's settings file, where CLAUDE_CONFIG_DIR has it or in the home."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"


def session_environment() -> dict[str, str]:
    """The variables that a session started here would see, those of its settings on top.

    The project's settings win over the user's, and its local ones over both. Raises BadInput or
    UsageError where one of the files can't be read.
    """
    told = dict(os.environ)
    project = Path.cwd() / ".claude"
    for path in (settings_path(), project / "settings.json", project / "settings.local.json"):
        settings = read(path)
        variables = settings.get("env") if isinstance(settings, dict) else None
        if isinstance(variables, dict):
            told |= {name: str(value) for name, value in variables.items()}
    return told


def write_environment(path: Path, told: Mapping[str, str]) -> Written:
    """Set these variables in the settings' `env`, and take out what turns on more content.

    Everything else stays byte for byte. Raises BadInput or UsageError, the file untouched.
    """
    settings = read(path)
    present = settings.get("env") if isinstance(settings, dict) else None
    present = present if isinstance(present, dict) else {}
    unwanted = [name for name in CONTENT if name in present and name not in told]
    replaced = {
        name: present[name]
        for name in [*told, *unwanted]
        if name in present and present[name] != told.get(name)
    }

    def edit(text: str) -> str:
        for name, value in told.items():
            if present.get(name) != value:
                text = with_value(text, ["env", name], value)
        for name in unwanted:
            text = without(text, ["env", name])
        return text

    return Written(change(path, edit), replaced)
