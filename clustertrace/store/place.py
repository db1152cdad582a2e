"""Where a database is: a file, or a database of a PostgreSQL server."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clustertrace.errors import BadSetting
from clustertrace.record.config import database_file, without_login

__all__ = ["Place", "place_of"]

_PASSWORD: Final = re.compile(r"([?&])(?:ssl)?password=[^&]*&?", re.IGNORECASE)
"""A password in the query of a URL, where libpq takes one too."""

_SCHEMES: Final = ("postgresql", "postgresql+psycopg", "postgres")


@dataclass(frozen=True, slots=True)
class Place:
    """A database, as users name it."""

    text: str
    """What CLUSTERTRACE_DB may be to open the same; it may hold a password."""
    name: str
    """What it is called where others can see it: the path, or the URL without its password."""
    path: Path
    """Its own file; a server's database has one that is not there, beside which its spool lies."""
    is_file: bool

    @property
    def holds_secret(self) -> bool:
        """Whether `text` has a password, which must stand on no command line and in no settings."""
        return self.text != self.name

    @property
    def spool(self) -> Path:
        """Where recorders of this database leave their spans."""
        return self.path.with_name(f"{self.path.name}.spool")

    def __str__(self) -> str:
        return self.name


def place_of(db: str | Path | None = None) -> Place:
    """The place behind a path, a URL, or (None) CLUSTERTRACE_DB. Raises BadSetting."""
    text = str(db) if db else os.environ.get("CLUSTERTRACE_DB", "")
    text = text.removeprefix("sqlite:///")
    try:
        path = Path(database_file(text)).absolute()
    except OSError:
        raise BadSetting(
            "There is no home folder; set CLUSTERTRACE_DB to an absolute path."
        ) from None
    if "://" not in text:
        return Place(str(path), str(path), path, is_file=True)
    scheme = text.partition("://")[0]
    if scheme not in _SCHEMES:
        raise BadSetting(
            f"CLUSTERTRACE_DB is {scheme}://…, which is not a database that can be used; give the "
            "path of a file, or postgresql+psycopg://user@host/name."
        )
    return Place(text, _without_password(text), path, is_file=False)


def _without_password(url: str) -> str:
    shown, login = without_login(_PASSWORD.sub(r"\1", url).rstrip("?&"))
    user = login.partition(":")[0]
    return shown.replace("://", f"://{user}@", 1) if user else shown
