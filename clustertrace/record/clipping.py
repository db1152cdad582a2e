"""Cuts off early what a large value can't keep anyway, before every character of it is read.

Looking for secrets takes time for each character, and little is kept of an image of megabytes or of
a whole conversation. So what lies far beyond the limit goes first. Of what remains, `capture` keeps
the same as of the whole, and a secret that reaches beyond the limit is still seen.
"""

from __future__ import annotations

from typing import Any, Final

from clustertrace.model import Span
from clustertrace.record.conversations import is_conversation
from clustertrace.record.rebuilding import LONGEST_NOTE, READ, Rebuilder

__all__ = ["clipped", "clipped_span"]

_DEEPEST: Final = 50
"""Levels that are followed; what lies deeper stays."""


def clipped(value: Any, most: int) -> Any:
    """What can be kept of a value of JSON's types within `most` bytes, and what tells the rest.

    Each of the outermost values of a mapping may take as much.
    """
    if isinstance(value, dict):
        return {key: _clipped(item, most, 1) for key, item in value.items()}
    return _clipped(value, most, 0)


def clipped_span(span: Span, most: int) -> Span:
    """A span, so much of each of its payloads."""
    return span._replace(
        error_message=clipped(span.error_message, most),
        input=clipped(span.input, most),
        output=clipped(span.output, most),
        attributes=clipped(span.attributes, most),
        extra=clipped(span.extra, most),
    )


def _clipped(value: Any, most: int, depth: int) -> Any:
    # A character takes at most four bytes.
    short = isinstance(value, str) and len(value) <= most // 4
    return value if short or value is None else _Clipper(most).clip(value, depth)


class _Clipper(Rebuilder):
    """Counts as `Rebuilder` does, or less, and leaves as many items as there were."""

    _opening_share = 1 / READ  # as much as may be kept of it at most

    def clip(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict | list) or depth > _DEEPEST:
            return value
        if self.left <= 0:
            return _gone(value)
        if isinstance(value, list):
            return self._clipped_list(value, depth)
        return {key: self.clip(item, depth + 1) for key, item in value.items()}

    def _clipped_list(self, value: list[Any], depth: int) -> list[Any]:
        if self._is_conversing or not is_conversation(value):
            return [self.clip(item, depth + 1) for item in value]
        made = self._conversation(value, lambda message: self.clip(message, depth + 1))
        return [made[at] if at in made else _gone(message) for at, message in enumerate(value)]


def _gone(value: Any) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_NOTE:
        return value  # such as how many messages were left out before
    return f"[cut: {type(value).__name__}]"
