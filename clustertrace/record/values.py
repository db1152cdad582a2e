"""Any Python value → JSON text, in bounded time and space, whatever the value is.

What is plain and small goes straight to the encoder (`plain`), anything else is rebuilt piece by
piece within a budget of characters and nodes (`rebuilding`). What does not fit is cut, what is no
data becomes its `repr`, and both are told by path (`Captured`), so that nobody mistakes a part for
the whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clustertrace.record.plain import encode, plain_text
from clustertrace.record.rebuilding import READ, Captured, Rebuilder, not_recorded, without_ends

if TYPE_CHECKING:
    from clustertrace.redaction import Redactor

__all__ = ["Captured", "Items", "capture", "plain_text"]


def capture(value: Any, limit: int, redact: Redactor | None = None) -> Captured:
    """Turn a value into JSON text of at most about `limit` bytes. Never raises.

    With `redact`, no secret is cut in two, which nothing would recognise any more; the others are
    left to the caller.
    """
    text = plain_text(value, limit)
    if text is not None:
        return Captured(text)
    try:
        captured = Rebuilder(limit).build(value)
        if captured.cut and redact is not None and redact.suspects(captured.text):
            return _without_secrets(captured, value, limit, redact)
        return captured
    except Exception as error:
        # A value may do anything when it is looked at; the traced program must not notice.
        return Captured(encode(not_recorded(error)), (), ("",))


def _without_secrets(captured: Captured, value: Any, limit: int, redact: Redactor) -> Captured:
    """What is kept of a value whose secrets are cut before its length is."""
    text, secrets = redact.json(Rebuilder(READ * limit).build(value).text)
    if not secrets:
        return captured
    fitting = Rebuilder(limit).build(without_ends(json.loads(text)))
    return captured._replace(text=fitting.text, secrets=secrets)


class Items:
    """A JSON list that grows item by item, and keeps the text of as many as fit, not the items."""

    __slots__ = ("_count", "_cut", "_left", "_opaque", "_redact", "_secrets", "_texts")

    def __init__(self, limit: int, redact: Redactor | None = None) -> None:
        self._texts: list[str] = []
        self._left = limit
        self._redact = redact
        self._count = self._secrets = 0
        self._cut = self._opaque = False

    def add(self, item: Any) -> None:
        """Put an item at the end."""
        self._count += 1
        if self._left <= 0:
            return
        text, cut, opaque, secrets = capture(item, self._left, self._redact)
        self._left -= len(text) + 1
        self._cut |= bool(cut)
        self._opaque |= bool(opaque)
        self._secrets += secrets
        self._texts.append(text)

    def captured(self) -> Captured:
        """The list so far."""
        texts, more = self._texts, self._count - len(self._texts)
        if more:
            texts = [*texts, f'"[cut: {more} more]"']
        cut = ("",) if more or self._cut else ()
        opaque = ("",) if self._opaque else ()
        return Captured(f"[{','.join(texts)}]", cut, opaque, self._secrets)
