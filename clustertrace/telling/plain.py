"""Texts from traces, made safe to show in a terminal, a page or a list."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["NO_NAME", "plain"]

NO_NAME: Final = "(no name)"
"""What is shown of a run, pattern or span whose name is empty."""

_UNFIT: Final = re.compile(
    r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
"""Controls, halves of characters, and what turns the direction of the figures that follow."""


def plain(text: str) -> str:
    """A text without what can't be shown, could drive a terminal, or turns its lines round."""
    return _UNFIT.sub("\ufffd", text)
