"""The options of a new span, checked; unusable ones are replaced by the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clustertrace.model import KINDS
from clustertrace.record.notices import notice

__all__ = ["kind_of", "names_of", "rate_of", "tags_of", "text_of"]


def text_of(value: Any) -> str:
    """A name or message as a text, or the type of a value that has none."""
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception:
        return type(value).__name__


def kind_of(kind: Any, name: str) -> str:
    """The kind, if it exists; otherwise `chain`, with a warning."""
    if isinstance(kind, str) and kind in KINDS:
        return kind
    notice(
        f"clustertrace knows no span kind {_shown(kind)} (of {name!r}) and takes it for a chain; "
        f"kinds are {', '.join(sorted(KINDS))}."
    )
    return "chain"


def names_of(skip: Any) -> tuple[str, ...]:
    """The names of arguments that are not recorded; a warning for anything else."""
    if isinstance(skip, str):
        return (skip,)
    try:
        return tuple(skip)
    except TypeError:
        notice(
            f"clustertrace takes names of arguments to skip, not {_shown(skip)}, and skips none; "
            'for instance skip=["password"].'
        )
        return ()


def rate_of(sample: Any) -> float | None:
    """A share from 0 to 1, or None for the default."""
    if sample is None:
        return None
    try:
        rate = float(sample)
    except Exception:
        rate = -1.0
    if 0 <= rate <= 1:
        return rate
    notice(f"clustertrace: sample={_shown(sample)} can't be used; it must be from 0 to 1.")
    return None


def tags_of(tags: Any) -> dict[str, Any] | None:
    """Tags by key, or None."""
    if tags is None:
        return None
    if isinstance(tags, Mapping):
        return {text_of(key): value for key, value in tags.items()}
    notice(f'clustertrace: tags={_shown(tags)} can\'t be used; say {{"key": "value"}}.')
    return None


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.60}"
    except Exception:
        return type(value).__name__
