"""A turn while its rows are read: spans that grow, handed over in portions.

A turn is one prompt and all that the agent did until it rested; it becomes one trace. Its ids
follow from the session's and the prompt's, so that a turn which is read again, or was reported by
telemetry too, is the same (clustertrace.conventions.otlp.log_homes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from clustertrace.conventions.otlp.log_homes import derived_id
from clustertrace.conventions.readers import time_ns
from clustertrace.model import EMPTY, Span, TraceFacts
from clustertrace.wire import MAX_NS

__all__ = ["HELD_BYTES", "Portion", "Turn", "moment", "short_folder"]

HELD_BYTES: Final = 8 * 1024 * 1024
"""Bytes of rows after which what is finished of a turn is handed over before its end."""

_HOMES: Final = re.compile(r"(/home/[^/]+|/Users/[^/]+|[A-Za-z]:\\Users\\[^\\]+)(?=[/\\]|\Z)")


class Portion(NamedTuple):
    """A turn, or a piece of a long one."""

    spans: list[Span]
    facts: TraceFacts
    claim: str
    """Names the prompt wherever it is copied to; a copy under another trace is no new turn."""
    resume: int
    """Where in the file to go on reading: what stands before is in this portion or earlier."""
    ended: bool
    """False: more of the turn may come."""
    size: int
    """Bytes of the rows that it was made of."""


class Turn:
    """The spans of a turn, or of the part of it that one file tells."""

    def __init__(
        self, trace_id: str, session_id: str, claim: str, begin: int, *, prompt: str | None = None
    ) -> None:
        self.trace_id = trace_id
        self.session_id = session_id
        self.prompt = prompt
        """The id of the prompt, where it has one."""
        self.claim = claim
        self.begin = begin
        """Where its first row stands in the file, bytes."""
        self.tags: dict[str, str] = {}
        self.root_id = derived_id(trace_id, "turn", digits=16)
        self._spans: dict[str, Span] = {}
        self._news: set[str] = set()
        self._held = 0

    def id_of(self, *parts: str) -> str:
        """The id of one of its spans."""
        return derived_id(self.trace_id, *parts, digits=16)

    def get(self, span_id: str) -> Span | None:
        """A span as it is by now; its payload may have been handed over."""
        return self._spans.get(span_id)

    def put(self, span: Span) -> None:
        """Add a span, or put it in the place of the one with its id."""
        self._spans[span.span_id] = span._replace(end_ns=_not_before(span))
        self._news.add(span.span_id)

    def hold(self, size: int) -> bool:
        """Count the bytes of a row; whether it is time to hand over."""
        self._held += size
        return self._held >= HELD_BYTES

    def portion(self, resume: int, *, ended: bool) -> Portion:
        """Hand over what is new. Payloads of finished spans are held no longer."""
        spans = [span for span_id, span in self._spans.items() if span_id in self._news]
        for span in spans:
            if span.status != "running":
                self._spans[span.span_id] = span._replace(input=None, output=None)
        self._news.clear()
        size, self._held = self._held, 0
        facts = TraceFacts(self.trace_id, session_id=self.session_id, tags=dict(self.tags))
        return Portion(spans, facts, self.claim, resume, ended, size)

    def close(self, *, gone: bool) -> None:
        """Say of what still runs that it never ends, if nobody is left who could end it."""
        if gone:
            for span in list(self._spans.values()):
                if span.status == "running":
                    self.put(span._replace(status="incomplete"))

    def span(
        self, span_id: str, parent: str | None, name: str, kind: str, start_ns: int, **more: Any
    ) -> Span:
        """A new span of this turn; it ran well unless `more` says otherwise."""
        fields: dict[str, Any] = {"status": "ok", "end_ns": None, "attributes": EMPTY}
        fields |= more
        return Span(self.trace_id, span_id, parent, name, kind, start_ns=start_ns, **fields)


def _not_before(span: Span) -> int | None:
    return span.end_ns if span.end_ns is None else max(span.start_ns, span.end_ns)


def moment(told: Mapping[str, Any], key: str = "timestamp") -> int | None:
    """A row's time in nanoseconds since 1970; None without one that can be."""
    try:
        ns = time_ns(told.get(key))
    except (OverflowError, OSError):
        return None
    return ns if ns is not None and 0 < ns <= MAX_NS else None


def short_folder(folder: str) -> str:
    """A path with the home in it written as `~`, whoever's home it is."""
    home = str(Path.home())
    if folder == home or folder.startswith((home + "/", home + "\\")):
        return "~" + folder[len(home) :]
    found = _HOMES.match(folder)
    return "~" + folder[found.end() :] if found else folder
