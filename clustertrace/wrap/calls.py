"""One model call as one span, from the request to the end of the reply.

Errors in this module are logged once and never escape: the program gets its reply, or the SDK's
own exception, as if it were not traced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clustertrace.record.active import ActiveSpan, current
from clustertrace.record.config import config
from clustertrace.record.notices import notice
from clustertrace.record.playback import RecordedReply
from clustertrace.record.spans import session_now
from clustertrace.wrap.facts import Assembler, Endpoint, Reply, Request, named
from clustertrace.wrap.messages import slim

__all__ = ["MISSING", "ModelCall", "begin"]

MISSING = "clustertrace.missing"
"""The attribute that says what is missing from a span, and why."""


def begin(endpoint: Endpoint, provider: str, body: Any) -> ModelCall | None:
    """Open the span of a call; None if it isn't recorded. Never raises."""
    above = current.get()
    if config().disabled or (above is not None and not above.run.recorded):
        return None
    if not isinstance(body, Mapping):
        return None
    try:
        call = ModelCall(endpoint, provider, endpoint.request(body), above)
    except Exception as error:
        _warn_unrecorded(error)
        return None
    return call if call.span.run.recorded else None


class ModelCall:
    """An open call. Whatever ends it first wins; later ends are ignored."""

    __slots__ = ("_attributes", "_ended", "_endpoint", "_provider", "_request", "span")

    def __init__(
        self, endpoint: Endpoint, provider: str, request: Request, above: ActiveSpan | None
    ) -> None:
        self._endpoint = endpoint
        self._provider = provider
        self._request = request
        self._ended = False
        self._attributes: dict[str, Any] = {}
        name = f"{request.operation} {request.model or ''}".rstrip()
        session = session_now() if above is None else None
        self.span = ActiveSpan(name, request.kind, above, session=session)
        if self.span.run.recorded:
            self._record_input(request)
            self.span.begin()

    @property
    def ended(self) -> bool:
        """Whether the span has been written."""
        return self._ended

    @property
    def operation(self) -> str:
        """The kind of request, such as "chat"."""
        return self._request.operation

    def body_of(self, reply: RecordedReply) -> Mapping[str, Any]:
        """A recorded reply as the provider's JSON."""
        return self._endpoint.body_of(reply) if self._endpoint.body_of else {}

    def events_of(self, body: Mapping[str, Any]) -> Iterable[Mapping[str, Any] | str]:
        """The events that stream a reply's JSON."""
        return self._endpoint.events_of(body) if self._endpoint.events_of else ()

    def assembler(self) -> Assembler | None:
        """What assembles a streamed reply; None if this kind of call is never streamed."""
        return self._endpoint.assembler() if self._endpoint.assembler else None

    def note(self, **attributes: Any) -> None:
        """Add attributes that are known before the end; nulls are ignored."""
        known = {key: value for key, value in attributes.items() if value is not None}
        self._attributes |= known

    def answer(self, body: Mapping[str, Any]) -> None:
        """End the call with a complete reply, given as the provider's JSON."""
        self.end(lambda: self._endpoint.reply(body))

    def fail(self, error: BaseException) -> None:
        """End the call with an exception and no reply."""
        self.end(Reply, error=error)

    def lose(self, error: Exception) -> None:
        """End the call when its reply could not be read."""
        self.end(lambda: _unreadable(error))

    def end(
        self,
        read: Callable[[], Reply],
        *,
        error: BaseException | None = None,
        end_ns: int | None = None,
    ) -> None:
        """End the call with the reply that `read` returns, and `error` if it failed. Never raises.

        `end_ns`, in nanoseconds since 1970, is for a call that ended before now.
        """
        if self._ended:
            return
        self._ended = True
        try:
            reply = read()
        except Exception as unreadable:
            reply = _unreadable(unreadable)
        try:
            self._record_reply(reply, error)
        except Exception as failure:
            _warn_unrecorded(failure)
        self.span.end(end_ns)

    def _record_input(self, request: Request) -> None:
        self.span.set_input(slim(request.input))

    def _record_reply(self, reply: Reply, error: BaseException | None) -> None:
        request = self._request
        if reply.output is not None:
            self.span.set_output(slim(reply.output))
        self.span.set_usage(
            reply.model or request.model,
            provider=self._provider,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cache_read_tokens=reply.cache_read_tokens,
            cache_write_tokens=reply.cache_write_tokens,
            reasoning_tokens=reply.reasoning_tokens,
            finish_reason=reply.finish_reason,
        )
        self.note(
            **{
                "gen_ai.operation.name": request.operation,
                "gen_ai.request.model": request.model,
                "gen_ai.response.id": reply.response_id,
            }
        )
        uncounted = reply.input_tokens is None and reply.output_tokens is None and error is None
        if reply.missing or (uncounted and reply.error is None):
            self._attributes.setdefault(MISSING, reply.missing or "tokens: the reply names none")
        if error is not None:
            self.note(**_error_attributes(error))
            self.span.fail(error)
        elif reply.error is not None:
            self.span.set_status("error", reply.error)
        attributes = {**self._attributes, **reply.attributes, **slim(named(request.parameters))}
        if request.tools:
            attributes["gen_ai.tool.definitions"] = slim(request.tools)
        # Attributes share a size limit, and fill it in this order: large ones go last.
        self.span.set_attributes(**dict(sorted(attributes.items(), key=_may_be_large)))


def _may_be_large(attribute: tuple[str, Any]) -> bool:
    return isinstance(attribute[1], list | dict)


def _unreadable(error: Exception) -> Reply:
    _warn_unrecorded(error)
    return Reply(missing=f"output, tokens: {type(error).__name__} on reading the reply")


def _error_attributes(error: BaseException) -> dict[str, Any]:
    """What the SDKs' exceptions hold besides their message."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    request_id = getattr(error, "request_id", None)
    return {
        "http.response.status_code": status if isinstance(status, int) else None,
        "request_id": request_id if isinstance(request_id, str) else None,
    }


def _warn_unrecorded(error: Exception) -> None:
    notice(
        f"clustertrace could not record a model call in full ({type(error).__name__}); "
        "the call itself is not affected."
    )
