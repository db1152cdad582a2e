"""A turn while its rows are read: spans that grow, and are handed over in portions.

A turn is one prompt and everything the agent did until it rested; it becomes one trace. Its ids are
derived from those of the session and the prompt, so that a turn that is read again, or was reported
by telemetry too, is the same trace (clustertrace.conventions.otlp.log_homes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from clustertrace.conventions.otlp.log_homes import derived_id
from clustertrace.conventions.readers import time_ns
from clustertrace.model import EMPTY, Span, TraceFacts
from clustertrace.understanding.reports import SCOPE
from clustertrace.wire import MAX_NS

__all__ = ["HELD_BYTES", "Portion", "Turn", "moment", "short_folder"]

HELD_BYTES: Final = 8 * 1024 * 1024
"""After so many bytes of rows, a part of a turn is handed over before the turn ends."""

_HOMES: Final = re.compile(r"(/home/[^/]+|/Users/[^/]+|[A-Za-z]:\\Users\\[^\\]+)(?=[/\\]|\Z)")


class Portion(NamedTuple):
    """A turn, or a part of a long one."""

    spans: list[Span]
    facts: TraceFacts
    claim: str
    """Identifies the prompt wherever it is copied; a copy under another trace is no new turn."""
    resume: int
    """The offset to resume reading at: all before it is in this portion or an earlier one."""
    ended: bool
    """False if more of the turn may come."""
    size: int
    """Bytes of the rows that it was read from."""


class Turn:
    """The spans of a turn, or of the part of it that one file holds."""

    def __init__(
        self,
        trace_id: str,
        session_id: str,
        claim: str,
        begin: int,
        *,
        scope: str,
        prompt: str | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.session_id = session_id
        self._common_attributes = {SCOPE: scope, "session.id": session_id}
        self.prompt = prompt
        """The id of the prompt, if it has one."""
        self.claim = claim
        self.begin = begin
        """The offset of its first row in the file, bytes."""
        self.tags: dict[str, str] = {}
        self.root_id = derived_id(trace_id, "turn", digits=16)
        self._spans: dict[str, Span] = {}
        self._changed: set[str] = set()
        self._held_bytes = 0

    def id_of(self, *parts: str) -> str:
        """The id of one of its spans."""
        return derived_id(self.trace_id, *parts, digits=16)

    def get(self, span_id: str) -> Span | None:
        """A span in its current state; its payload may have been handed over already."""
        return self._spans.get(span_id)

    def put(self, span: Span) -> None:
        """Add a span, or replace the one with the same id."""
        self._spans[span.span_id] = span._replace(end_ns=_not_before(span))
        self._changed.add(span.span_id)

    def is_full(self, size: int) -> bool:
        """Count the bytes of a row; returns whether a portion should be handed over."""
        self._held_bytes += size
        return self._held_bytes >= HELD_BYTES

    def portion(self, resume: int, *, ended: bool) -> Portion:
        """Hand over what is new; payloads of finished spans are released."""
        spans = [span for span_id, span in self._spans.items() if span_id in self._changed]
        for span in spans:
            if span.status != "running":
                self._spans[span.span_id] = span._replace(input=None, output=None)
        self._changed.clear()
        size, self._held_bytes = self._held_bytes, 0
        facts = TraceFacts(self.trace_id, session_id=self.session_id, tags=dict(self.tags))
        return Portion(spans, facts, self.claim, resume, ended, size)

    def close(self, *, abandoned: bool) -> None:
        """Mark running spans as incomplete, if the session is abandoned."""
        if abandoned:
            for span in list(self._spans.values()):
                if span.status == "running":
                    self.put(span._replace(status="incomplete"))

    def span(
        self,
        span_id: str,
        parent: str | None,
        name: str,
        kind: str,
        start_ns: int,
        attributes: Mapping[str, Any] = EMPTY,
    ) -> Span:
        """A new span of this turn, of status ok. Attributes that are None are left out."""
        known = {key: value for key, value in attributes.items() if value is not None}
        return Span(
            self.trace_id,
            span_id,
            parent,
            name,
            kind,
            "ok",
            start_ns,
            None,
            attributes=self._common_attributes | known,
        )


def _not_before(span: Span) -> int | None:
    return span.end_ns if span.end_ns is None else max(span.start_ns, span.end_ns)


def moment(row: Mapping[str, Any], key: str = "timestamp") -> int | None:
    """A row's time in nanoseconds since 1970; None if it is missing or out of range."""
    try:
        ns = time_ns(row.get(key))
    except (OverflowError, OSError):
        return None
    return ns if ns is not None and 0 < ns <= MAX_NS else None


def short_folder(folder: str) -> str:
    """A path with the home folder, of whichever user, written as `~`."""
    home = str(Path.home())
    if folder == home or folder.startswith((home + "/", home + "\\")):
        return "~" + folder[len(home) :]
    match = _HOMES.match(folder)
    return "~" + folder[match.end() :] if match else folder
