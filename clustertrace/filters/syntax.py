"""Parsing a filter. An error names the place of what can't be parsed."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from clustertrace.errors import UsageError
from clustertrace.filters.fields import CHOICES, NUMBERS, TEXTS, TIMES
from clustertrace.filters.nearly import likely_meant
from clustertrace.filters.tree import (
    And,
    Compare,
    Filter,
    Match,
    Not,
    Or,
    Sequence,
    Since,
    StepName,
    Text,
    Until,
)

__all__ = ["LONGEST_DAYS", "FilterError", "parse", "parse_chosen", "read_duration"]

LONGEST_DAYS: Final = 36_500
"""The longest time that can be asked for, a hundred years."""

_STEP: Final = re.compile(r'"[^"]+"|[^"].*', re.DOTALL)
"""The name of a step: in quotes as a whole, or not from its beginning."""

_DEEPEST: Final = 50
"""Parentheses and `not` in each other."""

_MOST: Final = 500
"""Conditions of a filter, each step of a `seq` counted; SQLite itself ends at a thousand."""

_MOST_STEPS: Final = 30
"""Steps of one `seq`; SQLite itself ends at 64, or sooner among conditions."""

_DURATIONS: Final = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_AGES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LONGEST_NS: Final = LONGEST_DAYS * 86_400 * 10**9
_LATEST_NS: Final = 2**63 - 1
"""The last moment that a database can compare with, in the year 2262."""
_SCALES: Final = {"": 1, "k": 1e3, "m": 1e6}

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<call>(?:has|lacks|seq)\((?P<inside>(?:"[^"]*"|[^()"])*|[^()]*)\)) |
      (?P<open>\() | (?P<close>\)) |
      (?P<word>and|or|not)(?![\w.:<>=]) |
      (?P<field>(?:tag|metric)\.(?:[\w./-]*\w|"[^"]*")|\w+)(?P<op>>=|<=|:|>|<|=)
        (?P<value>"[^"]*"|[^\s()"]*) |
      (?P<unknown>\w+)\( |
      (?P<text>"[^"]*"|[^\s()"]+)
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class FilterError(UsageError):
    """A filter that can't be read; `position` is the character, from 0, where it goes wrong."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"The filter can't be read at character {position + 1}: {reason}.")
        self.position = position


class _Token:
    """One word of a filter: its named parts, and where it begins."""

    __slots__ = ("match", "start")

    def __init__(self, match: re.Match[str], start: int) -> None:
        self.match = match
        self.start = start

    def __getitem__(self, name: str) -> str:
        return self.match[name] or ""


def parse(text: str, *, now_ns: int | None = None) -> Filter:
    """Read a filter; an empty one holds for every trace. Raises FilterError.

    `now_ns` is what `since:7d` counts back from, nanoseconds since 1970; default: now.
    """
    # Half a character, as a terminal may give it, could not be asked of a database.
    text = text.encode("utf-8", "replace").decode()
    return _Parser(text, time.time_ns() if now_ns is None else now_ns).whole()


def parse_chosen(text: str) -> Filter:
    """Read the filter that says which traces to change; an empty one chooses none.

    It may come from a variable that is not set, and all is too much to mean by saying nothing.
    Raises UsageError for an empty one, FilterError.
    """
    if not text.strip():
        raise UsageError("--where is empty; say which traces you mean, or id:* for all of them.")
    return parse(text)


