"""Read Codex's rollouts into runs.

`~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl` holds what was sent to the model and
came back (`response_item`), other events (`event_msg`), and token counts. A turn goes from
`task_started` to `task_complete` or `turn_aborted`; older versions log only its prompt. A model
call is what the model said between two inputs; its token counts follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.log_homes import CODEX, derived_id
from clustertrace.conventions.readers import text
from clustertrace.transcripts.codex_steps import SCOPE_NAME, Steps, user_prompt
from clustertrace.transcripts.rows import Row
from clustertrace.transcripts.turn import Portion, Turn, moment, short_folder

__all__ = ["Reader"]

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")

RowObject = Mapping[str, Any]


class Reader:
    """Reads the rows of one file, in order, from the start of a turn on."""

    def __init__(self, session_id: str, *, resumed_trace: str | None = None) -> None:
        """`resumed_trace`: id of the trace whose turn starts where reading starts, if known."""
        self._session = session_id
        self._resumed_trace = resumed_trace
        self._tags: dict[str, str] = {"service": "codex"}
        self._provider: str | None = None
        self._model: str | None = None
        self._logs_turn_start = False
        """Whether this version logs the start of a turn."""
        self._steps: Steps | None = None
        self._end_of_rows = 0

    def read(
        self, rows: Iterable[Row], *, begin: int = 0, abandoned: bool = False
    ) -> Iterator[Portion]:
        """Yield portions as they are complete, and at the end the last turn, finished or not.

        `begin` is the offset of the first row; the session's own row may precede it. `abandoned`
        means that nobody writes to the file any more, so what has not ended never will.
        """
        self._end_of_rows = begin
        for row in rows:
            payload = row.data.get("payload") if row.data is not None else None
            if row.data is not None and isinstance(payload, dict):
                yield from self._take(row, row.data, payload)
        if self._steps is not None:
            ended = self._steps.close(abandoned=abandoned)
            turn = self._steps.turn
            yield turn.portion(turn.begin, ended=ended)

    def _take(self, row: Row, data: RowObject, payload: RowObject) -> Iterator[Portion]:
        kind, payload_type = data.get("type"), payload.get("type")
        if kind == "session_meta":
            self._session_meta(payload)
            return
        self._logs_turn_start |= payload_type == "task_started"
        if self._begins(kind, payload) and moment(data) is not None:
            if self._steps is not None:
                self._steps.close(abandoned=True)
                yield self._steps.turn.portion(self._end_of_rows, ended=True)
            self._steps = self._begin(row, data, payload)
        if kind == "turn_context":
            self._context(payload)
        steps = self._steps
        if steps is not None:
            steps.turn.tags.update(self._tags)
            steps.take(data, payload)
            self._end_of_rows = row.end
            if steps.turn.is_full(row.end - row.begin):
                steps.close(abandoned=False)
                yield steps.turn.portion(steps.turn.begin, ended=False)

    def _begins(self, kind: Any, payload: RowObject) -> bool:
        if payload.get("type") == "task_started":
            return True
        if self._logs_turn_start or kind != "response_item" or user_prompt(payload) is None:
            return False
        return self._steps is None or self._steps.busy

    def _begin(self, row: Row, data: RowObject, payload: RowObject) -> Steps:
        key = text(payload.get("turn_id")) or f"{row.begin}"
        resumed_trace, self._resumed_trace = self._resumed_trace, None
        trace_id = resumed_trace or text(payload.get("trace_id")) or ""
        if not _TRACE_ID.fullmatch(trace_id):
            trace_id = derived_id(CODEX, self._session, key)
        claim = f"codex:{key}"
        turn = Turn(trace_id, self._session, claim, self._end_of_rows, scope=SCOPE_NAME, prompt=key)
        root_turn = text(payload.get("root_turn_id"))
        parent_turn = root_turn if root_turn not in (None, key) else None
        return Steps(turn, moment(data) or 1, self._provider, self._model, parent_turn=parent_turn)

    def _session_meta(self, payload: RowObject) -> None:
        self._session = text(payload.get("session_id")) or text(payload.get("id")) or self._session
        self._provider = text(payload.get("model_provider"))
        git = payload.get("git")
        branch = git.get("branch") if isinstance(git, dict) else None
        self._note("branch", branch)
        self._note("version", payload.get("cli_version"))
        self._note("entrypoint", payload.get("originator"))
        self._folder(payload)

    def _context(self, payload: RowObject) -> None:
        self._model = text(payload.get("model")) or self._model
        if self._steps is not None:
            self._steps.model = self._model
        self._note("permission_mode", payload.get("approval_policy"))
        self._note("model", self._model)
        self._folder(payload)

    def _folder(self, payload: RowObject) -> None:
        folder = text(payload.get("cwd"))
        self._note("folder", folder and short_folder(folder))

    def _note(self, key: str, value: Any) -> None:
        if text(value):
            self._tags[key] = value
