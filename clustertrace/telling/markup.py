"""HTML, made of `tag`, the one place that escapes.

Whatever is not `Markup` is escaped as text: names and messages come from agents and from whoever
can write into their inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from clustertrace.telling.plain import plain

__all__ = ["Markup", "join", "tag"]

_VOID: Final = frozenset({"br", "hr"})


class Markup(str):
    """HTML that is safe as it is."""

    __slots__ = ()


def _safe(value: object) -> str:
    if isinstance(value, Markup):
        return value
    return escape(plain(str(value)), quote=True)


def tag(name: str, *children: object, cls: str = "", **attributes: object) -> Markup:
    """An element. `data_x` stands for `data-x`; attributes that are None are left out."""
    given = {"class": cls or None, **attributes}
    shown = "".join(
        f' {key.replace("_", "-")}="{_safe(value)}"'
        for key, value in given.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{''.join(map(_safe, children))}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Parts one after the other."""
    return Markup(_safe(between).join(map(_safe, parts)))
