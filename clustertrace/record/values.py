"""Any Python value → JSON text, in bounded time and space, whatever the value is.

What is plain and small goes straight to the encoder (`plain`), anything else is rebuilt piece by
piece within a budget of characters and nodes (`rebuilding`). What does not fit is cut, what is no
data becomes its `repr`, and both are told by path (`Captured`), so that nobody mistakes a part for
the whole.
"""

from __future__ import annotations

from typing import Any

from clustertrace.record.plain import encode, plain_text
from clustertrace.record.rebuilding import Captured, Rebuilder, not_recorded

__all__ = ["Captured", "Items", "capture", "plain_text"]


def capture(value: Any, limit: int) -> Captured:
    """Turn a value into JSON text of at most about `limit` bytes. Never raises."""
    text = plain_text(value, limit)
    if text is not None:
        return Captured(text)
    try:
        return Rebuilder(limit).build(value)
    except Exception as error:
        # A value may do anything when it is looked at; the traced program must not notice.
        return Captured(encode(not_recorded(error)), (), ("",))


class Items:
    """A JSON list that grows item by item, and keeps the text of as many as fit, not the items."""

    __slots__ = ("_count", "_cut", "_left", "_opaque", "_texts")

    def __init__(self, limit: int) -> None:
        self._texts: list[str] = []
        self._left = limit
        self._count = 0
        self._cut = self._opaque = False

    def add(self, item: Any) -> None:
        """Put an item at the end."""
        self._count += 1
        if self._left <= 0:
            return
        text, cut, opaque = capture(item, self._left)
        self._left -= len(text) + 1
        self._cut |= bool(cut)
        self._opaque |= bool(opaque)
        self._texts.append(text)

    def captured(self) -> Captured:
        """The list so far."""
        texts, more = self._texts, self._count - len(self._texts)
        if more:
            texts = [*texts, f'"[cut: {more} more]"']
        cut = ("",) if more or self._cut else ()
        return Captured(f"[{','.join(texts)}]", cut, ("",) if self._opaque else ())
