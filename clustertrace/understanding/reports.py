"""What the report of a model call says of itself, and which reports are known to be of one call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from clustertrace.model import Span

__all__ = [
    "RESPONSE_ID",
    "SCOPE",
    "Groups",
    "Identity",
    "identity",
    "is_unpriced",
    "order",
    "reporter",
    "response_id",
    "same_model",
    "undated",
]

SCOPE: Final = "scope.name"
RESPONSE_ID: Final = "gen_ai.response.id"
"""The attributes that are looked at."""

_MODEL_SUFFIX: Final = re.compile(r"([-@](20[0-9-]+|[0-9]{4}|latest|v[0-9].*))?")
"""What may stand behind a model's name: a date, a version."""

_MODEL_SUFFIX_START: Final = re.compile(r"(?<=.)[-@]")

Identity = tuple[str, str]


def response_id(span: Span) -> str | None:
    """The id of the response that a call got. It may come again: alone it proves nothing."""
    value = span.attributes.get(RESPONSE_ID)
    return value if isinstance(value, str) and value else None


def reporter(span: Span) -> str:
    """The scope of the instrumentation that reports a span; empty for this program's own."""
    scope = span.attributes.get(SCOPE)
    return scope if isinstance(scope, str) else ""


def is_unpriced(span: Span) -> bool:
    """A call that nobody knows the cost of; one that failed before a token was counted is free."""
    return span.cost_usd is None and (span.has_token_counts or span.status != "error")


def identity(span: Span) -> Identity:
    """What tells a span from all others, of this trace or of another."""
    return span.trace_id, span.span_id


def order(span: Span) -> tuple[int, str, str]:
    """By start; no two spans are equal in it, so that the order of arrival decides nothing."""
    return span.start_ns, span.trace_id, span.span_id


def same_model(one: str | None, other: str | None) -> bool:
    """Whether names mean the same model: one may carry a vendor before it or a date behind it."""
    if one is None or other is None:
        return False
    short, long = sorted(
        (one.rpartition("/")[2].lower(), other.rpartition("/")[2].lower()), key=len
    )
    return long.startswith(short) and _MODEL_SUFFIX.fullmatch(long[len(short) :]) is not None


def undated(model: str) -> str:
    """A model's name as one asks for it, without date: gpt-4o-2024-08-06 → gpt-4o"""
    for mark in _MODEL_SUFFIX_START.finditer(model):
        if _MODEL_SUFFIX.fullmatch(model[mark.start() :]):
            return model[: mark.start()]
    return model


class Groups:
    """Spans that report the same call (a disjoint-set forest)."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._above: dict[Identity, Identity] = {}
        """Only of those that are below another: mostly none is."""

    def join(self, one: Span, other: Span) -> None:
        """Say that both report one call."""
        top, other_top = self._top(identity(one)), self._top(identity(other))
        if top != other_top:
            self._above[top] = other_top

    def together(self, one: Span, other: Span) -> bool:
        """Whether both are known to report one call."""
        return self._top(identity(one)) == self._top(identity(other))

    def calls(self, spans: Iterable[Span]) -> int:
        """How many calls these are reports of, as far as is known."""
        return len({self._top(identity(span)) for span in spans})

    def groups(self) -> Iterable[list[Span]]:
        """All groups of more than one."""
        if not self._above:
            return []
        groups: dict[Identity, list[Span]] = defaultdict(list)
        for span in self._spans:
            groups[self._top(identity(span))].append(span)
        return [group for group in groups.values() if len(group) > 1]

    def _top(self, at: Identity) -> Identity:
        above = self._above
        while at in above:
            # Half of the way is left out next time.
            above[at] = above.get(above[at], above[at])
            at = above[at]
        return at
