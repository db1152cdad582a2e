"""Build HTML with `tag`, the only place that escapes.

Whatever is not `Markup` is escaped: names and messages come from agents, and from anybody who can
write into their inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from clustertrace.telling.plain import plain

__all__ = ["Markup", "join", "tag"]

_VOID_ELEMENTS: Final = frozenset({"br", "hr"})


class Markup(str):
    """HTML that is safe as it is."""

    __slots__ = ()


def _safe(value: object) -> str:
    if isinstance(value, Markup):
        return value
    return escape(plain(str(value)), quote=True)


def tag(name: str, *children: object, cls: str = "", **attributes: object) -> Markup:
    """An element. `data_x` stands for `data-x`; attributes that are None are left out."""
    all_attributes = {"class": cls or None, **attributes}
    html = "".join(
        f' {key.replace("_", "-")}="{_safe(value)}"'
        for key, value in all_attributes.items()
        if value is not None
    )
    if name in _VOID_ELEMENTS:
        return Markup(f"<{name}{html}>")
    return Markup(f"<{name}{html}>{''.join(map(_safe, children))}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Concatenate parts."""
    return Markup(_safe(between).join(map(_safe, parts)))
