"""Cuts secrets according to the settings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache

from clustertrace.errors import BadSetting
from clustertrace.redaction.marks import mark
from clustertrace.redaction.scan import may_hold_secrets, places

__all__ = ["Redactor", "redactor"]


class Redactor:
    """Cuts secrets out of text; made by `redactor`. `own` are the user's own patterns."""

    __slots__ = ("_own",)

    def __init__(self, own: Sequence[re.Pattern[str]] = ()) -> None:
        self._own = tuple(own)

    def suspects(self, text: str) -> bool:
        """Whether the text might hold a secret; if not, cutting would change nothing."""
        return bool(self._own) or may_hold_secrets(text)

    def named(self, name: str, value: str) -> str:
        """A value that stands under a name, such as a tag, without its secrets.

        An empty value stays, as in JSON: that a key was empty is often why a run failed.
        """
        pair = f'"{name}": "'
        if not value or not self.suspects(f'{pair}{value}"'):
            return value
        some = "/x" if value[0] in "/~" else "x"  # no quotes, and the folder that a value may be
        if self(f'{pair}{some}"')[1]:
            return mark("by its name")
        return self(value)[0]

    def json(self, text: str) -> tuple[str, int]:
        """As a call, of a text that is JSON and stays JSON."""
        from clustertrace.redaction.json_texts import cut_json

        return cut_json(text, self, self.named)

    def __call__(self, text: str) -> tuple[str, int]:
        """The text without its secrets, and how many were cut."""
        cut = 0
        for pattern in self._own:
            text, times = pattern.subn(mark("by your pattern"), text)
            cut += times
        found = places(text)
        if not found:
            return text, cut
        from clustertrace.redaction.cutting import cut_secrets

        text, times = cut_secrets(text, found)
        return text, cut + times


def redactor() -> Redactor | None:
    """What cuts secrets, as CLUSTERTRACE_REDACT and CLUSTERTRACE_REDACT_PATTERNS say; None: off.

    Raises BadSetting where the user's patterns can't be used.
    """
    if os.environ.get("CLUSTERTRACE_REDACT", "").strip().lower() in ("0", "false", "no", "off"):
        return None
    return Redactor(_own_patterns(os.environ.get("CLUSTERTRACE_REDACT_PATTERNS", "")))


@lru_cache(maxsize=8)
def _own_patterns(file: str) -> tuple[re.Pattern[str], ...]:
    if not file:
        return ()
    from pathlib import Path  # 5 ms that every program which records would spend

    patterns = []
    try:
        lines = Path(file).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"CLUSTERTRACE_REDACT_PATTERNS can't be used: {file} can't be read ({error})."
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            patterns.append(re.compile(line.strip()))
        except re.error as error:
            raise BadSetting(
                f"CLUSTERTRACE_REDACT_PATTERNS can't be used: line {number} of {file} is not a "
                f"regular expression ({error})."
            ) from None
    return tuple(patterns)
