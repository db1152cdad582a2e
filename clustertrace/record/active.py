"""A span while it is open: what the context carries, and the line that it becomes.

Everything on this path runs inside the user's program, once or twice a traced call, so it is
written for speed: one context variable, one clock a side, ids from a local generator, a line put
together from ready-made pieces, one write. Nothing here raises.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from clustertrace.record.clock import source
from clustertrace.record.config import config
from clustertrace.record.spool import spool
from clustertrace.record.values import capture

__all__ = ["ActiveSpan", "Run", "current", "emit"]

_STACK_BYTES: Final = 16_000
_MESSAGE_BYTES: Final = 4_000


class Run:
    """A trace as far as this process knows it: its id, its clock, and whether it is recorded."""

    __slots__ = ("base_ns", "recorded", "session", "trace_id")

    def __init__(self, recorded: bool, session: str | None) -> None:
        self.trace_id = f"{source.bits(128) or 1:032x}"
        # One reading of the wall clock a trace: its spans can't disagree, even if the clock jumps.
        self.base_ns = source.wall_ns() - source.tick_ns()
        self.recorded = recorded
        self.session = session

    def now_ns(self) -> int:
        """Nanoseconds since 1970, on this trace's clock."""
        return self.base_ns + source.tick_ns()


class ActiveSpan:
    """An open span; also the handle that `span()` yields."""

    __slots__ = (
        "_attributes",
        "_cut",
        "_error",
        "_fields",
        "_input",
        "_opaque",
        "_output",
        "_status",
        "_tags",
        "kind",
        "name",
        "parent_id",
        "run",
        "span_id",
        "start_ns",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        parent: ActiveSpan | None,
        *,
        sample: float | None = None,
        session: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.span_id = f"{source.bits(64) or 1:016x}"
        self._input = self._output = "null"
        self._status: str | None = None
        self._attributes: dict[str, Any] | None = None
        self._fields: dict[str, Any] | None = None
        self._error: tuple[str, str, str | None] | None = None
        self._cut: list[str] | None = None
        self._opaque: list[str] | None = None
        self._tags = tags
        if parent is None:
            rate = config().sample_rate if sample is None else sample
            self.run = Run(rate >= 1 or source.chance() < rate, session)
            self.parent_id: str | None = None
        else:
            self.run = parent.run
            self.parent_id = parent.span_id
        self.start_ns = self.run.base_ns + source.tick_ns()

    @property
    def trace_id(self) -> str:
        """The id of the trace that the span belongs to: 32 hex digits."""
        return self.run.trace_id

    # What a user may say about an open span.

    def set_input(self, value: Any) -> None:
        """Record what went in; any value serialises."""
        self._input = self._captured("input", value)

    def set_output(self, value: Any) -> None:
        """Record what came out; any value serialises."""
        self._output = self._captured("output", value)

    def set_attributes(self, **attributes: Any) -> None:
        """Add attributes; a name that is there already gets the new value."""
        self._attributes = (self._attributes or {}) | attributes

    def set_status(self, status: str, message: str | None = None) -> None:
        """Say that the step ended "ok" or in "error", with what went wrong."""
        self._status = "error" if status == "error" else "ok"
        if status == "error":
            self._error = ("Error", str(message or ""), None)

    def set_usage(
        self,
        model: str | None = None,
        *,
        provider: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        cost_usd: float | None = None,
        finish_reason: str | None = None,
    ) -> None:
        """Say what a model call used.

        `input_tokens` is everything that the model read, cache reads and writes included;
        `cost_usd` is US dollars, and is worked out from the model's price where it is not given.
        """
        told = {
            "model": model,
            "provider": provider,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read_tokens": cache_read_tokens,
            "cache_write_tokens": cache_write_tokens,
            "reasoning_tokens": reasoning_tokens,
            "cost_usd": cost_usd,
            "finish_reason": finish_reason,
        }
        said = {key: value for key, value in told.items() if value is not None}
        self._fields = (self._fields or {}) | said

    # What the recorder does with it.

    def begin(self) -> None:
        """Announce a root, so that a run is seen while it runs and after a crash."""
        if self.parent_id is not None:
            if self._tags:
                self.tell(tags=self._tags)
            return
        spool.check()
        emit(
            f'{{"type":"start","trace_id":"{self.run.trace_id}","span_id":"{self.span_id}",'
            f'"parent_span_id":null,"name":{quoted(self.name)},"kind":"{self.kind}",'
            f'"start_time_unix_nano":{self.start_ns},"input":{self._input}{self._of_trace()}}}\n'
        )

    def fail(self, error: BaseException) -> None:
        """Record an exception: its type, message and stack."""
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ not in ("builtins", "__main__"):
            name = f"{kind.__module__}.{name}"
        try:
            message = str(error)
        except Exception:
            message = "[an error whose message can't be read]"
        self._status = "error"
        self._error = (name, message, _stack(error))

    def end(self) -> None:
        """Write the finished span."""
        end_ns = self.run.base_ns + source.tick_ns()
        parent = "null" if self.parent_id is None else f'"{self.parent_id}"'
        more = ""
        if self._fields:
            more = "," + capture(self._fields, _MESSAGE_BYTES).text[1:-1]
        if self._error:
            more += self._error_text()
        if self._attributes or self._cut or self._opaque:
            more += f',"attributes":{self._attributes_text()}'
        emit(
            f'{{"type":"span","trace_id":"{self.run.trace_id}","span_id":"{self.span_id}",'
            f'"parent_span_id":{parent},"name":{quoted(self.name)},"kind":"{self.kind}",'
            f'"status":"{self._status or "ok"}","start_time_unix_nano":{self.start_ns},'
            f'"end_time_unix_nano":{end_ns},"input":{self._input},"output":{self._output}{more}}}\n'
        )

    def tell(self, **facts: Any) -> None:
        """Say something about the whole trace: tags, metrics, an outcome."""
        body = capture(facts, config().payload_bytes).text[1:]
        emit(f'{{"type":"trace","trace_id":"{self.run.trace_id}",{body}\n')

    def _captured(self, field: str, value: Any) -> str:
        settings = config()
        if settings.metadata_only:
            return "null"
        text, cut, opaque = capture(value, settings.payload_bytes)
        if cut:
            self._cut = (self._cut or []) + [f"{field}.{path}".rstrip(".") for path in cut]
        if opaque:
            self._opaque = (self._opaque or []) + [f"{field}.{path}".rstrip(".") for path in opaque]
        return text

    def _error_text(self) -> str:
        kind, message, stack = self._error or ("", "", None)
        said = {"error_type": kind}
        if not config().metadata_only:
            said["error_message"] = message
            if stack:
                self.set_attributes(**{"exception.stacktrace": stack})
        return "," + capture(said, _MESSAGE_BYTES).text[1:-1]

    def _attributes_text(self) -> str:
        told = dict(self._attributes or {})
        if self._cut:
            told["clustertrace.cut"] = self._cut
        if self._opaque:
            told["clustertrace.opaque"] = self._opaque
        return capture(told, config().payload_bytes).text

    def _of_trace(self) -> str:
        """What a root's first line says of its trace; its last does not repeat it, lest it undo news."""
        text = ""
        if self._tags:
            text = f',"tags":{capture(self._tags, config().payload_bytes).text}'
        if self.run.session is not None:
            text += f',"session_id":{quoted(self.run.session)}'
        return text


current: Final[ContextVar[ActiveSpan | None]] = ContextVar("clustertrace_span", default=None)
"""The innermost open span of this task or thread."""


def emit(line: str) -> None:
    """Redact a line and append it to the spool."""
    redact = config().redact
    if redact is not None:
        line, cut = redact(line)
        if cut:
            line = f'{line[:-2]},"redacted":{cut}}}\n'
    spool.append(line.encode("ascii", "backslashreplace"))


def _stack(error: BaseException) -> str | None:
    """The traceback as Python prints it, its end kept where it is long."""
    try:
        text = "".join(traceback.format_exception(error, limit=-50))
    except Exception:
        return None
    return text if len(text) <= _STACK_BYTES else f"[cut]\n{text[-_STACK_BYTES:]}"
