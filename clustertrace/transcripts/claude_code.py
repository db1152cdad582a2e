"""Claude Code's transcripts → runs.

`~/.claude/projects/<folder>/<session>.jsonl` holds what a session's main agent did, files beside
it what its sub-agents did (in older versions rows marked `isSidechain` do). Rows come in the order
in which things happened, and a turn goes from one prompt to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.log_homes import turn_id
from clustertrace.conventions.readers import text
from clustertrace.transcripts.claude_agent import Link, Requests
from clustertrace.transcripts.claude_rows import is_prompt
from clustertrace.transcripts.claude_steps import Steps, SubAgent
from clustertrace.transcripts.rows import Row
from clustertrace.transcripts.turn import Portion, Turn, moment

__all__ = ["Reader"]

_STEPS: Final = ("user", "assistant", "system", "attachment")
"""A tuple, since anything at all may stand for a type, also what has no hash."""

Told = Mapping[str, Any]


class Reader:
    """Reads the rows of one file, in order, from the beginning of a turn on."""

    def __init__(
        self, session_id: str, agent: SubAgent | None = None, *, goes_on: str | None = None
    ) -> None:
        """`goes_on`: the id of the trace whose turn begins where reading begins, if it is known."""
        self._session = session_id
        self._agent = agent
        self._goes_on = goes_on
        self._steps: Steps | None = None
        self._prompts: set[str] = set()
        self._rested = 0
        """Where the last row of a turn ended: what follows may be about the next one's first."""
        self._requests = Requests()
        self.links: dict[str, Link] = {}
        """Sub-agents that were begun, by their id."""

    def read(self, rows: Iterable[Row], *, begin: int = 0, gone: bool = False) -> Iterator[Portion]:
        """Portions as they are complete; the last turn comes last, finished or not.

        `begin`: where in the file the rows begin. `gone`: nobody writes to the file any more, so
        what has not ended never will.
        """
        self._rested = begin
        for row in rows:
            if row.told is not None:
                yield from self._take(row, row.told)
        if self._steps is not None:
            ended = self._steps.close(gone=gone)
            turn = self._steps.turn
            # A turn that rests may go on all the same: a hook, a sub-agent in the background.
            yield turn.portion(turn.begin, ended=ended)

    def _take(self, row: Row, told: Told) -> Iterator[Portion]:
        kind = told.get("type")
        if kind == "api-request":
            self._requests.note(told)
        if kind not in _STEPS:
            return
        if kind == "user" and self._begins(told):
            if self._steps is not None:
                self._steps.close(gone=True)
                yield self._steps.turn.portion(self._rested, ended=True)
            self._steps = self._begin(row, told)
        if self._steps is not None and self._is_of(self._steps.turn, told):
            self._steps.take(told)
            self._rested = row.end
            if self._steps.turn.hold(row.end - row.begin):
                self._steps.close(gone=False)
                yield self._steps.turn.portion(self._steps.turn.begin, ended=False)

    def _is_of(self, turn: Turn, told: Told) -> bool:
        """False for what prepares the next turn: it comes under its id, before its prompt."""
        prompt = text(told.get("promptId"))
        return prompt in (None, turn.prompt) or told.get("isMeta") is not True

    def _begins(self, told: Told) -> bool:
        if moment(told) is None:
            return False
        prompt = text(told.get("promptId"))
        if self._agent is not None:
            # Whoever asked it first may ask it again in a later turn.
            return self._steps is None or prompt not in (None, self._steps.turn.prompt)
        if told.get("isSidechain") is True or not is_prompt(told):
            return False
        # What a command expands to follows the command, under the same id.
        return (
            self._steps is None or self._steps.busy or prompt is None or prompt not in self._prompts
        )

    def _begin(self, row: Row, told: Told) -> Steps:
        session = text(told.get("sessionId")) or self._session
        uuid = text(told.get("uuid")) or f"{session}:{row.begin}"
        prompt = text(told.get("promptId"))
        agent = self._agent
        goes_on, self._goes_on = self._goes_on, None
        if goes_on is not None:
            trace_id = goes_on
        elif agent is not None and agent.link is not None and prompt is None:
            trace_id = agent.link.trace_id
        elif agent is None and prompt in self._prompts:
            # A fork copies the history under the id of its own first prompt.
            trace_id = turn_id(session, uuid)
        else:
            trace_id = turn_id(session, prompt or uuid)
        if prompt is not None:
            self._prompts.add(prompt)
        claim = "" if agent is not None else uuid
        turn = Turn(trace_id, session, claim, self._rested, prompt=prompt)
        return Steps(turn, told, agent, self._requests, self.links)
