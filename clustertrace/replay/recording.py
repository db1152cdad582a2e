"""Which calls of a trace can answer in place of the program's tools and models.

Pure: a trace and a choice in, the calls to answer out, in the order in which they were made.
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
    "missing",
    "must_be_known",
    "must_be_whole",
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
"""Attributes that name what of a span's values is not as it was, and what became of it."""


class Stubs(NamedTuple):
    """Which calls a recording answers: those of some kinds, and those of some names."""

    kinds: frozenset[str]
    names: frozenset[str] = frozenset()

    def hold(self, name: str, kind: str) -> bool:
        """Whether a call is answered."""
        return kind in self.kinds or name in self.names


def stubs(told: str | None) -> Stubs:
    """Read `llm`, `tools`, `all`, or names of steps, several with commas; None: nothing is stubbed.

    Raises UsageError for an empty name.
    """
    kinds: frozenset[str] = frozenset()
    names: set[str] = set()
    for word in (told or "").split(",") if told is not None else ():
        word = word.strip()
        if not word:
            raise UsageError("--stub expects llm, tools, all, or step names separated by commas.")
        if word == "all":
            kinds |= frozenset().union(*_KINDS.values())
        elif word in _KINDS:
            kinds |= _KINDS[word]
        else:
            names.add(word)
    return Stubs(kinds, frozenset(names))


def must_be_known(answered: Stubs, trace: Trace) -> None:
    """Raise NotFound for a name that no step of the trace has: such a call would be made."""
    ordered = in_order(trace.spans)
    root = root_of(ordered)
    steps = list(dict.fromkeys(span.name for span in ordered if span is not root))
    for name in sorted(answered.names.difference(steps)):
        raise NotFound(
            f"The recording has no step {name!r} to stub; it has: "
            f"{', '.join(steps[:20]) or 'none'}. llm, tools and all name them by their kind."
        )


class RecordedCall(NamedTuple):
    """A call that a recording can answer."""

    step: int
    """Its number among these calls, from 1."""
    key: str
    """What it is asked by: the name of the span; of a wrapped client's call, the operation."""
    span: Span

    @property
    def reply(self) -> RecordedReply:
        """What a model answered."""
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


def recorded_calls(trace: Trace, answered: Stubs) -> tuple[RecordedCall, ...]:
    """The calls of a trace that are answered; what happened inside of them is part of them."""
    ordered = in_order(trace.spans)
    root = root_of(ordered)
    inside: set[str] = set()
    calls: list[RecordedCall] = []
    for span in ordered:
        if span.parent_span_id in inside:
            inside.add(span.span_id)
        elif span is not root and answered.hold(span.name, span.kind):
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
    """The calls before a step: its number, its name, or `name#2` for the second of that name.

    Raises NotFound where the recording has no such step.
    """
    if until.isascii() and until.isdecimal() and 1 <= int(until) <= len(calls):
        return tuple(calls[: int(until) - 1])
    told = _STEP.fullmatch(until)
    named = [call for call in calls if told and call.span.name == told["name"]]
    nth = int(told["nth"] or 1) if told else 1
    if len(named) < nth:
        names = ", ".join(f"{call.step} {call.span.name}" for call in calls[:20]) or "none"
        raise NotFound(f"The recording has no step {until!r} to stop before; it has: {names}.")
    return tuple(calls[: named[nth - 1].step - 1])


def missing(span: Span, field: str) -> Mapping[str, str]:
    """What of a span's `input` or `output` is not as it was, by path, each with the reason.

    The path is one level deep, and empty where it is the whole value.
    """
    lost: dict[str, str] = {}
    for mark, reason in LOSSES.items():
        paths = span.attributes.get(mark)
        for path in paths if isinstance(paths, list) else ():
            head, _, rest = str(path).partition(".")
            if head == field:
                lost[rest] = reason
    value = span.input if field == "input" else span.output
    parts = value.items() if isinstance(value, Mapping) else [("", value)]
    lost.update((str(path), "held a secret that was cut") for path, part in parts if _cut(part))
    if span.attributes.get("clustertrace.capture") == "metadata":
        lost[""] = "was not recorded (CLUSTERTRACE_CAPTURE=metadata)"
    return lost


def _cut(value: Any) -> bool:
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, Mapping):
        return any(_cut(part) for part in value.values())
    return isinstance(value, list) and any(_cut(part) for part in value)


def must_be_whole(calls: Sequence[RecordedCall]) -> None:
    """Raise CannotReplay, with its name, for the first call whose answer is not as it was."""
    for call in calls:
        if call.span.kind == "embedding" and call.key != call.span.name:
            raise CannotReplay(
                f"The run can't be stubbed: the vectors of step {call.step}, {call.span.name!r}, "
                f"are not recorded; let it be called, with --until {call.step}."
            )
        for path, reason in missing(call.span, "output").items():
            part = f"{path!r} of " if path else ""
            raise CannotReplay(
                f"The run can't be stubbed: {part}what step {call.step}, {call.span.name!r}, gave "
                f"{reason}; let it be called, with --until {call.step}."
            )
