"""What the recorder has to say to the user's program: once each, and never as an exception."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Final, ParamSpec

__all__ = ["forget", "held", "later", "notice", "quiet", "tell"]

P = ParamSpec("P")

_MOST: Final = 100
"""How much is said in all: messages name what they are about, and that may differ each time."""

_said: Final[set[str]] = set()

held: Final[list[str]] = []
"""Messages from the recorder's own thread, until one of the program's threads logs them."""


def notice(message: str) -> None:
    """Log a warning, once per process."""
    if message in _said or len(_said) >= _MOST:
        return
    _said.add(message)
    import logging  # 7 ms, which a program that nothing is said to does not spend

    # A closed standard error makes logging raise, and so may a handler of the program's own.
    with suppress(Exception):
        logging.getLogger("clustertrace").warning(message)


def later(message: str) -> None:
    """Have a warning logged when the program next records something, or at its end.

    A thread of ours that wrote whenever it likes would write into the middle of what the program
    is saying: Python itself prints a traceback in many pieces.
    """
    if message not in _said and message not in held:
        held.append(message)


def tell() -> None:
    """Say what was held back."""
    while held:
        with suppress(IndexError):  # another thread was quicker
            notice(held.pop(0))


def quiet(function: Callable[P, None]) -> Callable[P, None]:
    """Keep exceptions of a function away from the program that calls it, and log them instead.

    For functions that take the user's values: looking at one may raise anything.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            notice(f"clustertrace.{function.__name__}() recorded nothing: {type(error).__name__}.")

    return call


def forget() -> None:
    """Forget what was said, as in a new process."""
    _said.clear()
    held.clear()
