"""Which trace a record belongs to, where some name none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from clustertrace.model import Log

__all__ = ["LATE_NS", "Host", "in_order", "of_trace"]

LATE_NS: Final = 10**9
"""A record is written at most so long after what it tells of."""


class Host(NamedTuple):
    """A trace of which spans came, and when the first began and the last ended."""

    trace_id: str
    start_ns: int
    end_ns: int


def of_trace(trace_id: str, logs: Sequence[Log], hosts: Sequence[Host] = ()) -> list[Log]:
    """The records that belong to a trace.

    One that names no trace belongs, in a turn where others do, to that of the record before it;
    else to the trace of its session whose spans it falls among. `logs` come in order.
    """
    logs_by_turn: dict[str, list[Log]] = defaultdict(list)
    for log in logs:
        if log.turn is not None and log.trace_id != log.turn:
            logs_by_turn[log.turn].append(log)
    return [
        log
        for log in logs
        if _trace_of(log, logs_by_turn.get(log.turn or "", ()), hosts) == trace_id
    ]


def _trace_of(log: Log, turn_logs: Sequence[Log], hosts: Sequence[Host]) -> str:
    if log.trace_id != log.turn:
        return log.trace_id
    if turn_logs:
        earlier = [other for other in turn_logs if other.time_ns <= log.time_ns]
        return (earlier[-1] if earlier else turn_logs[0]).trace_id
    candidates = [
        (max(0, log.time_ns - host.end_ns), -host.start_ns, host.trace_id)
        for host in hosts
        if host.start_ns <= log.time_ns <= host.end_ns + LATE_NS
    ]
    return min(candidates)[2] if candidates else log.trace_id


def in_order(logs: Iterable[Log]) -> list[Log]:
    """Records by time, then as their program numbered them, then as they came."""
    return sorted(logs, key=_order_key)


def _order_key(log: Log) -> tuple[int, int, int]:
    number = log.attributes.get("event.sequence")
    return log.time_ns, number if isinstance(number, int) else 0, log.ordinal
