"""What the environment tells the recorder, read once, with the standard library only.

The same variables stand with their meaning in clustertrace.settings; a test holds the two
together. A value that can't be used is reported once and replaced by the default: a recorder
never stops the program that it is in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from clustertrace.errors import BadSetting
from clustertrace.record.notices import notice
from clustertrace.redaction import Redactor, redactor

__all__ = ["Config", "config", "get_db_path"]

T = TypeVar("T")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


class Config(NamedTuple):
    """The recorder's settings."""

    disabled: bool
    metadata_only: bool
    """Record no inputs, outputs or messages."""
    payload_bytes: int
    """Longest input or output kept, bytes a field."""
    sample_rate: float
    endpoint: str
    """The receiver to send to, without a slash at the end; empty: a spool beside the database."""
    spool: Path
    redact: Redactor | None


@cache
def config() -> Config:
    """The settings as they were when first asked for."""
    endpoint = os.environ.get("CLUSTERTRACE_ENDPOINT", "").rstrip("/")
    path = get_db_path()
    home = path.with_name("outbox") if endpoint else path.with_name(path.name + ".spool")
    return Config(
        disabled=_read("DISABLED", False, _truth),
        metadata_only=_read("CAPTURE", False, _capture),
        payload_bytes=_read("MAX_PAYLOAD_BYTES", 32768, _size),
        sample_rate=_read("SAMPLE_RATE", 1.0, _share),
        endpoint=endpoint,
        spool=home,
        redact=_redactor(),
    )


def get_db_path() -> Path:
    """The database file that spans are recorded for: CLUSTERTRACE_DB, or the one in the home.

    For a database that is no file, the default place stands for it: its spool is kept there.
    """
    text = os.environ.get("CLUSTERTRACE_DB", "").removeprefix("sqlite:///")
    if not text or "://" in text:
        return Path.home() / ".clustertrace" / "traces.db"
    return Path(text).expanduser().absolute()


def _redactor() -> Redactor | None:
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


def _truth(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError


def _capture(text: str) -> bool:
    return ("full", "metadata").index(text.lower()) == 1


def _size(text: str) -> int:
    if int(text) < 256:
        raise ValueError
    return int(text)


def _share(text: str) -> float:
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)
