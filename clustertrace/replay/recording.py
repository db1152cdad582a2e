"""The calls of a trace that can answer in place of the program's tools and models.

Pure functions: a trace and a choice of calls in; the recorded calls out, in the order of the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from clustertrace.errors import CannotReplay, NotFound, UsageError
from clustertrace.model import MODEL_KINDS, Span, Trace
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.record.playback import RecordedReply
from clustertrace.redaction import MARK

__all__ = [
    "LOSSES",
    "RecordedCall",
    "Stubs",
    "calls_before",
    "check_answers",
    "check_stubbed_names",
    "missing",
    "recorded_calls",
    "stubs",
]

_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "llm": MODEL_KINDS,
    "tools": frozenset({"tool", "retriever", "reranker"}),
}
_OPERATION: Final = "gen_ai.operation.name"

LOSSES: Final[Mapping[str, str]] = {
    "clustertrace.cut": "was too large and is cut",
    "clustertrace.opaque": "is not data and was kept as its repr",
}
"""Attributes that list which of a span's values were not recorded as they were, and why."""


class Stubs(NamedTuple):
    """Which calls a recording answers: by kind, and by name."""

    kinds: frozenset[str]
    names: frozenset[str] = frozenset()

    def covers(self, name: str, kind: str) -> bool:
        """Whether the recording answers such a call."""
        return kind in self.kinds or name in self.names


def stubs(text: str | None) -> Stubs:
    """Parse `llm`, `tools`, `all` or step names, separated by commas; None stubs nothing.

    Raises UsageError for an empty name.
    """
    kinds: frozenset[str] = frozenset()
    names: set[str] = set()
    for name in (text or "").split(",") if text is not None else ():
        name = name.strip()
        if not name:
            raise UsageError("--stub expects llm, tools, all, or step names separated by commas.")
        if name == "all":
            kinds |= frozenset().union(*_KINDS.values())
        elif name in _KINDS:
            kinds |= _KINDS[name]
        else:
            names.add(name)
    return Stubs(kinds, frozenset(names))


def check_stubbed_names(stubbed: Stubs, trace: Trace) -> None:
    """Raise NotFound for a name that no step of the trace has: such a call would be real."""
    ordered = in_order(trace.spans)
    root = root_of(ordered)
    steps = list(dict.fromkeys(span.name for span in ordered if span is not root))
    for name in sorted(stubbed.names.difference(steps)):
        raise NotFound(
            f"The recording has no step {name!r} to stub; it has: "
            f"{', '.join(steps[:20]) or 'none'}. llm, tools and all name them by their kind."
        )


class RecordedCall(NamedTuple):
    """A call that a recording can answer."""

    step: int
    """Its number among these calls, from 1."""
    key: str
    """What calls look it up by: the span's name, or the operation of a wrapped client's call."""
    span: Span

    @property
    def reply(self) -> RecordedReply:
        """What the model answered."""
        span, status = self.span, self.span.attributes.get("http.response.status_code")
        response = span.attributes.get("gen_ai.response.id")
        return RecordedReply(
            span.output,
            span.model,
            response if isinstance(response, str) else None,
            span.finish_reason,
            span.input_tokens or 0,
            span.output_tokens or 0,
            span.cache_read_tokens or 0,
            span.cache_write_tokens or 0,
            span.reasoning_tokens or 0,
            (span.error_message or "failed") if span.status == "error" else None,
            status if isinstance(status, int) else None,
        )


def recorded_calls(trace: Trace, stubbed: Stubs) -> tuple[RecordedCall, ...]:
    """The stubbed calls of a trace, without the calls inside them."""
    ordered = in_order(trace.spans)
    root = root_of(ordered)
    inside: set[str] = set()
    calls: list[RecordedCall] = []
    for span in ordered:
        if span.parent_span_id in inside:
            inside.add(span.span_id)
        elif span is not root and stubbed.covers(span.name, span.kind):
            inside.add(span.span_id)
            calls.append(RecordedCall(len(calls) + 1, _key(span), span))
    return tuple(calls)


def _key(span: Span) -> str:
    operation = span.attributes.get(_OPERATION)
    if span.kind in _KINDS["llm"] and isinstance(operation, str):
        return operation
    return span.name


_STEP: Final = re.compile(r"(?P<name>.+?)(?:#(?P<nth>[1-9]\d*))?")


def calls_before(calls: Sequence[RecordedCall], until: str) -> tuple[RecordedCall, ...]:
    """The calls before a step, given by number, name, or `name#2` for the second of that name.

    Raises NotFound if the recording has no such step.
    """
    if until.isascii() and until.isdecimal() and 1 <= int(until) <= len(calls):
        return tuple(calls[: int(until) - 1])
    match = _STEP.fullmatch(until)
    named = [call for call in calls if match and call.span.name == match["name"]]
    nth = int(match["nth"] or 1) if match else 1
    if len(named) < nth:
        names = ", ".join(f"{call.step} {call.span.name}" for call in calls[:20]) or "none"
        raise NotFound(f"The recording has no step {until!r} to stop before; it has: {names}.")
    return tuple(calls[: named[nth - 1].step - 1])


def missing(span: Span, field: str) -> Mapping[str, str]:
    """The parts of a span's `input` or `output` that were not recorded as they were, and why.

    Keyed by path, one level deep; the empty path means the whole value.
    """
    losses: dict[str, str] = {}
    for attribute, reason in LOSSES.items():
        paths = span.attributes.get(attribute)
        for path in paths if isinstance(paths, list) else ():
            head, _, subpath = str(path).partition(".")
            if head == field:
                losses[subpath] = reason
    value = span.input if field == "input" else span.output
    parts = value.items() if isinstance(value, Mapping) else [("", value)]
    losses.update(
        (str(path), "held a secret that was cut") for path, part in parts if _holds_redaction(part)
    )
    if span.attributes.get("clustertrace.capture") == "metadata":
        losses[""] = "was not recorded (CLUSTERTRACE_CAPTURE=metadata)"
    return losses


def _holds_redaction(value: Any) -> bool:
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, Mapping):
        return any(_holds_redaction(part) for part in value.values())
    return isinstance(value, list) and any(_holds_redaction(part) for part in value)


def check_answers(calls: Sequence[RecordedCall]) -> None:
    """Raise CannotReplay, naming the call, for the first answer that was not recorded as it was."""
    for call in calls:
        if call.span.kind == "embedding" and call.key != call.span.name:
            raise CannotReplay(
                f"The run can't be stubbed: the vectors of step {call.step}, {call.span.name!r}, "
                f"are not recorded; let it be called, with --until {call.step}."
            )
        for path, reason in missing(call.span, "output").items():
            what = f"{path!r} of " if path else ""
            raise CannotReplay(
                f"The run can't be stubbed: {what}what step {call.step}, {call.span.name!r}, gave "
                f"{reason}; let it be called, with --until {call.step}."
            )
