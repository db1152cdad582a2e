"""Changes to files that a tool was asked for, as diffs: Claude Code's `Edit`, `MultiEdit` and
`Write`, Anthropic's text editor, Codex's `apply_patch`; pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["Edit", "edits"]

_LINES: Final = 400
"""Of one side of a change: comparing takes time that grows with the square."""
_PATHS: Final = ("file_path", "path", "notebook_path")
_OLD: Final = ("old_string", "old_str")
_NEW: Final = ("new_string", "new_str")
_WHOLE: Final = ("content", "file_text")
_PATCH: Final = "*** Begin Patch"


class Edit(NamedTuple):
    """A change to one file."""

    path: str
    diff: str
    """Unified, without its head; lines begin with a space, `+`, `-` or `@@`."""


def edits(arguments: Any) -> list[Edit]:
    """The changes that a tool's arguments ask for; none where they ask for something else."""
    patch = _patch(arguments)
    if patch is not None:
        return list(_of_patch(patch))
    if not isinstance(arguments, Mapping):
        return []
    path = _text(arguments, _PATHS)
    if path is None:
        return []
    several = arguments.get("edits")
    changes = several if isinstance(several, list) else [arguments]
    found = [_diff(change) for change in changes if isinstance(change, Mapping)]
    diffs = [diff for diff in found if diff is not None]
    return [Edit(path, "\n".join(diffs))] if diffs else []


def _diff(change: Mapping[str, Any]) -> str | None:
    old, new = _text(change, _OLD), _text(change, _NEW)
    if old is not None and new is not None:
        return _compared(old.splitlines(), new.splitlines())
    whole = _text(change, _WHOLE)
    if whole is not None:
        return "\n".join(f"+{line}" for line in whole.splitlines())
    return None


def _compared(old: list[str], new: list[str]) -> str:
    if max(len(old), len(new)) > _LINES:
        return "\n".join([f"-{line}" for line in old] + [f"+{line}" for line in new])
    lines = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return "\n".join(lines)


def _patch(arguments: Any) -> str | None:
    """A patch, which stands alone, under a key, or among the words of a command."""
    candidate = arguments
    if isinstance(candidate, Mapping):
        candidate = next(
            (candidate[key] for key in ("patch", "input", "command") if key in candidate), None
        )
    if isinstance(candidate, list):
        candidate = next((one for one in candidate if isinstance(one, str) and _PATCH in one), None)
    return candidate if isinstance(candidate, str) and _PATCH in candidate else None


def _of_patch(patch: str) -> Iterator[Edit]:
    path, lines = "", list[str]()
    for line in patch[patch.index(_PATCH) :].splitlines()[1:]:
        if not line.startswith("*** "):
            lines.append(line)
            continue
        if path:
            yield Edit(path, "\n".join(lines))
        if line.startswith("*** End Patch"):
            return
        if not line.startswith("*** Move to"):
            path, lines = line.partition(": ")[2], []
    if path:
        yield Edit(path, "\n".join(lines))


def _text(held: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((held[key] for key in keys if isinstance(held.get(key), str)), None)
