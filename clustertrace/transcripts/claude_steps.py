"""One turn of Claude Code: its main agent and the sub-agents that stand in the same file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from clustertrace.conventions.readers import text
from clustertrace.transcripts import claude_rows as row_of
from clustertrace.transcripts.claude_agent import Agent, Beginning, Link, Requests
from clustertrace.transcripts.turn import Turn, moment

__all__ = ["Steps", "SubAgent"]

_TURN: Final = "claude_code.interaction"
_ANSWERED: Final = frozenset({"end_turn", "stop_sequence"})

RowObject = Mapping[str, Any]


class SubAgent(NamedTuple):
    """Whose transcript a file is, if it is not the main agent's."""

    agent_id: str
    name: str
    tool_use_id: str | None = None
    """The main agent's call of the tool that began it."""
    link: Link | None = None
    """The same, for a call of another agent's, or where rows do not name the prompt."""


class Steps:
    """Takes the rows of a turn. Its first row must be given to `take` as well."""

    def __init__(
        self,
        turn: Turn,
        first: RowObject,
        agent: SubAgent | None,
        requests: Requests,
        links: dict[str, Link],
    ) -> None:
        self.turn = turn
        self._requests = requests
        self._links = links
        self._inline: dict[str, Agent] = {}
        self._side_rows: dict[str, str] = {}
        """Rows of sub-agents that stand inline → which of them."""
        self._main = agent is None
        at = moment(first) or 1
        if agent is None:
            began = Beginning(
                name=_TURN,
                span_id=turn.root_id,
                parent_span_id=None,
                at=at,
                given=row_of.said_text(first) or row_of.content(first),
                attributes={"prompt.id": turn.prompt, "message.uuid": turn.claim},
            )
            self._agent = Agent(turn, requests, links, began)
            turn.tags["service"] = "claude-code"
        else:
            above = agent.link.span_id if agent.link else turn.root_id
            if agent.link is None and agent.tool_use_id is not None:
                above = turn.id_of("tool", "", agent.tool_use_id)
            self._agent = self._sub_agent(agent.agent_id, agent.name, above, at, first)

    @property
    def busy(self) -> bool:
        """Whether the agent has begun to work."""
        return self._agent.busy

    def take(self, row: RowObject) -> None:
        """Read a row."""
        agent: Agent | None = self._agent
        if self._main and row.get("isSidechain") is True:
            agent = self._aside(row)
        elif self._main:
            self.turn.tags.update(row_of.tags(row))
        if agent is not None:
            agent.take(row)

    def close(self, *, gone: bool) -> bool:
        """Bring the spans of the agents up to date; whether the turn has come to its end.

        `gone`: nobody will go on with it.
        """
        for agent in (self._agent, *self._inline.values()):
            agent.describe()
        end = self._agent.end
        if self._main:
            ended = "answered" if end in _ANSWERED else end
            more = {"ended": ended, "model": self._agent.model}
            self.turn.tags.update({key: value for key, value in more.items() if value})
        if gone or end is not None:
            self.turn.close(gone=True)
        return end is not None

    def _aside(self, row: RowObject) -> Agent | None:
        """The sub-agent that a row in the main agent's file is of."""
        uuid = text(row.get("uuid")) or ""
        agent = text(row.get("agentId")) or self._side_rows.get(str(row.get("parentUuid")))
        agent = agent or uuid
        self._side_rows[uuid] = agent
        if agent not in self._inline:
            at = moment(row)
            if at is None or row.get("type") != "user":
                return None
            above = self._agent.asking_for(row_of.said_text(row))
            given = above.input if above is not None else None
            name = text(given.get("subagent_type")) if isinstance(given, dict) else None
            parent = self.turn.root_id if above is None else above.span_id
            self._inline[agent] = self._sub_agent(agent, name or "sub-agent", parent, at, row)
        return self._inline[agent]

    def _sub_agent(self, agent_id: str, name: str, above: str, at: int, first: RowObject) -> Agent:
        began = Beginning(
            name=name,
            span_id=self.turn.id_of("agent", agent_id),
            parent_span_id=above,
            at=at,
            given=row_of.said_text(first) or None,
            attributes={"agent.name": name},
            agent_id=agent_id,
        )
        return Agent(self.turn, self._requests, self._links, began)
