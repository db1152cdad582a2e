"""The agent of a Claude Code sub-agent's transcript, and the tool call that started it.

The file is in a folder of its session, with a metadata file beside it; older versions put it among
the sessions, without metadata.
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
    """Which tool call started which sub-agent; looked up in transcripts that were not read yet."""

    def __init__(self) -> None:
        self._known: dict[str, Link] = {}
        self._searched: set[Path] = set()

    def add(self, links: Mapping[str, Link]) -> None:
        """Add the links of a transcript."""
        self._known.update(links)

    def of(self, agent_id: str, session: Path) -> Link | None:
        """The call that started a sub-agent, searched in all transcripts of the session."""
        if agent_id not in self._known and session not in self._searched:
            self._searched.add(session)
            others = session.with_suffix("").glob(f"{_FOLDER}/**/*.jsonl")
            for path in (session, *sorted(others)):
                self.add(_links_in(path))
        return self._known.get(agent_id)


def session_of(path: Path, file: BinaryIO) -> tuple[str, Path]:
    """The id of a sub-agent's session, and that session's own file."""
    if _FOLDER in path.parts:
        index = len(path.parts) - 1 - path.parts[::-1].index(_FOLDER)
        folder = Path(*path.parts[:index])
        return folder.name, folder.with_name(folder.name + ".jsonl")
    first_row = next((row.data for row in rows(file) if row.data), {})
    session = text(first_row.get("sessionId")) or path.stem
    # The id in a file is untrusted: only a plain name may become the name of another file.
    name = session if _NAME.fullmatch(session) else path.stem
    return session, path.with_name(name + ".jsonl")


def sub_agent(path: Path, session: Path, links: Links) -> SubAgent:
    """The sub-agent of a transcript."""
    agent_id = path.stem.partition("-")[2]
    meta = _meta(path)
    tool_use_id = text(meta.get("toolUseId"))
    link = None
    if tool_use_id is None or meta.get("spawnDepth") not in (None, 1):
        # Started by another sub-agent, or by an unknown call.
        link = links.of(agent_id, session)
    name = text(meta.get("agentType")) or (link.name if link else None)
    return SubAgent(agent_id, name or "sub-agent", tool_use_id, link)


def _meta(path: Path) -> Mapping[str, Any]:
    try:
        with path.with_suffix(".meta.json").open("rb") as file:
            value = orjson.loads(file.read(_META_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


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
