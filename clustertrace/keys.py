"""Secrets that grant access: from other machines, and to the pages' private port.

The receiver asks other machines for a key, which the command line prints and the recorder sends.
It is CLUSTERTRACE_KEY, or one that is created once and kept beside the database. The pages ask for
another one, created each time they start, which only the receiver knows.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from clustertrace.errors import StoreError

__all__ = [
    "DOOR_HEADER",
    "DOOR_VARIABLE",
    "VARIABLE",
    "access_key",
    "bearer",
    "key_place",
    "new_key",
]

VARIABLE: Final = "CLUSTERTRACE_KEY"

DOOR_HEADER: Final = "x-clustertrace-door"
DOOR_VARIABLE: Final = "CLUSTERTRACE_DOOR"
"""How the pages are told theirs: other users can see a command line, but no environment."""


def new_key() -> str:
    """A word that nobody can guess, fit for an address and a header."""
    return secrets.token_urlsafe(24)


def bearer(key: str) -> str:
    """The header `Authorization` that shows a key."""
    return f"Bearer {key}"


def key_place(database: Path) -> str:
    """Where `access_key` has it from: the name of the variable, or the path of the file."""
    return VARIABLE if os.environ.get(VARIABLE, "").strip() else str(_path(database))


def access_key(database: Path) -> str:
    """What other machines must show to a receiver that stores in this database.

    Raises StoreError where it can't be kept.
    """
    given_key = os.environ.get(VARIABLE, "").strip()
    if given_key:
        return given_key
    path = _path(database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(file, "w") as made:
                made.write(new_key())
        key = path.read_text().strip()
    except OSError as error:
        raise StoreError(
            f"{path} can't keep a key for other machines ({error.strerror or error}); set "
            f"{VARIABLE} to one."
        ) from None
    if len(key) < 16:
        raise StoreError(f"{path} holds no key; delete it, and start again.")
    return key


def _path(database: Path) -> Path:
    return database.with_name(f"{database.name}.key")
