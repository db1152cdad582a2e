"""Texts that fit a pattern in which `*` stands for anything."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["fits"]


def fits(value: str, pattern: str) -> bool:
    """Whether a text fits a pattern in which `*` stands for anything; ASCII case is ignored."""
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.compile(f"(?i:{'.*'.join(parts)})", re.DOTALL | re.ASCII)
