"""A span while it is open: what the context carries, and the line that it becomes.

Everything on this path runs inside the user's program, once or twice per traced call, so it is
written for speed: one context variable, one clock reading at each end, ids from a local generator,
a line put together from ready-made pieces, one write. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any, Final

from clustertrace.content import without_content
from clustertrace.record import playback
from clustertrace.record.clock import source
from clustertrace.record.config import config
from clustertrace.record.notices import notice, quiet
from clustertrace.record.options import text_of
from clustertrace.record.plain import quoted
from clustertrace.record.spool import spool
from clustertrace.record.usage import usage
from clustertrace.record.values import Captured, Items, capture, plain_text

__all__ = ["ActiveSpan", "Run", "current", "emit", "exits_well", "leave"]

_MESSAGE_BYTES: Final = 4_000


class Run:
    """What this process knows of a trace: its id, its clock, and whether it is recorded."""

    __slots__ = ("base_ns", "recorded", "session", "trace_id")

    def __init__(self, recorded: bool, session: str | None) -> None:
        self.trace_id = source.trace_id()
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
        "_failed",
        "_fields",
        "_input",
        "_output",
        "_secrets",
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
        self.span_id = source.span_id()
        self._input = self._output = "null"
        self._failed = False
        self._secrets = 0
        self._attributes: dict[str, Any] | None = None
        self._fields: dict[str, Any] | None = None
        self._tags = tags
        if parent is None:
            settings = config()
            rate = settings.sample_rate if sample is None else sample
            recorded = not settings.disabled and (rate >= 1 or source.chance() < rate)
            if playback.player is not None:
                recorded = True
                self._tags = {**(tags or {}), **playback.player.tags}
                # A conversation is not longer because one of its turns was repeated.
                session = None
            self.run = Run(recorded, session)
            self.parent_id: str | None = None
        else:
            self.run = parent.run
            self.parent_id = parent.span_id
        self.start_ns = self.run.base_ns + source.tick_ns()

    @property
    def trace_id(self) -> str:
        """The id of the trace that the span belongs to: 32 hex digits."""
        return self.run.trace_id

    @property
    def input_text(self) -> str:
        """The input, as the JSON text that is recorded."""
        return self._input

    # What a user may say about an open span.

    def set_input(self, value: Any) -> None:
        """Record the input; any value can be serialised."""
        self._input = self._captured("input", value)

    def set_output(self, value: Any) -> None:
        """Record the output; any value can be serialised."""
        self._output = self._captured("output", value)

    @quiet
    def set_attributes(
        self, mapping: Mapping[str, Any] | None = None, /, **attributes: Any
    ) -> None:
        """Add attributes, by name or, as OpenTelemetry's spans take them, as a mapping.

        An existing name gets the new value.
        """
        given = {} if mapping is None else {str(name): mapping[name] for name in mapping}
        self._attributes = (self._attributes or {}) | given | attributes

    @quiet
    def set_status(self, status: str, message: str | None = None) -> None:
        """Set how the step ended, "ok" or "error", with a message about what went wrong."""
        if status not in ("ok", "error"):
            notice(f'set_status() wants "ok" or "error", not {status!r}.')
            return
        self._failed = status == "error"
        if self._failed:
            self._say_error("Error", "" if message is None else text_of(message))
        elif self._fields:
            self._say_error(None, "")

    @quiet
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
        """Set the tokens and cost of a model call.

        `input_tokens` is everything that the model read, cache reads and writes included;
        `cost_usd` is in US dollars, and is calculated from the model's price if it is not given.
        """
        fields = usage(
            model=model,
            provider=provider,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cache_read_tokens,
            cache_write_tokens=cache_write_tokens,
            reasoning_tokens=reasoning_tokens,
            cost_usd=cost_usd,
            finish_reason=finish_reason,
        )
        self._fields = (self._fields or {}) | fields

    # What the recorder does with it.

    @quiet
    def begin(self) -> None:
        """Announce a root, so that a run is seen while it runs and after a crash."""
        if self.parent_id is not None:
            if self._tags:
                self.tell(tags=self._tags)
            return
        spool.check()
        more = ""
        if self._tags:
            settings = config()
            tags = capture(self._tags, settings.payload_bytes, settings.redact)
            more = f',"tags":{tags.text}'
        if self.run.session is not None:
            more += f',"session_id":{quoted(self.run.session)}'
        name = quoted(self.name)
        emit(
            f'{{"type":"start","trace_id":"{self.run.trace_id}","span_id":"{self.span_id}",'
            f'"parent_span_id":null,"name":{name},"kind":"{self.kind}",'
            f'"start_time_unix_nano":{self.start_ns},"input":{self._input}{more}}}\n',
            f"{name}{self._input}{more}",
        )

    def set_items(self, items: Items) -> None:
        """Record what a generator has yielded."""
        self._output = self._marked("output", items.captured())

    @quiet
    def fail(self, error: BaseException) -> None:
        """Record an exception: type, message and stack, unless it is not a failure."""
        if isinstance(error, GeneratorExit):
            # Whoever asked for values has enough of them: nothing went wrong.
            self.set_attributes(**{"generator.abandoned": True})
            return
        if exits_well(error):
            return
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ not in ("builtins", "__main__"):
            name = f"{kind.__module__}.{name}"
        try:
            message = str(error)
        except Exception:
            message = "[an error whose message can't be read]"
        self._failed = True
        self._say_error(name, message)
        if config().metadata_only:
            return
        from clustertrace.record.stacks import stack_of  # 3 ms that only errors cost

        stack = stack_of(error)
        if stack is not None:
            self.set_attributes(**{"exception.stacktrace": stack})

    @quiet
    def end(self, end_ns: int | None = None) -> None:
        """Write the finished span; it ends now, or at a time on its run's clock."""
        if end_ns is None:
            end_ns = self.run.base_ns + source.tick_ns()
        parent = "null" if self.parent_id is None else f'"{self.parent_id}"'
        more = ""
        if self._fields:
            fields = capture(self._fields, _MESSAGE_BYTES, config().redact)
            self._secrets += fields.secrets
            more = f",{fields.text[1:-1]}"
        if self._attributes:
            more = f'{more},"attributes":{self._attributes_text()}'
        name = quoted(self.name)
        status = "error" if self._failed else "ok"
        emit(
            f'{{"type":"span","trace_id":"{self.run.trace_id}","span_id":"{self.span_id}",'
            f'"parent_span_id":{parent},"name":{name},"kind":"{self.kind}","status":"{status}",'
            f'"start_time_unix_nano":{self.start_ns},"end_time_unix_nano":{end_ns},'
            f'"input":{self._input},"output":{self._output}{more}}}\n',
            f"{name}{self._input}{self._output}{more}",
            self._secrets,
        )

    def tell(self, **facts: Any) -> None:
        """Say something about the whole trace: tags, metrics, an outcome."""
        settings = config()
        body = capture(facts, settings.payload_bytes, settings.redact).text[1:]
        emit(f'{{"type":"trace","trace_id":"{self.run.trace_id}",{body}\n', body)

    def _captured(self, field: str, value: Any) -> str:
        settings = config()
        if settings.metadata_only or not self.run.recorded:
            return "null"
        plain = plain_text(value, settings.payload_bytes)
        return (
            self._marked(field, capture(value, settings.payload_bytes, settings.redact))
            if plain is None
            else plain
        )

    def _marked(self, field: str, captured: Captured) -> str:
        """The text of a value; the attributes say what is missing from it."""
        text, cut, opaque, secrets = captured
        self._secrets += secrets
        for mark, paths in (("clustertrace.cut", cut), ("clustertrace.opaque", opaque)):
            if paths:
                named = [f"{field}.{path}".rstrip(".") for path in paths]
                marks = self._attributes or {}
                # The marks come first, where no large attribute crowds them out.
                self._attributes = {mark: [*marks.pop(mark, ()), *named], **marks}
        return text

    def _attributes_text(self) -> str:
        if config().metadata_only:
            self._attributes = without_content(self._attributes or {})
        settings = config()
        captured = capture(self._attributes, settings.payload_bytes, settings.redact)
        if captured.cut or captured.opaque:
            self._marked("attributes", captured)
            captured = capture(self._attributes, settings.payload_bytes, settings.redact)
        return captured.text

    def _say_error(self, kind: str | None, message: str) -> None:
        kept = None if config().metadata_only else message or None
        self._fields = (self._fields or {}) | {"error_type": kind, "error_message": kept}


current: Final[ContextVar[ActiveSpan | None]] = ContextVar("clustertrace_span", default=None)
"""The innermost open span of this task or thread."""


def exits_well(error: BaseException) -> bool:
    """Whether an exception just ends the program with exit code 0."""
    if not isinstance(error, SystemExit):
        return False
    code = error.code
    return code is None or (isinstance(code, int) and code == 0)


def leave(ended: ActiveSpan | None, token: Token[ActiveSpan | None]) -> None:
    """Make the span that was current before `ended` the current one again."""
    try:
        current.reset(token)
    except ValueError:
        # What was begun in one task may be ended by another, or by the garbage collector.
        if current.get() is ended:
            before = token.old_value
            current.set(None if before is Token.MISSING else before)


def emit(line: str, user_text: str, secrets: int = 0) -> None:
    """Append a line to the spool; `user_text` is the part that came from the user's program.

    `secrets` were taken out of it already.
    """
    redact = config().redact
    if redact is not None and redact.suspects(user_text):
        text, cut = redact.json(line[:-1])
        line, secrets = f"{text}\n", secrets + cut
    if secrets:
        line = f'{line[:-2]},"redacted":{secrets}}}\n'
    spool.append(line.encode("ascii", "backslashreplace"))
