"""Writing a filter: conditions from values, for links and suggestions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clustertrace.filters.syntax import parse
from clustertrace.filters.tree import Or

__all__ = ["both", "condition", "of_patterns", "taking"]

MOST_PATTERNS: Final = 12
PATTERN_DIGITS: Final = 12
"""Of a pattern's id; of a hundred thousand patterns hardly two begin alike so far."""

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
    conditions = [one for one in filters if one.strip()]
    if len(conditions) == 1:
        return conditions[0]
    return " ".join(f"({one})" if isinstance(parse(one), Or) else one for one in conditions)


def taking(*steps: str, failed: bool = False) -> str:
    """The condition that a trace took these steps in this order; `failed`: the last one failed.

    A quotation mark in a step's name becomes a `*`, which still finds it.
    """
    names = " -> ".join(_step(name) for name in steps)
    return f"{'has' if len(steps) == 1 else 'seq'}({names}{'!' if failed else ''})"


def of_patterns(ids: Sequence[str]) -> str | None:
    """The condition that a trace has one of these patterns; None for more than a person reads."""
    if not 0 < len(ids) <= MOST_PATTERNS:
        return None
    return " or ".join(f"pattern:{one[:PATTERN_DIGITS]}" for one in ids)


def _step(name: str) -> str:
    pattern = name.replace('"', "*").strip() or "*"
    return f'"{pattern}"' if _NOT_IN_PLAIN_STEPS.search(pattern) else pattern
