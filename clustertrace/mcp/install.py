"""Where each editor keeps its MCP servers, and our entry there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from clustertrace.json_edits.files import Edit
from clustertrace.json_edits.text import parsed, with_value

__all__ = ["Place", "Target", "edit_of", "entry", "place_of", "snippet"]

_NAME: Final = "clustertrace"


class Target(StrEnum):
    """A program that talks to MCP servers."""

    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    CONTINUE = "continue"
    VSCODE = "vscode"
    WINDSURF = "windsurf"
    ZED = "zed"


class Place(NamedTuple):
    """The file that an editor reads, and the key under which it lists servers."""

    path: Path
    key: str
    more: Mapping[str, Any]
    """What an entry needs there besides its command."""
    comments: bool = False
    """Whether the file may have comments."""


def entry(db: str | None) -> dict[str, Any]:
    """How the server is started: by absolute paths, and whatever folder the editor is in.

    `db` is the database's path; None: the usual one.
    """
    arguments = ["-P", "-m", "clustertrace", "mcp"]
    return {
        "command": os.path.abspath(sys.executable),
        "args": [*arguments, "--db", db] if db else arguments,
    }


def snippet(server_entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry as most programs want it in their settings."""
    return {"mcpServers": {_NAME: dict(server_entry)}}


def place_of(target: Target) -> Place:
    """Where that program looks on this machine."""
    home, stdio = Path.home(), {"type": "stdio"}
    match target:
        case Target.CLAUDE_CODE:
            folder = Path(os.environ.get("CLAUDE_CONFIG_DIR") or home)
            return Place(folder / ".claude.json", "mcpServers", stdio)
        case Target.CURSOR:
            return Place(home / ".cursor" / "mcp.json", "mcpServers", {})
        case Target.CONTINUE:
            # A file of our own: Continue reads every JSON file in that folder.
            own = home / ".continue" / "mcpServers" / "clustertrace.json"
            return Place(own, "mcpServers", {})
        case Target.VSCODE:
            file = _settings_folder(home) / "Code" / "User" / "mcp.json"
            return Place(file, "servers", stdio, comments=True)
        case Target.WINDSURF:
            return Place(home / ".codeium" / "windsurf" / "mcp_config.json", "mcpServers", {})
        case Target.ZED:
            settings = _xdg_folder(home) / "zed" / "settings.json"
            return Place(settings, "context_servers", {"source": "custom"}, comments=True)


def edit_of(place: Place, server_entry: Mapping[str, Any]) -> Edit:
    """Put the entry in; what its user added to one that is there already stays."""

    def edit(text: str) -> str:
        servers = parsed(text)
        servers = servers.get(place.key) if isinstance(servers, dict) else None
        current = servers.get(_NAME) if isinstance(servers, dict) else None
        current = current if isinstance(current, dict) else {}
        wanted = {**current, **place.more, **server_entry}
        return text if current == wanted else with_value(text, (place.key, _NAME), wanted)

    return edit


def _settings_folder(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    return _xdg_folder(home)


def _xdg_folder(home: Path) -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
