"""Where coding agents keep their sessions on this machine, and what is there. Nothing is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

__all__ = ["AGENTS", "TITLES", "Agent", "History", "find", "histories", "is_sub_agent", "place"]

Agent = Literal["claude-code", "codex"]

AGENTS: Final[tuple[Agent, ...]] = ("claude-code", "codex")
TITLES: Final[dict[Agent, str]] = {"claude-code": "Claude Code", "codex": "Codex"}
"""What people call them."""

_SUB_AGENT: Final = "agent-"


class History(NamedTuple):
    """What an agent has left."""

    agent: Agent
    place: Path
    files: tuple[Path, ...]
    """Oldest first, a session before its sub-agents."""
    sessions: int
    size: int
    """Bytes of all files."""


def place(agent: Agent) -> Path:
    """The folder where the agent keeps its sessions, as its own variables have it."""
    if agent == "claude-code":
        folder = os.environ.get("CLAUDE_CONFIG_DIR")
        return (Path(folder).expanduser() if folder else Path.home() / ".claude") / "projects"
    folder = os.environ.get("CODEX_HOME")
    return (Path(folder).expanduser() if folder else Path.home() / ".codex") / "sessions"


def histories() -> list[History]:
    """What the agents on this machine have left; those without a session are left out."""
    found = (find(agent, place(agent)) for agent in AGENTS)
    return [history for history in found if history.sessions]


def find(agent: Agent, where: Path) -> History:
    """The transcripts in a folder, or the one that a path names."""
    sizes: dict[Path, tuple[int, int]] = {}
    for path in _transcripts(where):
        try:
            about = path.stat()
        except OSError:
            continue
        sizes[path] = (about.st_mtime_ns, about.st_size)
    mains = [path for path in sizes if not is_sub_agent(path)]
    # A copy of a session's history is younger than the session, which counts.
    files = sorted(sizes, key=lambda path: (is_sub_agent(path), sizes[path][0], str(path)))
    return History(
        agent,
        where,
        tuple(files),
        len(mains) or len(files),
        sum(size for _, size in sizes.values()),
    )


def is_sub_agent(path: Path) -> bool:
    """Whether a file of Claude Code's holds what a sub-agent did."""
    return path.name.startswith(_SUB_AGENT)


def _transcripts(where: Path) -> Iterator[Path]:
    if where.is_file():
        yield where
        return
    for folder, _, names in os.walk(where, onerror=lambda _: None):
        for name in names:
            if name.endswith(".jsonl"):
                yield Path(folder, name)
