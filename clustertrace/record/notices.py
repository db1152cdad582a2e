"""What the recorder has to say to the user's program: once each, and never as an exception."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["forget", "notice"]

_logger: Final = logging.getLogger("clustertrace")
_said: set[str] = set()


def notice(message: str) -> None:
    """Log a warning, the first time that it is said in this process."""
    if message in _said:
        return
    _said.add(message)
    _logger.warning(message)


def forget() -> None:
    """Say everything once more, as a new process would."""
    _said.clear()
