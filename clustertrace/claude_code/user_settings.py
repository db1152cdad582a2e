"""Claude Code's own settings files, as far as they concern us."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clustertrace.claude_code.environment import CONTENT
from clustertrace.json_edits.files import Changed, change, read
from clustertrace.json_edits.text import with_value, without

__all__ = [
    "Written",
    "managed_folder",
    "managed_settings",
    "session_environment",
    "settings_path",
    "variables_of",
    "write_environment",
]

_MANAGED: Final = {
    "darwin": "/Library/Application Support/ClaudeCode",
    "win32": r"C:\Program Files\ClaudeCode",
}


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


def managed_folder() -> Path:
    """Where those who manage this machine put settings that nobody else's can change."""
    return Path(_MANAGED.get(sys.platform, "/etc/claude-code"))


def managed_settings() -> dict[str, Any]:
    """What this machine's files of managed settings say together; the last of them wins.

    Those that a server or the registry hands out are not seen. Raises BadInput or UsageError where
    one of the files can't be read.
    """
    folder = managed_folder()
    merged: dict[str, Any] = {}
    more = sorted((folder / "managed-settings.d").glob("[!.]*.json"))
    for path in (folder / "managed-settings.json", *more):
        settings = read(path)
        if isinstance(settings, dict):
            merged |= settings | {"env": variables_of(merged) | variables_of(settings)}
    return merged


def session_environment() -> dict[str, str]:
    """The variables that a session started here would see, those of its settings on top.

    The project's settings win over the user's, its local ones over both, and managed ones over all.
    Raises BadInput or UsageError where one of the files can't be read.
    """
    merged = dict(os.environ)
    project = Path.cwd() / ".claude"
    for path in (settings_path(), project / "settings.json", project / "settings.local.json"):
        merged |= variables_of(read(path))
    return merged | variables_of(managed_settings())


def variables_of(settings: Any) -> dict[str, str]:
    """The variables that settings set."""
    env = settings.get("env") if isinstance(settings, dict) else None
    return {name: str(value) for name, value in env.items()} if isinstance(env, dict) else {}


def write_environment(path: Path, to_set: Mapping[str, str]) -> Written:
    """Set these variables in the settings' `env`, and take out what turns on more content.

    Everything else stays byte for byte. Raises BadInput or UsageError, the file untouched.
    """
    settings = read(path)
    present = settings.get("env") if isinstance(settings, dict) else None
    present = present if isinstance(present, dict) else {}
    unwanted = [name for name in CONTENT if name in present and name not in to_set]
    replaced = {
        name: present[name]
        for name in [*to_set, *unwanted]
        if name in present and present[name] != to_set.get(name)
    }

    def edit(text: str) -> str:
        for name, value in to_set.items():
            if present.get(name) != value:
                text = with_value(text, ["env", name], value)
        for name in unwanted:
            text = without(text, ["env", name])
        return text

    return Written(change(path, edit), replaced)
