"""One run that can't be settled never blocks the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from clustertrace.errors import ClustertraceError
from clustertrace.store.connection import Connection

__all__ = ["each_that_can"]

_LOG: Final = logging.getLogger("clustertrace")


def each_that_can(
    conn: Connection,
    trace_ids: Sequence[bytes],
    work: Callable[[Sequence[bytes]], None],
    what: str,
    done: str,
) -> None:
    """Do `work` for all of these traces at once; where that fails, for each of them alone.

    `done` is the statement that says of a trace that the work is no longer due, and `what` names
    it. That is said of a trace that the work fails for, with a line in the log: its spans stay, and
    further news makes it due again.
    Runs in the caller's transaction. What the database itself refuses is raised.
    """
    if _failure_of(conn, trace_ids, work) is None:
        return
    for trace_id in trace_ids:
        error = _failure_of(conn, [trace_id], work)
        if error is not None:
            conn.run(done, (trace_id,))
            _LOG.warning(
                "Trace %s is set aside: %s could not be computed (%r). Its spans are kept; "
                "please report this with `clustertrace export %s`.",
                trace_id.hex(),
                what,
                error,
                trace_id.hex(),
            )


def _failure_of(
    conn: Connection, trace_ids: Sequence[bytes], work: Callable[[Sequence[bytes]], None]
) -> Exception | None:
    """Why the work failed, if it did; then nothing of it is left in the database."""
    try:
        with conn.savepoint():
            work(trace_ids)
    except ClustertraceError:
        raise
    except Exception as error:
        return error
    return None
