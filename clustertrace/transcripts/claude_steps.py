"""One turn of Claude Code: its main agent, and sub-agents in the same file."""

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
    """The agent of a transcript that is not the main agent's."""

    agent_id: str
    name: str
    tool_use_id: str | None = None
    """The main agent's tool call that started it."""
    link: Link | None = None
    """The call that started it, if another agent made it, or if rows do not name the prompt."""


class Steps:
    """Builds the spans of a turn from its rows; pass the first row to `take` as well."""

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
        """Ids of sub-agents' rows in the same file → agent id."""
        self._is_main = agent is None
        start_ns = moment(first) or 1
        if agent is None:
            beginning = Beginning(
                name=_TURN,
                span_id=turn.root_id,
                parent_span_id=None,
                start_ns=start_ns,
                input=row_of.message_text(first) or row_of.content(first),
                attributes={"prompt.id": turn.prompt, "message.uuid": turn.claim},
            )
            self._agent = Agent(turn, requests, links, beginning)
            turn.tags["service"] = "claude-code"
        else:
            parent = agent.link.span_id if agent.link else turn.root_id
            if agent.link is None and agent.tool_use_id is not None:
                parent = turn.id_of("tool", "", agent.tool_use_id)
            self._agent = self._sub_agent(agent.agent_id, agent.name, parent, start_ns, first)

    @property
    def busy(self) -> bool:
        """Whether the agent has started to work."""
        return self._agent.busy

    def take(self, row: RowObject) -> None:
        """Read a row."""
        agent: Agent | None = self._agent
        if self._is_main and row.get("isSidechain") is True:
            agent = self._inline_agent(row)
        elif self._is_main:
            self.turn.tags.update(row_of.tags(row))
        if agent is not None:
            agent.take(row)

    def close(self, *, abandoned: bool) -> bool:
        """Update the agents' spans; returns whether the turn has ended.

        `abandoned` means that nobody will continue it.
        """
        for agent in (self._agent, *self._inline.values()):
            agent.describe()
        end = self._agent.end
        if self._is_main:
            outcome = "answered" if end in _ANSWERED else end
            tags = {"ended": outcome, "model": self._agent.model}
            self.turn.tags.update({key: value for key, value in tags.items() if value})
        if abandoned or end is not None:
            self.turn.close(abandoned=True)
        return end is not None

    def _inline_agent(self, row: RowObject) -> Agent | None:
        """The sub-agent of a row in the main agent's file."""
        uuid = text(row.get("uuid")) or ""
        agent = text(row.get("agentId")) or self._side_rows.get(str(row.get("parentUuid")))
        agent = agent or uuid
        self._side_rows[uuid] = agent
        if agent not in self._inline:
            at_ns = moment(row)
            if at_ns is None or row.get("type") != "user":
                return None
            call = self._agent.running_call_with(row_of.message_text(row))
            call_input = call.input if call is not None else None
            name = text(call_input.get("subagent_type")) if isinstance(call_input, dict) else None
            parent = self.turn.root_id if call is None else call.span_id
            self._inline[agent] = self._sub_agent(agent, name or "sub-agent", parent, at_ns, row)
        return self._inline[agent]

    def _sub_agent(
        self, agent_id: str, name: str, parent: str, start_ns: int, first: RowObject
    ) -> Agent:
        beginning = Beginning(
            name=name,
            span_id=self.turn.id_of("agent", agent_id),
            parent_span_id=parent,
            start_ns=start_ns,
            input=row_of.message_text(first) or None,
            attributes={"agent.name": name},
            agent_id=agent_id,
        )
        return Agent(self.turn, self._requests, self._links, beginning)
