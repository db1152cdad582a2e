"""Writing a filter: conditions from values, for links and suggestions."""

from __future__ import annotations

import re
from typing import Final

from clustertrace.filters.syntax import parse
from clustertrace.filters.tree import Or

__all__ = ["both", "condition", "taking"]

_PLAIN_KEY: Final = re.compile(r"[\w./-]*\w", re.ASCII)
_PLAIN_VALUE: Final = re.compile(r"[\w.,:/@+-]+", re.ASCII)
_NOT_IN_PLAIN_STEPS: Final = re.compile(r"[()!→]|->")


def condition(field: str, value: str) -> str:
    """`field:value`, with quotes where the language needs them.

    A quotation mark, which no value can hold, becomes a `*`: the condition still finds its value.
    """
    kind, dot, key = field.partition(".")
    if dot and not _PLAIN_KEY.fullmatch(key):
        field = f'{kind}."{key}"'
    if _PLAIN_VALUE.fullmatch(value):
        return f"{field}:{value}"
    return f'{field}:"{value.replace(chr(34), "*")}"'


def both(*filters: str) -> str:
    """One filter that says what all of these say; those that are empty say nothing.

    Raises FilterError.
    """
    said = [one for one in filters if one.strip()]
    if len(said) == 1:
        return said[0]
    return " ".join(f"({one})" if isinstance(parse(one), Or) else one for one in said)


def taking(*steps: str, failed: bool = False) -> str:
    """The condition that a trace took these steps in this order; `failed`: the last one failed.

    A quotation mark in a step's name becomes a `*`, which still finds it.
    """
    names = " -> ".join(_step(name) for name in steps)
    return f"{'has' if len(steps) == 1 else 'seq'}({names}{'!' if failed else ''})"


def _step(name: str) -> str:
    said = name.replace('"', "*").strip() or "*"
    return f'"{said}"' if _NOT_IN_PLAIN_STEPS.search(said) else said
