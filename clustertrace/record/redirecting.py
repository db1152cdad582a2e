"""Record into another database for a while, whole, whatever the environment says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clustertrace.record.config import config
from clustertrace.record.spool import spool

__all__ = ["recording_into"]

_OVERRULED: Final = ("DB", "ENDPOINT", "DISABLED", "SAMPLE_RATE")
"""Variables that would keep a trace away; the others hold inside as outside."""


@contextmanager
def recording_into(database: str | Path) -> Iterator[None]:
    """Whatever thread or child process records inside the block records into this database."""
    names = [f"CLUSTERTRACE_{variable}" for variable in _OVERRULED]
    before = {variable: os.environ.pop(variable, None) for variable in names}
    os.environ["CLUSTERTRACE_DB"] = os.fspath(database)
    _begin_anew()
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value
        _begin_anew()


def _begin_anew() -> None:
    """Let the recorder read the environment again and open a segment where it now says."""
    spool.close()
    config.cache_clear()
