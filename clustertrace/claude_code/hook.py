"""The hook in Claude Code's settings that starts the receiver: install, remove, check.

It is set on two events. SessionStart has the receiver running before the session's first spans;
UserPromptSubmit restarts it if it exited while the session was idle, since the next spans would be
lost. It costs a session some ten milliseconds.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from clustertrace.claude_code import starting
from clustertrace.json_edits.text import parsed, with_value, without

__all__ = [
    "EVENTS",
    "Found",
    "Handler",
    "command",
    "handlers",
    "installed",
    "look_up",
    "uninstalled",
]

EVENTS: Final = ("SessionStart", "UserPromptSubmit")

_MARKER: Final = "clustertrace-hook"
"""At the end of our command, where the shell takes it for a comment."""

_NO_HOOKS: Final = ("allowManagedHooksOnly", "disableAllHooks")
"""Managed settings that keep users' hooks from running."""

_SILENCE: Final = ">/dev/null"
_TIMEOUT_SECONDS: Final = 10


class Handler(NamedTuple):
    """Where our command stands in the settings."""

    event: str
    group: int
    position: int
    command: str


def command(
    python: str, port: int, idle_minutes: float, db: str | None, grpc_port: int | None = None
) -> str:
    """What the hook runs, by absolute paths, so that neither PATH nor a folder matters.

    It prints nothing and succeeds, whatever becomes of that Python: a hook's output would reach the
    model, and its failure the user.
    """
    words = [python, "-I", "-S", os.path.abspath(starting.__file__), "--port", str(port)]
    words += ["--idle-shutdown-minutes", f"{idle_minutes:g}"]
    if grpc_port is not None:
        words += ["--grpc-port", str(grpc_port)]
    if db:
        words += ["--db", db if "://" in db else os.path.abspath(os.path.expanduser(db))]
    return f"{shlex.join(words)} {_SILENCE} 2>&1 || true # {_MARKER}"


class Found(NamedTuple):
    """The hook as it stands in the settings."""

    events: tuple[str, ...]
    """Those that it stands in."""
    command: str | None
    python: str | None
    """The Python that it runs."""
    python_exists: bool
    port: int | None
    """Where the receiver is that it starts."""
    grpc_port: int | None
    """Where that takes OTLP/gRPC, if it does."""
    hooks_disabled: bool
    """The settings turn every hook off."""
    managed_away: bool
    """The machine's managed settings let no hook of a user's run."""

    @property
    def works(self) -> bool:
        """Whether sessions start the receiver."""
        off = self.hooks_disabled or self.managed_away
        return "SessionStart" in self.events and self.python_exists and not off

    @property
    def sentence(self) -> str:
        """What there is, and what to do if it does not work."""
        if not self.events:
            return "there is no hook yet; run `clustertrace claude-code-hook install`."
        if self.managed_away:
            return (
                "the hook is there, but this machine's managed settings forbid your hooks; "
                "start the receiver with `clustertrace dashboard`."
            )
        if self.hooks_disabled:
            return "the hook is there, but `disableAllHooks` turns it off; remove that."
        if not self.works:
            return (
                f"the hook is there, but can't start {self.python}; install it again with "
                "`clustertrace claude-code-hook install`."
            )
        return "the hook is there and works."


def look_up(settings: Any, managed: Mapping[str, Any] = MappingProxyType({})) -> Found:
    """The hook in these settings, on a machine with those managed ones."""
    ours = handlers(settings)
    command_line = ours[0].command if ours else None
    words = _words(command_line or "")
    asked = starting.options(words[4:]) if len(words) > 3 else None
    python, script = (words[0], words[3]) if len(words) > 3 else (None, "")
    return Found(
        tuple(dict.fromkeys(handler.event for handler in ours)),
        command_line,
        python,
        bool(python) and os.path.exists(str(python)) and os.path.exists(script),
        None if asked is None else asked.get("port", starting.PORT),
        None if asked is None else asked.get("grpc_port"),
        bool(isinstance(settings, dict) and settings.get("disableAllHooks")),
        any(bool(managed.get(name)) for name in _NO_HOOKS),
    )


def _words(command_line: str) -> list[str]:
    """A command of ours, without what the shell does with its output."""
    try:
        words = shlex.split(command_line, comments=True)
    except ValueError:
        return []
    return words[: words.index(_SILENCE)] if _SILENCE in words else words


def handlers(settings: Any) -> list[Handler]:
    """Our commands in the settings, in whatever event they stand."""
    return [
        handler
        for handler in _all_handlers(settings)
        if handler.command.rstrip().endswith(f"# {_MARKER}")
    ]


def installed(text: str, command_line: str) -> str:
    """The settings' text with our command in its events, once in each; all else as it is.

    Raises BadInput where the settings have something else in its place.
    """
    for event in EVENTS:
        ours = [handler for handler in handlers(parsed(text)) if handler.event == event]
        for handler in reversed(ours[1:]):
            text = _without(text, handler)
        if ours:
            path = ("hooks", event, ours[0].group, "hooks", ours[0].position, "command")
            text = text if ours[0].command == command_line else with_value(text, path, command_line)
        else:
            ours_now = {"type": "command", "command": command_line, "timeout": _TIMEOUT_SECONDS}
            place = ("hooks", event, len(_groups(parsed(text), event)))
            text = with_value(text, place, {"hooks": [ours_now]})
    return text


def uninstalled(text: str) -> str:
    """The settings' text without our command, and without what only held it."""
    for handler in reversed(handlers(parsed(text))):
        text = _without(text, handler)
    return text


def _all_handlers(settings: Any) -> Iterator[Handler]:
    """Every command in the settings, ours or not; what makes no sense there has none."""
    for event in _object_at(settings, "hooks"):
        for number, group in enumerate(_groups(settings, event)):
            for position, one in enumerate(_list_at(group, "hooks")):
                command_line = one.get("command") if isinstance(one, dict) else None
                if isinstance(command_line, str):
                    yield Handler(event, number, position, command_line)


def _without(text: str, handler: Handler) -> str:
    """Without that handler, then without the list, the group and the event that it leaves empty."""
    path = ("hooks", handler.event, handler.group, "hooks", handler.position)
    text = without(text, path)
    for holder, goes in ((path[:4], path[:3]), (path[:2], path[:2]), (path[:1], path[:1])):
        if _at(parsed(text), holder):
            break
        text = without(text, goes)
    return text


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _groups(settings: Any, event: str) -> Sequence[Any]:
    """The groups of an event; none where they make no sense, which a change will refuse."""
    return _list_at(_object_at(settings, "hooks"), event)


def _object_at(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list_at(value: Any, key: str) -> Sequence[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else ()
