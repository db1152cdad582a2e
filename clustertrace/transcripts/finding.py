"""Find coding agents' sessions on this machine; their contents are not read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

__all__ = ["TITLES", "Agent", "History", "find", "histories", "is_sub_agent", "place"]

Agent = Literal["claude-code", "codex"]

TITLES: Final[dict[Agent, str]] = {"claude-code": "Claude Code", "codex": "Codex"}
"""Display names."""

_SUB_AGENT: Final = "agent-"


class History(NamedTuple):
    """The transcripts of an agent."""

    agent: Agent
    place: Path
    files: tuple[Path, ...]
    """Oldest first, sessions before sub-agents."""
    sessions: int
    size: int
    """Bytes of all files."""


def place(agent: Agent) -> Path:
    """The folder of the agent's sessions, by the agent's own environment variables."""
    if agent == "claude-code":
        folder = os.environ.get("CLAUDE_CONFIG_DIR")
        return (Path(folder).expanduser() if folder else Path.home() / ".claude") / "projects"
    folder = os.environ.get("CODEX_HOME")
    return (Path(folder).expanduser() if folder else Path.home() / ".codex") / "sessions"


def histories() -> list[History]:
    """The histories on this machine; agents without sessions are left out."""
    candidates = (find(agent, place(agent)) for agent in TITLES)
    return [history for history in candidates if history.sessions]


def find(agent: Agent, root: Path) -> History:
    """The transcripts in a folder, or a single one."""
    sizes: dict[Path, tuple[int, int]] = {}
    for path in _transcripts(root):
        try:
            stat = path.stat()
        except OSError:
            continue
        sizes[path] = (stat.st_mtime_ns, stat.st_size)
    mains = [path for path in sizes if not is_sub_agent(path)]
    # A fork's copy of a history is younger than the original, which must be read first.
    files = sorted(sizes, key=lambda path: (is_sub_agent(path), sizes[path][0], str(path)))
    return History(
        agent,
        root,
        tuple(files),
        len(mains) or len(files),
        sum(size for _, size in sizes.values()),
    )


def is_sub_agent(path: Path) -> bool:
    """Whether a file of Claude Code is a sub-agent's transcript."""
    return path.name.startswith(_SUB_AGENT)


def _transcripts(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, _, names in os.walk(root, onerror=lambda _: None):
        for name in names:
            if name.endswith(".jsonl"):
                yield Path(folder, name)
