"""Codex's rollouts → runs.

`~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`: what was sent to the model and came
back (`response_item`), what happened besides (`event_msg`), and tokens. A turn goes from
`task_started` to `task_complete` or `turn_aborted`; older versions only tell of its prompt. A
model call is what the model said between two things that it was told; its tokens follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.log_homes import CODEX, derived_id
from clustertrace.conventions.readers import text
from clustertrace.transcripts.codex_steps import Steps, said_by_user
from clustertrace.transcripts.rows import Row
from clustertrace.transcripts.turn import Portion, Turn, moment, short_folder

__all__ = ["Reader"]

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")

Told = Mapping[str, Any]


class Reader:
    """Reads the rows of one file, in order, from the beginning of a turn on."""

    def __init__(self, session_id: str, *, goes_on: str | None = None) -> None:
        """`goes_on`: the id of the trace whose turn begins where reading begins, if it is known."""
        self._session = session_id
        self._goes_on = goes_on
        self._tags: dict[str, str] = {"service": "codex"}
        self._provider: str | None = None
        self._model: str | None = None
        self._says_start = False
        """Whether this version tells when a turn begins."""
        self._steps: Steps | None = None
        self._rested = 0

    def read(self, rows: Iterable[Row], *, begin: int = 0, gone: bool = False) -> Iterator[Portion]:
        """Portions as they are complete; the last turn comes last, finished or not.

        `begin`: where in the file the rows begin; that of the session itself may stand before
        them. `gone`: nobody writes to the file any more, so what has not ended never will.
        """
        self._rested = begin
        for row in rows:
            payload = row.told.get("payload") if row.told is not None else None
            if row.told is not None and isinstance(payload, dict):
                yield from self._take(row, row.told, payload)
        if self._steps is not None:
            ended = self._steps.close(gone=gone)
            turn = self._steps.turn
            yield turn.portion(turn.begin, ended=ended)

    def _take(self, row: Row, told: Told, payload: Told) -> Iterator[Portion]:
        kind, what = told.get("type"), payload.get("type")
        if kind == "session_meta":
            self._session_meta(payload)
            return
        self._says_start |= what == "task_started"
        if self._begins(kind, payload) and moment(told) is not None:
            if self._steps is not None:
                self._steps.close(gone=True)
                yield self._steps.turn.portion(self._rested, ended=True)
            self._steps = self._begin(row, told, payload)
        if kind == "turn_context":
            self._context(payload)
        steps = self._steps
        if steps is not None:
            steps.turn.tags.update(self._tags)
            steps.take(told, payload)
            self._rested = row.end
            if steps.turn.hold(row.end - row.begin):
                steps.close(gone=False)
                yield steps.turn.portion(steps.turn.begin, ended=False)

    def _begins(self, kind: Any, payload: Told) -> bool:
        if payload.get("type") == "task_started":
            return True
        if self._says_start or kind != "response_item" or said_by_user(payload) is None:
            return False
        return self._steps is None or self._steps.busy

    def _begin(self, row: Row, told: Told, payload: Told) -> Steps:
        key = text(payload.get("turn_id")) or f"{row.begin}"
        goes_on, self._goes_on = self._goes_on, None
        trace_id = goes_on or text(payload.get("trace_id")) or ""
        if not _TRACE_ID.fullmatch(trace_id):
            trace_id = derived_id(CODEX, self._session, key)
        turn = Turn(trace_id, self._session, f"codex:{key}", self._rested, prompt=key)
        above = text(payload.get("root_turn_id"))
        inner = above if above not in (None, key) else None
        return Steps(turn, moment(told) or 1, self._provider, self._model, inner=inner)

    def _session_meta(self, payload: Told) -> None:
        self._session = text(payload.get("session_id")) or text(payload.get("id")) or self._session
        self._provider = text(payload.get("model_provider"))
        git = payload.get("git")
        branch = git.get("branch") if isinstance(git, dict) else None
        self._note("branch", branch)
        self._note("version", payload.get("cli_version"))
        self._note("entrypoint", payload.get("originator"))
        self._folder(payload)

    def _context(self, payload: Told) -> None:
        self._model = text(payload.get("model")) or self._model
        if self._steps is not None:
            self._steps.model = self._model
        self._note("permission_mode", payload.get("approval_policy"))
        self._note("model", self._model)
        self._folder(payload)

    def _folder(self, payload: Told) -> None:
        folder = text(payload.get("cwd"))
        self._note("folder", folder and short_folder(folder))

    def _note(self, key: str, value: Any) -> None:
        if text(value):
            self._tags[key] = value
