"""Rebuild the arguments of a recorded call, with the changes that the user asks for."""

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
"""Usual names of a parameter that takes the user's prompt, the likeliest first."""


_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Arguments(NamedTuple):
    """What to call a function with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Change(NamedTuple):
    """A new value at a path in the arguments, such as `messages[0].content`."""

    path: tuple[str | int, ...]
    value: Any


def parse_change(text: str) -> Change:
    """Parse `PATH=VALUE`; the value is JSON, or else plain text. Raises UsageError."""
    path, equals, value = text.partition("=")
    steps: list[str | int] = []
    position = 0
    while equals and position < len(path):
        match = _PATH.match(path, position)
        if match is None:
            break
        if match["key"] is not None:
            steps.append(match["key"])
        elif match["index"] is not None:
            steps.append(int(match["index"]))
        position = match.end()
    if not equals or position < len(path) or not steps or not isinstance(steps[0], str):
        raise UsageError(f"--set expects NAME=VALUE or NAME[0].KEY=VALUE, not {text!r}.")
    try:
        return Change(tuple(steps), orjson.loads(value))
    except orjson.JSONDecodeError:
        return Change(tuple(steps), value)


def prompt_change(root: Span, prompt: str) -> Change:
    """Replace the user's prompt in the recorded call. Raises CannotReplay if unsure which it is."""
    recorded = root.input if isinstance(root.input, Mapping) else {}
    for name, value in recorded.items():
        index = _last_user_message(value)
        if index is not None:
            return Change((name, index, "content"), prompt)
    texts = [name for name, value in recorded.items() if isinstance(value, str)]
    for name in (*_PROMPTS, *(texts if len(texts) == 1 else ())):
        if name in texts:
            return Change((name,), prompt)
    raise CannotReplay(
        f"It is unclear which argument is the prompt ({_listed(recorded)}); "
        "name it with --set NAME=VALUE."
    )


def _last_user_message(value: Any) -> int | None:
    """Where the user's last message stands in a conversation; None if there is none."""
    messages = value if isinstance(value, list) else []
    for index in reversed(range(len(messages))):
        if isinstance(messages[index], Mapping) and messages[index].get("role") == "user":
            return index
    return None


def arguments_of(root: Span, fn: Callable[..., Any], changes: Sequence[Change] = ()) -> Arguments:
    """The arguments that `root` was called with, with the changes made, for calling `fn`.

    Raises CannotReplay, naming the argument, if one was not recorded as it was and is not replaced
    as a whole, or if `fn` does not take it.
    """
    recorded = _changed(_recorded_arguments(root), changes)
    replaced = {change.path[0] for change in changes if len(change.path) == 1}
    for name, reason in missing(root, "input").items():
        if name not in replaced:
            subject = f"its argument {name!r}" if name else "what it was called with"
            raise CannotReplay(
                f"The run can't be repeated: {subject} {reason}; give it with --set "
                f"{name or 'NAME'}=VALUE."
            )
    return _bound(recorded, fn)


def with_changes(trace: Trace, changes: Sequence[Change]) -> Trace:
    """The trace as if its root had been called with the changes made.

    Raises CannotReplay if a change names a path that the recorded call does not have.
    """
    if not changes:
        return trace
    root = root_of(in_order(trace.spans))
    replaced = {f"input.{change.path[0]}" for change in changes if len(change.path) == 1}
    kept = dict(root.attributes)
    for mark in LOSSES:
        if isinstance(paths := kept.get(mark), list):
            kept[mark] = [path for path in paths if path not in replaced]
    new_root = root._replace(input=_changed(_recorded_arguments(root), changes), attributes=kept)
    return trace._replace(spans=tuple(new_root if span is root else span for span in trace.spans))


def _recorded_arguments(root: Span) -> dict[str, Any]:
    if root.input is None:
        return {}
    if isinstance(root.input, Mapping):
        return dict(root.input)
    raise CannotReplay(
        f"The run can't be repeated: {root.name!r} was not recorded with its arguments by name; "
        "record the function with @clustertrace.trace."
    )


def _changed(recorded: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    changed: Any = orjson.loads(orjson.dumps(recorded))
    for path, value in changes:
        holder = changed
        for depth, step in enumerate(path):
            is_last = depth == len(path) - 1
            # A key may be new, a place in a list may not.
            if not _has(holder, step) and not (is_last and isinstance(holder, dict)):
                raise CannotReplay(
                    f"There is nothing at {_path_text(path[: depth + 1])!r} in the recorded call; "
                    f"its arguments are {_listed(recorded)}."
                )
            if is_last:
                holder[step] = value
            else:
                holder = holder[step]
    return changed  # type: ignore[no-any-return]


def _has(holder: Any, step: str | int) -> bool:
    if isinstance(holder, dict):
        return step in holder
    return isinstance(holder, list) and isinstance(step, int) and step < len(holder)


def _bound(recorded: Mapping[str, Any], fn: Callable[..., Any]) -> Arguments:
    types = annotations_of(fn)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    unused = dict(recorded)
    by_position = True
    for parameter in inspect.signature(fn).parameters.values():
        name, kind = parameter.name, parameter.kind
        if name not in unused:
            if parameter.default is parameter.empty and kind not in _VARIADIC:
                raise CannotReplay(
                    f"The run can't be repeated: its argument {name!r} was not recorded; give it "
                    f"with --set {name}=VALUE, or name an entry that makes it itself."
                )
            by_position = by_position and kind == parameter.VAR_POSITIONAL
        elif kind == parameter.VAR_POSITIONAL:
            args += [rebuilt(item, types.get(name)) for item in unused.pop(name)]
            by_position = False
        elif kind == parameter.VAR_KEYWORD:
            kwargs |= {
                key: rebuilt(item, types.get(name)) for key, item in unused.pop(name).items()
            }
        else:
            value = rebuilt(unused.pop(name), types.get(name))
            if by_position and kind != parameter.KEYWORD_ONLY:
                args.append(value)
            else:
                kwargs[name] = value
    if unused:
        raise CannotReplay(
            f"The run can't be repeated: {_listed(unused)} was recorded, and "
            f"{getattr(fn, '__name__', 'the entry')}() takes no such argument."
        )
    return Arguments(tuple(args), kwargs)


def _path_text(path: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names)) or "none"
