"""A recorded call of a function → its arguments again, changed where the user asks for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from clustertrace.errors import CannotReplay, UsageError
from clustertrace.model import Span, Trace
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.replay.recording import LOSSES, missing
from clustertrace.replay.values import annotations_of, rebuilt

__all__ = [
    "Arguments",
    "Change",
    "arguments_of",
    "parse_change",
    "prompt_change",
    "with_changes",
]

_PATH: Final = re.compile(r"(?P<key>[^.\[\]=]+)|\[(?P<index>\d+)\]|\.")
_PROMPTS: Final = ("prompt", "question", "query", "task", "message", "text", "input")
"""Names that a parameter with the user's words usually has, the likeliest first."""


class Arguments(NamedTuple):
    """What to call a function with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Change(NamedTuple):
    """Another value at a place in the arguments, such as `messages[0].content`."""

    path: tuple[str | int, ...]
    value: Any


def parse_change(told: str) -> Change:
    """Read `PATH=VALUE`; the value is JSON, or else text. Raises UsageError."""
    path, equals, value = told.partition("=")
    steps: list[str | int] = []
    at = 0
    while equals and at < len(path):
        found = _PATH.match(path, at)
        if found is None:
            break
        if found["key"] is not None:
            steps.append(found["key"])
        elif found["index"] is not None:
            steps.append(int(found["index"]))
        at = found.end()
    if not equals or at < len(path) or not steps or not isinstance(steps[0], str):
        raise UsageError(f"--set expects NAME=VALUE or NAME[0].KEY=VALUE, not {told!r}.")
    try:
        return Change(tuple(steps), orjson.loads(value))
    except orjson.JSONDecodeError:
        return Change(tuple(steps), value)


def prompt_change(root: Span, prompt: str) -> Change:
    """Put a prompt where the recorded call has the user's words. Raises CannotReplay."""
    told = root.input if isinstance(root.input, Mapping) else {}
    for name, value in told.items():
        if isinstance(value, list):
            for at in range(len(value) - 1, -1, -1):
                if isinstance(value[at], Mapping) and value[at].get("role") == "user":
                    return Change((name, at, "content"), prompt)
    texts = [name for name, value in told.items() if isinstance(value, str)]
    for name in (*_PROMPTS, *(texts if len(texts) == 1 else ())):
        if name in texts:
            return Change((name,), prompt)
    raise CannotReplay(
        f"It is unclear which argument is the prompt ({_listed(told)}); "
        "name it with --set NAME=VALUE."
    )


def arguments_of(root: Span, fn: Callable[..., Any], changes: Sequence[Change] = ()) -> Arguments:
    """The arguments that `root` was called with, for `fn`, with the changes made.

    Raises CannotReplay, with the name of the argument, where one is not as it was and not changed
    as a whole, or where `fn` takes others.
    """
    told = _changed(_recorded(root), changes)
    whole = {change.path[0] for change in changes if len(change.path) == 1}
    for name, reason in missing(root, "input").items():
        if name not in whole:
            what = f"its argument {name!r}" if name else "what it was called with"
            raise CannotReplay(
                f"The run can't be repeated: {what} {reason}; give it with --set "
                f"{name or 'NAME'}=VALUE."
            )
    return _bound(told, fn)


def with_changes(trace: Trace, changes: Sequence[Change]) -> Trace:
    """The trace as if its root had been called with the changes made.

    Raises CannotReplay where a change names a place that the recorded call does not have.
    """
    if not changes:
        return trace
    root = root_of(in_order(trace.spans))
    given = {f"input.{change.path[0]}" for change in changes if len(change.path) == 1}
    kept = dict(root.attributes)
    for mark in LOSSES:
        if isinstance(paths := kept.get(mark), list):
            kept[mark] = [path for path in paths if path not in given]
    called = root._replace(input=_changed(_recorded(root), changes), attributes=kept)
    return trace._replace(spans=tuple(called if span is root else span for span in trace.spans))


def _recorded(root: Span) -> dict[str, Any]:
    if root.input is None:
        return {}
    if isinstance(root.input, Mapping):
        return dict(root.input)
    raise CannotReplay(
        f"The run can't be repeated: {root.name!r} was not recorded with its arguments by name; "
        "record the function with @clustertrace.trace."
    )


def _changed(told: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    made: Any = orjson.loads(orjson.dumps(told))
    for path, value in changes:
        holder = made
        for at, step in enumerate(path):
            if at == len(path) - 1 and (isinstance(holder, dict) or _within(holder, step)):
                holder[step] = value
                break
            known = step in holder if isinstance(holder, dict) else _within(holder, step)
            if not known:
                raise CannotReplay(
                    f"There is nothing at {_shown(path[: at + 1])!r} in the recorded call; "
                    f"its arguments are {_listed(told)}."
                )
            holder = holder[step]
    return made  # type: ignore[no-any-return]


def _within(holder: Any, step: str | int) -> bool:
    return isinstance(holder, list) and isinstance(step, int) and step < len(holder)


def _bound(told: Mapping[str, Any], fn: Callable[..., Any]) -> Arguments:
    types = annotations_of(fn)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    left = dict(told)
    by_position = True
    for parameter in inspect.signature(fn).parameters.values():
        name, kind = parameter.name, parameter.kind
        if name not in left:
            if parameter.default is parameter.empty and kind not in (2, 4):
                raise CannotReplay(
                    f"The run can't be repeated: its argument {name!r} was not recorded; give it "
                    f"with --set {name}=VALUE, or name an entry that makes it itself."
                )
            by_position = by_position and kind == parameter.VAR_POSITIONAL
        elif kind == parameter.VAR_POSITIONAL:
            args += [rebuilt(item, types.get(name)) for item in left.pop(name)]
            by_position = False
        elif kind == parameter.VAR_KEYWORD:
            kwargs |= {key: rebuilt(item, types.get(name)) for key, item in left.pop(name).items()}
        else:
            value = rebuilt(left.pop(name), types.get(name))
            if by_position and kind != parameter.KEYWORD_ONLY:
                args.append(value)
            else:
                kwargs[name] = value
    if left:
        raise CannotReplay(
            f"The run can't be repeated: {_listed(left)} was recorded, and "
            f"{getattr(fn, '__name__', 'the entry')}() takes no such argument."
        )
    return Arguments(tuple(args), kwargs)


def _shown(path: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def _listed(told: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, told)) or "none"
