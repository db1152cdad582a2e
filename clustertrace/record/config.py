"""What the environment tells the recorder, read once, with the standard library only.

clustertrace.settings describes the same variables; a test compares the two. A value that can't be
used is reported once and replaced by the default: a recorder never stops the program that it is in.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from clustertrace.record.notices import notice

if TYPE_CHECKING:
    from pathlib import Path

    from clustertrace.redaction import Redactor

# Imported where needed, since each costs every program that imports clustertrace: pathlib 5 ms,
# redaction with the scan that it begins with 5 ms.

__all__ = ["Config", "config", "database_file", "get_db_path", "without_login"]

T = TypeVar("T")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


class Config(NamedTuple):
    """The recorder's settings."""

    disabled: bool
    metadata_only: bool
    """Record no inputs, outputs or messages."""
    payload_bytes: int
    """Longest input or output kept, in bytes per field."""
    sample_rate: float
    endpoint: str
    """The receiver to send to, without a slash at the end; empty: a spool beside the database."""
    login: str
    """`name:password` for a proxy before it, as CLUSTERTRACE_ENDPOINT has them; empty: none."""
    key: str
    """The key that the remote receiver asks for; empty: none."""
    spool: str
    """The folder for segments; empty, and all disabled, where there is no place for one."""
    redact: Redactor | None


@cache
def config() -> Config:
    """The settings as they were when first asked for."""
    endpoint, login = without_login(os.environ.get("CLUSTERTRACE_ENDPOINT", "").rstrip("/"))
    spool = _spool(endpoint)
    return Config(
        disabled=_read("DISABLED", False, _truth) or not spool,
        metadata_only=_metadata_only(),
        payload_bytes=_read("MAX_PAYLOAD_BYTES", 32768, _size),
        sample_rate=_read("SAMPLE_RATE", 1.0, _share),
        endpoint=endpoint,
        login=login,
        key=os.environ.get("CLUSTERTRACE_KEY", "").strip(),
        spool=spool,
        redact=_redactor(),
    )


def without_login(url: str) -> tuple[str, str]:
    """An address as it may be shown, and the name and password that it had ("": none)."""
    scheme, slashes, rest = url.partition("//")
    host, slash, path = rest.partition("/")
    _, colon, port = host.partition(":")
    if "@" not in host and colon and not port.isdecimal():
        # No port: a password with a slash in it, which should have been written as %2F.
        login, _, place = rest.rpartition("@")
    else:
        login, _, place = host.rpartition("@")
        place += slash + path
    return f"{scheme}{slashes}{place}", login


def get_db_path() -> Path:
    """The database file that spans are recorded for: CLUSTERTRACE_DB, or the one in the home.

    For a database on a server it is a name in `~/.clustertrace`, next to which its spool is kept.
    Raises OSError if that needs a home or current folder and there is none.
    """
    from pathlib import Path

    return Path(database_file(os.environ.get("CLUSTERTRACE_DB", "")))


def database_file(text: str) -> str:
    """The path for which spans of this database are recorded, whether it is a path or a URL."""
    text = text.removeprefix("sqlite:///")
    if "://" in text:
        # Each database on a server has a spool of its own, also after its password has changed.
        import zlib

        known = zlib.crc32(without_login(text)[0].encode("utf-8", "replace"))
        text = os.path.join("~", ".clustertrace", f"{text.partition(':')[0]}-{known:08x}")
    path = os.path.expanduser(text or os.path.join("~", ".clustertrace", "traces.db"))
    if path.startswith("~"):
        raise FileNotFoundError(errno.ENOENT, "there is no home folder")
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _spool(endpoint: str) -> str:
    try:
        database = database_file(os.environ.get("CLUSTERTRACE_DB", ""))
    except OSError as error:
        notice(
            f"clustertrace has no place to record to ({error.strerror}); the program goes on "
            "without. Set CLUSTERTRACE_DB to an absolute path."
        )
        return ""
    return os.path.join(os.path.dirname(database), "outbox") if endpoint else f"{database}.spool"


def _redactor() -> Redactor | None:
    from clustertrace.errors import BadSetting
    from clustertrace.redaction import Redactor, redactor

    try:
        return redactor()
    except BadSetting as error:
        notice(str(error))
        return Redactor()


def _read(name: str, default: T, parse: Callable[[str], Any]) -> T:
    text = os.environ.get(f"CLUSTERTRACE_{name}", "").strip()
    if not text:
        return default
    try:
        parsed: T = parse(text)
    except ValueError:
        notice(f"CLUSTERTRACE_{name}={text!r} can't be used; going on with {default!r}.")
        return default
    return parsed


def _metadata_only() -> bool:
    """Whether no content is recorded. Any other word was meant to hide content, too."""
    text = os.environ.get("CLUSTERTRACE_CAPTURE", "").strip()
    if text.lower() in ("", "full"):
        return False
    if text.lower() != "metadata":
        notice(f"CLUSTERTRACE_CAPTURE={text!r} is neither full nor metadata; no content is kept.")
    return True


def _truth(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError


def _size(text: str) -> int:
    if int(text) < 256:
        raise ValueError
    return int(text)


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)
