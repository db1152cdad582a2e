"""Read Claude Code's transcripts into runs.

`~/.claude/projects/<folder>/<session>.jsonl` holds what a session's main agent did, files beside it
what its sub-agents did (in older versions, rows marked `isSidechain`). Rows are in the order of
events, and a turn goes from one prompt to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.log_homes import turn_id
from clustertrace.conventions.readers import text
from clustertrace.transcripts.claude_agent import SCOPE_NAME, Link, Requests
from clustertrace.transcripts.claude_rows import is_prompt
from clustertrace.transcripts.claude_steps import Steps, SubAgent
from clustertrace.transcripts.rows import Row
from clustertrace.transcripts.turn import Portion, Turn, moment

__all__ = ["Reader"]

_STEP_TYPES: Final = ("user", "assistant", "system", "attachment")
"""A tuple, because a row's type may be any value, even an unhashable one."""

RowObject = Mapping[str, Any]


class Reader:
    """Reads the rows of one file, in order, from the start of a turn on."""

    def __init__(
        self, session_id: str, agent: SubAgent | None = None, *, resumed_trace: str | None = None
    ) -> None:
        """`resumed_trace`: id of the trace whose turn starts where reading starts, if known."""
        self._session = session_id
        self._agent = agent
        self._resumed_trace = resumed_trace
        self._steps: Steps | None = None
        self._prompts: set[str] = set()
        self._end_of_rows = 0
        """Where the last row of a turn ended; rows after it may belong to the next turn."""
        self._requests = Requests()
        self.links: dict[str, Link] = {}
        """The tool calls that started sub-agents, by agent id."""

    def read(
        self, rows: Iterable[Row], *, begin: int = 0, abandoned: bool = False
    ) -> Iterator[Portion]:
        """Yield portions as they are complete, and at the end the last turn, finished or not.

        `begin` is the offset of the first row. `abandoned` means that nobody writes to the file any
        more, so what has not ended never will.
        """
        self._end_of_rows = begin
        for row in rows:
            if row.data is not None:
                yield from self._take(row, row.data)
        if self._steps is not None:
            ended = self._steps.close(abandoned=abandoned)
            turn = self._steps.turn
            # A turn at rest may still go on, by a hook or a sub-agent in the background.
            yield turn.portion(turn.begin, ended=ended)

    def _take(self, row: Row, data: RowObject) -> Iterator[Portion]:
        kind = data.get("type")
        if kind == "api-request":
            self._requests.note(data)
        if kind not in _STEP_TYPES:
            return
        if kind == "user" and self._begins(data):
            if self._steps is not None:
                self._steps.close(abandoned=True)
                yield self._steps.turn.portion(self._end_of_rows, ended=True)
            self._steps = self._begin(row, data)
        if self._steps is not None and self._belongs_to(self._steps.turn, data):
            self._steps.take(data)
            self._end_of_rows = row.end
            if self._steps.turn.is_full(row.end - row.begin):
                self._steps.close(abandoned=False)
                yield self._steps.turn.portion(self._steps.turn.begin, ended=False)

    def _belongs_to(self, turn: Turn, data: RowObject) -> bool:
        """False for rows that prepare the next turn: they have its id, but precede its prompt."""
        prompt = text(data.get("promptId"))
        return prompt in (None, turn.prompt) or data.get("isMeta") is not True

    def _begins(self, data: RowObject) -> bool:
        if moment(data) is None:
            return False
        prompt = text(data.get("promptId"))
        if self._agent is not None:
            # The agent that asked it first may ask it again in a later turn.
            return self._steps is None or prompt not in (None, self._steps.turn.prompt)
        if data.get("isSidechain") is True or not is_prompt(data):
            return False
        # The expansion of a command follows it, under the same id.
        return (
            self._steps is None or self._steps.busy or prompt is None or prompt not in self._prompts
        )

    def _begin(self, row: Row, data: RowObject) -> Steps:
        session = text(data.get("sessionId")) or self._session
        uuid = text(data.get("uuid")) or f"{session}:{row.begin}"
        prompt = text(data.get("promptId"))
        agent = self._agent
        resumed_trace, self._resumed_trace = self._resumed_trace, None
        if resumed_trace is not None:
            trace_id = resumed_trace
        elif agent is not None and agent.link is not None and prompt is None:
            trace_id = agent.link.trace_id
        elif agent is None and prompt in self._prompts:
            # A fork copies the history, under the id of its own first prompt.
            trace_id = turn_id(session, uuid)
        else:
            trace_id = turn_id(session, prompt or uuid)
        if prompt is not None:
            self._prompts.add(prompt)
        claim = "" if agent is not None else uuid
        turn = Turn(trace_id, session, claim, self._end_of_rows, scope=SCOPE_NAME, prompt=prompt)
        return Steps(turn, data, agent, self._requests, self.links)
