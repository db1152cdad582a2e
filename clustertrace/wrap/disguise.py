"""Classes made at run time in place of an SDK's own."""

from __future__ import annotations

__all__ = ["disguised"]


def disguised(kind: type, as_kind: type) -> type:
    """The class under its base's name, which users see in messages and documentation."""
    kind.__name__, kind.__qualname__ = as_kind.__name__, as_kind.__qualname__
    kind.__module__, kind.__doc__ = as_kind.__module__, as_kind.__doc__
    return kind
