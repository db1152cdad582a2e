"""Whose transcript a sub-agent's file of Claude Code's is, and which tool call began it.

The file lies in a folder of its session's, with a file about it beside it; older versions put it
among the sessions and say nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from clustertrace.conventions.readers import text
from clustertrace.transcripts.claude_agent import Link
from clustertrace.transcripts.claude_code import Reader
from clustertrace.transcripts.claude_steps import SubAgent
from clustertrace.transcripts.rows import rows

__all__ = ["Links", "session_of", "sub_agent"]

_FOLDER: Final = "subagents"
_META_BYTES: Final = 1024 * 1024
_NAME: Final = re.compile(r"[\w-]{1,200}")


class Links:
    """Which tool call began which sub-agent; what was not read by now is looked up."""

    def __init__(self) -> None:
        self._known: dict[str, Link] = {}
        self._searched: set[Path] = set()

    def add(self, links: Mapping[str, Link]) -> None:
        """Take what a transcript told."""
        self._known.update(links)

    def of(self, agent_id: str, session: Path) -> Link | None:
        """The call that began a sub-agent of a session, wherever in the session it stands."""
        if agent_id not in self._known and session not in self._searched:
            self._searched.add(session)
            others = session.with_suffix("").glob(f"{_FOLDER}/**/*.jsonl")
            for path in (session, *sorted(others)):
                self.add(_links_in(path))
        return self._known.get(agent_id)


def session_of(path: Path, file: BinaryIO) -> tuple[str, Path]:
    """The id of a sub-agent's session, and that session's own file."""
    if _FOLDER in path.parts:
        at = len(path.parts) - 1 - path.parts[::-1].index(_FOLDER)
        folder = Path(*path.parts[:at])
        return folder.name, folder.with_name(folder.name + ".jsonl")
    told = next((row.told for row in rows(file) if row.told), {})
    session = text(told.get("sessionId")) or path.stem
    # A file may say anything of its session; only a plain name is one of a file beside it.
    beside = session if _NAME.fullmatch(session) else path.stem
    return session, path.with_name(beside + ".jsonl")


def sub_agent(path: Path, session: Path, links: Links) -> SubAgent:
    """Whose file it is."""
    agent_id = path.stem.partition("-")[2]
    about = _about(path)
    used = text(about.get("toolUseId"))
    link = None
    if used is None or about.get("spawnDepth") not in (None, 1):
        # Begun by another sub-agent, or nobody says by which call.
        link = links.of(agent_id, session)
    name = text(about.get("agentType")) or (link.name if link else None)
    return SubAgent(agent_id, name or "sub-agent", used, link)


def _about(path: Path) -> Mapping[str, Any]:
    try:
        with path.with_suffix(".meta.json").open("rb") as file:
            told = orjson.loads(file.read(_META_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return {}
    return told if isinstance(told, dict) else {}


def _links_in(path: Path) -> Mapping[str, Link]:
    agent = SubAgent(path.stem.partition("-")[2], "") if path.stem.startswith("agent-") else None
    session = path.parent.parent.name if agent else path.stem
    reader = Reader(session, agent)
    try:
        with path.open("rb") as file:
            for _ in reader.read(rows(file)):
                pass
    except OSError:
        return {}
    return reader.links
