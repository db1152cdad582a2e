"""Change one place of a JSON text and leave every other character as it is.

A settings file belongs to its user: order, indentation and numbers as they were typed come back
untouched, which reading and writing the whole document anew would not do.

A place is a path of keys and positions, such as `("hooks", "SessionStart", 0)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NoReturn

from clustertrace.errors import BadInput

__all__ = ["Path", "parsed", "with_value", "without"]

Path = Sequence[str | int]

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_INDENT: Final = re.compile(r"\n([ \t]+)\S")
_USUAL_INDENT: Final = "  "


class _Item(NamedTuple):
    """A member of an object or an element of an array, as positions in the text."""

    key: str | int
    start: int
    value: int
    end: int


def parsed(text: str) -> Any:
    """The value of a JSON text; of an empty one, an empty object.

    Raises BadInput with the line where it is no JSON.
    """
    try:
        return _DECODER.decode(text.removeprefix("\ufeff")) if text.strip("\ufeff \t\r\n") else {}
    except json.JSONDecodeError as error:
        raise BadInput(f"line {error.lineno} is not JSON ({error.msg.lower()})") from None
    except RecursionError:
        raise BadInput("it is nested too deeply") from None
    except ValueError as error:
        raise BadInput(str(error)) from None


def with_value(text: str, path: Path, value: Any) -> str:
    """The text with `value` at `path`; objects on the way there are made where they are missing.

    A position one past an array's end appends. Raises BadInput if the text is no JSON, or what
    stands on the way is something else than the path takes it for.
    """
    parsed(text)
    if not text.strip("\ufeff \t\r\n"):
        text = "{}\n"
    start = _begin(text)
    for depth, key in enumerate(path):
        items, end = _items(text, start, path[:depth], key)
        found = _last(items, key)
        if found is None:
            rest: Any = value
            for missing in reversed(path[depth + 1 :]):
                rest = {missing: rest} if isinstance(missing, str) else [rest]
            return _added(text, start, end, items, key, rest)
        start = found.value
    end = _end_of_value(text, start)
    return text[:start] + _rendered(text, value, _indent_at(text, start)) + text[end:]


def without(text: str, path: Path) -> str:
    """The text without the member or element at `path`; the same text if there is none.

    Raises BadInput as `with_value` does.
    """
    parsed(text)
    start = _begin(text)
    for depth, key in enumerate(path[:-1]):
        items, _ = _items(text, start, path[:depth], key)
        found = _last(items, key)
        if found is None:
            return text
        start = found.value
    items, end = _items(text, start, path[:-1], path[-1])
    found = _last(items, path[-1])
    if found is None:
        return text
    at = items.index(found)
    if len(items) == 1:
        cut = text[: start + 1] + text[end - 1 :]
    elif found is items[-1]:
        cut = text[: items[at - 1].end] + text[found.end :]
    else:
        cut = text[: found.start] + text[items[at + 1].start :]
    # A key that stands twice is gone only when both are.
    return without(cut, path) if isinstance(path[-1], str) else cut


def _added(text: str, start: int, end: int, items: list[_Item], key: str | int, value: Any) -> str:
    """`text` with one more item at the end of the container between `start` and `end`."""
    name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(key, str) else ""
    if items:
        begin = items[-2].end if len(items) > 1 else start + 1
        blank = text[begin : items[-1].start].rpartition(",")[2]
        if "\n" not in blank:
            added = f", {name}{json.dumps(value, ensure_ascii=False)}"
        else:
            indent = blank.rpartition("\n")[2]
            newline = "\r\n" if "\r\n" in blank else "\n"
            added = f",{newline}{indent}{name}{_rendered(text, value, indent)}"
        return text[: items[-1].end] + added + text[items[-1].end :]
    newline = _newline(text)
    outer = _indent_at(text, start)
    indent = outer + _unit(text)
    added = f"{newline}{indent}{name}{_rendered(text, value, indent)}{newline}{outer}"
    return text[: start + 1] + added + text[end - 1 :]


def _rendered(text: str, value: Any, indent: str) -> str:
    """A value in the style of the text, its first line without indentation."""
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return f"{_newline(text)}{indent}".join(lines)


def _unit(text: str) -> str:
    """What one level of this text is indented by."""
    found = _INDENT.search(text)
    return found[1] if found else _USUAL_INDENT


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, at: int) -> str:
    """The blanks that the line of this position begins with."""
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _last(items: list[_Item], key: str | int) -> _Item | None:
    """The item of that key; of several, the last, as JSON's readers have it."""
    return next((item for item in reversed(items) if item.key == key), None)


def _items(text: str, start: int, path: Path, key: str | int) -> tuple[list[_Item], int]:
    """The items of the object or array at `start`, whichever `key` needs, and where it ends."""
    opening, closing, kind = (
        ("{", "}", "an object") if isinstance(key, str) else ("[", "]", "a list")
    )
    if text[start] != opening:
        where = ".".join(str(part) for part in path) or "the whole"
        raise BadInput(f"{where} should be {kind}")
    items: list[_Item] = []
    at = _skip(text, start + 1)
    while text[at] != closing:
        begin, name = at, len(items)
        found: str | int = name
        if isinstance(key, str):
            found, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        end = _end_of_value(text, at)
        items.append(_Item(found, begin, at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return items, at + 1


def _end_of_value(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _begin(text: str) -> int:
    return _skip(text, 1 if text.startswith("\ufeff") else 0)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
