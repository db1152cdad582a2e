"""What somebody meant who wrote something like a condition, as in other languages."""

from __future__ import annotations

import re
from typing import Final

from clustertrace.filters.fields import CHOICES, NUMBERS, TEXTS, TIMES

__all__ = ["likely_meant"]

_NEARLY: Final = re.compile(
    r"""(?P<no>[-!])?
    (?P<field>(?:tag|metric)\.(?:[\w./-]*\w|"[^"]*")|\w+)
    (?P<sign>!=|≠|!~|~=|~|!:|>=|<=|:|>|<|=)
    (?P<value>"[^"]*"|[^\s()"]*)""",
    re.VERBOSE | re.IGNORECASE,
)
_NO_KEY: Final = re.compile(r"(tag|metric)\.[^\s()\":=<>~!]*[:=<>~!]", re.IGNORECASE)
_OWN_SIGNS: Final = (">=", "<=", ":", ">", "<", "=")


def likely_meant(text: str, at: int) -> str | None:
    """What to write instead of the word that begins at this place; None where it is a text."""
    found = _NEARLY.match(text, at)
    if found is None:
        return _key(text, at)
    field, sign, value = found["field"], found["sign"], found["value"]
    name = field.lower()
    known = name in (*TEXTS, *NUMBERS, *TIMES, "text") or "." in name
    if not known and sign not in ("!=", "≠"):
        return None
    if "~" in sign and name not in CHOICES and (name in TEXTS or name.startswith("tag.")):
        inside = value.strip('"') or "value"
        value = f'"*{inside}*"' if value.startswith('"') else f"*{inside}*"
    negated = bool(found["no"]) or "!" in sign or sign == "≠"
    written = f"{field}{sign if sign in _OWN_SIGNS else ':'}{value or 'value'}"
    return f"write {'not ' if negated else ''}{written}"


def _key(text: str, at: int) -> str | None:
    """Of a tag or a metric that is not named, or with more than letters, digits and a few signs."""
    found = _NO_KEY.match(text, at)
    if found is None:
        return None
    if found[1].lower() == "tag":
        return 'write tag.KEY:value, or tag."any key":value'
    return 'write metric.NAME>value, or metric."any name">value'
