"""`span`, `tool_call`, and functions that describe the current trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import TracebackType
from typing import Any, Final, Literal, ParamSpec, TypeVar

from clustertrace.record.active import ActiveSpan, current, leave
from clustertrace.record.config import config
from clustertrace.record.notices import notice, quiet
from clustertrace.record.options import kind_of, tags_of, text_of
from clustertrace.record.spool import spool

__all__ = [
    "carry",
    "flush",
    "metric",
    "outcome",
    "session",
    "session_now",
    "span",
    "tag",
    "tool_call",
]

P = ParamSpec("P")
R = TypeVar("R")

_NAME_CHARACTERS: Final = 200

_session: Final[ContextVar[str | None]] = ContextVar("clustertrace_session", default=None)


class span:  # noqa: N801 - it reads as a statement: `with span("search") as step:`
    """A span around a block of code, `with` or `async with`.

    Yields a handle with `set_input`, `set_output`, `set_attributes`, `set_status` and
    `set_usage`. Outside of any trace it begins one. An exception that leaves the block is recorded
    and propagates unchanged.
    """

    __slots__ = (
        "_attributes",
        "_handle",
        "_input",
        "_kind",
        "_name",
        "_session",
        "_tags",
        "_token",
    )

    def __init__(
        self,
        name: str,
        *,
        kind: str = "chain",
        input: Any = None,  # noqa: A002 - the word that users look for
        tags: Mapping[str, Any] | None = None,
        session: str | None = None,
        **attributes: Any,
    ) -> None:
        self._name = text_of(name)
        self._kind = kind_of(kind, self._name)
        self._input, self._attributes = input, attributes
        self._tags = tags_of(tags)
        self._session = session

    def __enter__(self) -> ActiveSpan:
        group = _session.get() if self._session is None else text_of(self._session)
        handle = ActiveSpan(self._name, self._kind, current.get(), session=group, tags=self._tags)
        if self._input is not None:
            handle.set_input(self._input)
        if self._attributes:
            handle.set_attributes(**self._attributes)
        if handle.run.recorded:
            handle.begin()
        self._handle = handle
        self._token = current.set(handle)
        return handle

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        leave(self._handle, self._token)
        if self._handle.run.recorded:
            if error is not None:
                self._handle.fail(error)
            self._handle.end()

    async def __aenter__(self) -> ActiveSpan:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


@quiet
def tool_call(
    name: str,
    args: Any = None,
    result: Any = None,
    error: BaseException | str | None = None,
) -> None:
    """Record a tool call that has already happened, under the current span.

    `args` and `result` are any values; `error` is the exception or the message it failed with.
    """
    opened = span(name, kind="tool", input=args)
    with opened as step:
        step.set_output(result)
        if isinstance(error, BaseException):
            step.fail(error)
        elif error is not None:
            step.set_status("error", text_of(error))


@quiet
def tag(key: str, value: Any) -> None:
    """Tag the current trace; the last value of a key counts. Values become texts."""
    here = _here("tag")
    if here is not None:
        here.tell(tags={text_of(key): value})


@quiet
def metric(name: str, number: float) -> None:
    """Attach a finite number to the current trace, such as a score; names may repeat."""
    here = _here("metric")
    if here is None:
        return
    label = text_of(name)[:_NAME_CHARACTERS]
    try:
        value = float(number)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        notice(f"clustertrace.metric({label!r}) expects a finite number, not {number!r:.60}.")
        return
    time_ns = here.run.now_ns()
    record = {"name": label, "value": value, "time_unix_nano": time_ns, "span_id": here.span_id}
    here.tell(metrics=[record])


@quiet
def outcome(result: Literal["pass", "fail"], reason: str | None = None) -> None:
    """Say whether the current trace did its job; this overrides how the root span ended."""
    if result not in ("pass", "fail"):
        notice(f'clustertrace.outcome() wants "pass" or "fail", not {result!r}.')
        return
    here = _here("outcome")
    if here is not None:
        reason_text = None if reason is None or config().metadata_only else text_of(reason)
        here.tell(outcome=result, outcome_reason=reason_text)


def flush(timeout: float = 5.0) -> bool:
    """Make sure that everything recorded is safe: on disk, or at the receiver.

    You never need to call it: each span is written when it ends. Waits at most `timeout` seconds,
    and returns whether everything recorded so far has arrived.
    """
    settings = config()
    if settings.disabled:
        return True
    if settings.endpoint:
        from clustertrace.record.shipping import shipper

        return shipper().flush(timeout)
    return spool.sync()


@contextmanager
def session(name: str) -> Iterator[None]:
    """Put the traces that begin inside into one session, such as a conversation."""
    token = _session.set(text_of(name))
    try:
        yield
    finally:
        _session.reset(token)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Take the current span along into another thread.

    A new thread knows nothing of the span that was open where it was started; with
    `pool.submit(carry(work), item)` what `work` records nests under it.
    """
    here, group = current.get(), _session.get()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        tokens = current.set(here), _session.set(group)
        try:
            return function(*args, **kwargs)
        finally:
            current.reset(tokens[0])
            _session.reset(tokens[1])

    return carried


def session_now() -> str | None:
    """The session that new traces of this context belong to."""
    return _session.get()


def _here(what: str) -> ActiveSpan | None:
    """The current span, if it is recorded."""
    if config().disabled:
        return None
    here = current.get()
    if here is None:
        notice(f"clustertrace.{what}() was called outside of any trace and is not recorded.")
        return None
    return here if here.run.recorded else None
