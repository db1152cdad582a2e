"""Settings files of other programs: changed in one place, and put back whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clustertrace.errors import BadInput, UsageError
from clustertrace.json_edits.comments import keeping_comments, without_comments
from clustertrace.json_edits.text import parsed

__all__ = ["Changed", "Edit", "change", "change_document", "preview", "read"]

Edit = Callable[[str], str]
"""Makes the new text of a file from the old one."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a settings file."""

    path: Path
    changed: bool
    """False: it was as wished already, and was not touched."""
    backup: Path | None
    """The file as it was before; None where there was none, or nothing changed."""


def read(path: Path) -> Any:
    """The value of a JSON file; an empty object where there is none.

    Raises BadInput or UsageError, with a sentence, where it can't be read.
    """
    return _parsed(path, _bytes(path) or b"")


def change(path: Path, edit: Edit, *, comments: bool = False) -> Changed:
    """Put what `edit` makes of the file's text in its place, in one step, after a backup.

    `edit` works on text (see clustertrace.json_edits.text), so that all else stays byte for byte. A
    link is followed, and the file keeps its permissions; a new one is its owner's alone. With
    `comments`, the file may have some, as editors' settings do.

    Raises BadInput where the file is no JSON that `edit` can work on, UsageError where it can't be
    read or written, or another program changed it meanwhile. It is untouched then.
    """
    before = _bytes(path)
    there = path.resolve()
    text, after = _edited(path, before, edit, comments=comments)
    if after == text:
        return Changed(path, False, None)
    try:
        there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup = None if before is None else _backup(path, there)
        _replace(path, there, before, after.encode())
    except OSError as error:
        raise UsageError(
            f"{path} can't be written ({error.strerror or error}); check its permissions."
        ) from None
    return Changed(path, True, backup)


def change_document(change: Changed) -> dict[str, Any]:
    """What became of a settings file, for a JSON document that names it."""
    backup = str(change.backup) if change.backup else None
    return {"changed": change.changed, "backup": backup}


def preview(path: Path, edit: Edit, *, comments: bool = False) -> tuple[str, str]:
    """The file's text, and what `change` would make of it. Raises what `change` does."""
    return _edited(path, _bytes(path), edit, comments=comments)


def _edited(path: Path, before: bytes | None, edit: Edit, *, comments: bool) -> tuple[str, str]:
    """The file's text, and what `edit` makes of it."""
    text = _decoded(path, before or b"")
    try:
        parsed(without_comments(text) if comments else text)
        return text, (keeping_comments(edit) if comments else edit)(text)
    except BadInput as error:
        raise _unusable(path, error) from None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror or error}).") from None


def _parsed(path: Path, data: bytes) -> Any:
    text = _decoded(path, data)
    try:
        return parsed(text)
    except BadInput as error:
        raise _unusable(path, error) from None


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _unusable(path, BadInput("it is not UTF-8")) from None


def _unusable(path: Path, error: BadInput) -> BadInput:
    return BadInput(f"{path} can't be changed: {error}; fix it by hand and try again.")


def _backup(path: Path, there: Path) -> Path:
    """A copy beside the file that takes no older copy's place."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    name = f"{path.name}.backup-{stamp}"
    backup = path.with_name(name)
    number = 1
    while backup.exists():
        number += 1
        backup = path.with_name(f"{name}-{number}")
    shutil.copy2(there, backup)
    return backup


def _replace(path: Path, there: Path, before: bytes | None, after: bytes) -> None:
    number, name = tempfile.mkstemp(prefix=f".{there.name}.", dir=there.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        if before is not None:
            shutil.copymode(there, name)
        if _bytes(there) != before:
            raise UsageError(f"{path} was changed by another program just now; try again.")
        os.replace(name, there)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