class _Parser:
    """Recursive descent: or, and, not, one condition."""

    def __init__(self, text: str, now_ns: int) -> None:
        self._now_ns = now_ns
        self._end = len(text)
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._conditions = 0

    def whole(self) -> Filter:
        if not self._tokens:
            return And()
        found = self._any()
        if self._at < len(self._tokens):
            raise FilterError("this parenthesis was never opened", self._tokens[self._at].start)
        return found

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._takes("word", "or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Filter:
        parts = [self._one()]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token["close"] or token["word"].lower() == "or":
                break
            self._takes("word", "and")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Filter:
        if self._at >= len(self._tokens):
            raise FilterError("something is missing here", self._end)
        token = self._tokens[self._at]
        self._at += 1
        if token["word"].lower() == "not":
            return Not(self._deeper(self._one, token))
        if token["open"]:
            found = self._deeper(self._any, token)
            if not self._takes("close", ")"):
                raise FilterError("this parenthesis is never closed", token.start)
            return found
        if token["word"] or token["close"]:
            raise FilterError("a condition is missing before this", token.start)
        found = self._read(token)
        self._conditions += len(found.steps) if isinstance(found, Sequence) else 1
        if self._conditions > _MOST:
            raise FilterError(
                f"more than {_MOST} conditions are too many; split the filter", token.start
            )
        return found

    def _read(self, token: _Token) -> Filter:
        if token["call"]:
            return _steps(token)
        if token["field"]:
            return _condition(token, self._now_ns)
        return _words(token)

    def _deeper(self, read: Callable[[], Filter], token: _Token) -> Filter:
        if self._depth >= _DEEPEST:
            raise FilterError("this is nested too deeply", token.start)
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    def _takes(self, kind: str, value: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][kind].lower() == value:
            self._at += 1
            return True
        return False


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        start = at + len(text[at:]) - len(text[at:].lstrip())
        if match is None:
            reason = "a quote is never closed" if text[start] == '"' else "this makes no sense"
            raise FilterError(reason, start)
        found.append(_Token(match, start))
        at = match.end()
    return found


def _unquoted(text: str) -> str:
    return text[1:-1] if text.startswith('"') else text


def _words(token: _Token) -> Filter:
    """A text to look for. What was meant as a condition is refused: it would find nothing."""
    if token["unknown"].lower() in ("has", "lacks", "seq"):
        raise FilterError("this parenthesis is never closed", token.match.end("unknown"))
    if token["unknown"]:
        reason = f"there is no {token['unknown']}(…), only has, lacks and seq; put texts in quotes"
        raise FilterError(reason, token.start)
    if token["text"].startswith(("<", ">", "=")):
        reason = "write a comparison without spaces, such as cost>0.10; put texts in quotes"
        raise FilterError(reason, token.start)
    if token["text"] == "~" or token["text"].startswith(("!=", "!~", "≠")):
        reason = "write not before a condition, such as not status:ok; put texts in quotes"
        raise FilterError(reason, token.start)
    if token["text"] and (meant := likely_meant(token.match.string, token.start)):
        raise FilterError(f"this is not a condition; {meant}; put texts in quotes", token.start)
    return Text(_unquoted(token["text"]))


def _steps(token: _Token) -> Filter:
    call, inside = token["call"].lower(), token["inside"]
    parts = list(_between_arrows(inside))
    if len(parts) > _MOST_STEPS:
        raise FilterError(f"more than {_MOST_STEPS} steps are too many; name fewer", token.start)
    steps = []
    for begin, end in parts:
        step_text = inside[begin:end].strip()
        name = step_text.rstrip("!").strip()
        alone = call.startswith("seq") or len(parts) == 1
        if not name or not alone or not _STEP.fullmatch(name):
            wrong = inside.index(step_text, begin) if step_text and alone else end
            raise FilterError(
                "name a step, such as has(search) or seq(search -> answer)",
                token.match.start("inside") + wrong,
            )
        steps.append(StepName(_unquoted(name), step_text.endswith("!")))
    found = Sequence(tuple(steps))
    return Not(found) if call.startswith("lacks") else found


def _between_arrows(text: str) -> Iterator[tuple[int, int]]:
    """From where to where the names of steps stand; an arrow in quotes is part of one."""
    begin = 0
    for match in re.finditer(r'"[^"]*"|->|→', text):
        if match[0] in ("->", "→"):
            yield begin, match.start()
            begin = match.end()
    yield begin, len(text)


def _condition(token: _Token, now_ns: int) -> Filter:
    name, operator, value = token["field"], token["op"], _unquoted(token["value"])
    field = name.lower()
    if not token["value"]:
        raise FilterError(f"{name}{operator} needs a value", token.match.end("op"))
    at = token.match.start("value")
    if operator == "=" and token["value"].startswith("="):
        meant = f"write {name}:{value.lstrip('=') or 'value'}"
        raise FilterError(f"this is not a condition; {meant}; put texts in quotes", token.start)
    if field.startswith(("tag.", "metric.")):
        kind, _, key = name.partition(".")
        key = _unquoted(key)
        if kind.lower() == "tag":
            return _text(f"tag.{key}", operator, value, at)
        return _number(f"metric.{key}", operator, value, at, _plain)
    if field in TIMES:
        when = _time(value, now_ns, at)
        return Since(when) if field == "since" else Until(when)
    if field == "text":
        return Text(value)
    if field in TEXTS:
        return _text(field, operator, value, at)
    if field in NUMBERS:
        return _number(field, operator, value, at, _READERS.get(field, _plain))
    known = ", ".join([*TEXTS, *NUMBERS, "tag.KEY", "metric.NAME", *TIMES, "text"])
    raise FilterError(f"there is no field {name!r}; fields are {known}", token.start)


def _text(field: str, operator: str, value: str, at: int) -> Filter:
    if operator not in (":", "="):
        raise FilterError(f"{field} is a text and can't be compared with {operator}", at)
    choices = CHOICES.get(field)
    if choices and value.lower() not in choices:
        raise FilterError(f"{field} is one of {', '.join(choices)}", at)
    return Match(field, value.lower() if choices else value)


def _number(
    field: str, operator: str, value: str, at: int, read: Callable[[str], float | None]
) -> Filter:
    number = read(value)
    if number is None or not math.isfinite(number):
        unit = NUMBERS.get(field, "a number")
        raise FilterError(f"{value!r} is not a value for {field} ({unit})", at)
    return Compare(field, "=" if operator == ":" else operator, number)


def _plain(text: str) -> float | None:
    return _scaled(text, _SCALES)


def _money(text: str) -> float | None:
    return _scaled(text.removeprefix("$"), _SCALES)


def _duration(text: str) -> float | None:
    return _scaled(text, _DURATIONS)


def read_duration(text: str) -> int | None:
    """A time such as 800ms, 20s or 7d, as nanoseconds; None where it is none.

    Raises UsageError for one of more than LONGEST_DAYS.
    """
    seconds = _scaled(text, _AGES)
    found = _duration(text) if seconds is None else seconds * 1e9
    if found is None or found <= 0:
        return None
    if found > _LONGEST_NS:
        raise UsageError(f"{text[:40]!r} is too long; a time has at most {LONGEST_DAYS}d.")
    return int(found)


_READERS: Final = {"cost": _money, "duration": _duration}


def _scaled(text: str, units: dict[str, float] | dict[str, int]) -> float | None:
    match = re.fullmatch(r"(-?(?:\d+\.?\d*|\.\d+))([a-z]*)", text, re.IGNORECASE)
    if match is None or match[2].lower() not in units:
        return None
    return float(match[1]) * units[match[2].lower()]


def _time(text: str, now_ns: int, at: int) -> int:
    """A date, a date and time, or an age such as 7d."""
    age = _scaled(text, _AGES)
    if age is not None:
        if abs(age) * 1e9 > _LONGEST_NS:
            raise FilterError(f"{text[:40]!r} is too long; an age has at most {LONGEST_DAYS}d", at)
        # Before 1970 nothing was recorded, and far before it no database can compare.
        return max(0, now_ns - int(age * 1e9))
    try:
        time_ns = int(datetime.fromisoformat(text).astimezone().timestamp() * 1e9)
        return min(max(0, time_ns), _LATEST_NS)
    except (ValueError, OverflowError, OSError):
        raise FilterError(
            f"{text!r} is not a time; write 7d, 12h, 2025-11-23 or 2025-11-23T08:00", at
        ) from None
