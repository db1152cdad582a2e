"""An exception's traceback as text, cheap for each of the nested spans that it passes through.

Python formats a step by parsing its line anew. Here a step is formatted once: what it looks like
follows from the code and the place in it, which the next span around sees again.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any, Final, NamedTuple

__all__ = ["stack_of"]

_OWN_FOLDERS: Final = tuple(
    os.path.join(os.path.dirname(os.path.dirname(__file__)), name, "")
    for name in ("record", "wrap")
)
"""No step of these is one of the user's program."""

_STACK_BYTES: Final = 16_000
_STEPS: Final = 50
"""How many calls of a traceback are told, from where the error arose outwards."""
_REMEMBERED: Final = 1_000


class _Step(NamedTuple):
    """What Python asks of a step when it puts a traceback together, and the step's text."""

    filename: str
    lineno: int
    name: str
    text: str


class _Steps(traceback.StackSummary):
    """Steps that are formatted already."""

    def format_frame_summary(self, frame_summary: Any, **_: Any) -> str:
        return str(frame_summary.text)


_known: Final[dict[tuple[int, int, int], tuple[CodeType, _Step]]] = {}
"""Steps by their code's id, which is no other's while the code is held, and the place in it."""


def stack_of(error: BaseException) -> str | None:
    """The traceback as Python prints it without the recorder, its end kept where it is long."""
    try:
        formatted = traceback.TracebackException.from_exception(error, limit=0)
        _give_steps(formatted, error)
        text = "".join(formatted.format())
    except Exception:
        return None
    return text if len(text) <= _STACK_BYTES else f"[cut]\n{text[-_STACK_BYTES:]}"


def _give_steps(formatted: traceback.TracebackException, error: BaseException) -> None:
    """Put the steps of an exception, and of those that it came from or holds, where they belong."""
    left: list[tuple[Any, Any]] = [(formatted, error)]
    while left:
        shown, raised = left.pop()
        shown.stack = _Steps(_steps(raised.__traceback__))
        left += [
            (came, getattr(raised, way))
            for way in ("__cause__", "__context__")
            if (came := getattr(shown, way)) is not None
        ]
        left += zip(shown.exceptions or (), getattr(raised, "exceptions", ()), strict=False)


def _steps(link: TracebackType | None) -> Iterator[Any]:
    for last in deque(_links(link), _STEPS):
        if not last.tb_frame.f_code.co_filename.startswith(_OWN_FOLDERS):
            yield _step(last)


def _links(link: TracebackType | None) -> Iterator[TracebackType]:
    while link is not None:
        yield link
        link = link.tb_next


def _step(link: TracebackType) -> _Step:
    code = link.tb_frame.f_code
    place = id(code), link.tb_lasti, link.tb_lineno
    known = _known.get(place)
    if known is not None:
        return known[1]
    alone = TracebackType(None, link.tb_frame, link.tb_lasti, link.tb_lineno)
    text = "".join(traceback.format_tb(alone))
    step = _Step(code.co_filename, link.tb_lineno, code.co_name, text)
    if len(_known) >= _REMEMBERED:
        _known.clear()
    _known[place] = code, step
    return step
