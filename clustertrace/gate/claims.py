"""Parse claims as users type them into the units of the store."""

from __future__ import annotations

from typing import Final, NamedTuple, get_args

from clustertrace.errors import UsageError
from clustertrace.filters.syntax import read_duration
from clustertrace.gate.checks import Kind

__all__ = ["Claims", "claims"]


_MOST_DIGITS: Final = 9
"""The most digits of a number of runs."""


class Claims(NamedTuple):
    """What to assert about one pattern."""

    bounds: tuple[tuple[Kind, float], ...]
    last_runs: int | None
    """Only so many of the newest runs are checked."""
    last_ns: int | None
    """Only runs of the last so many nanoseconds are checked."""


def claims(
    *,
    success_rate_above: float | None,
    latency_p95_below: str | None,
    cost_below: float | None,
    no_new_traces: bool,
    over_last: str | None,
    joined_by: str = "-",
) -> Claims:
    """Parse claims, with times such as `20s` and `7d`; a window may also be a number of runs.

    `joined_by` is what joins the words of a name where the user wrote it. Raises UsageError if
    nothing is claimed, or for an invalid time.
    """
    bounds: list[tuple[Kind, float]] = []
    if success_rate_above is not None:
        bounds.append(("success_rate_above", success_rate_above))
    if latency_p95_below is not None:
        option = "latency_p95_below".replace("_", joined_by)
        bounds.append(("latency_p95_below", _time_ns(latency_p95_below, option)))
    if cost_below is not None:
        bounds.append(("cost_below", cost_below))
    if no_new_traces:
        bounds.append(("no_new_traces", 0.0))
    if not bounds:
        *most, last = (kind.replace("_", joined_by) for kind in get_args(Kind))
        raise UsageError(f"Say what must be true: {', '.join(most)} or {last}.")
    return Claims(tuple(bounds), *_window(over_last, f"over{joined_by}last"))


def _time_ns(text: str, option: str) -> int:
    time_ns = read_duration(text)
    if time_ns is None:
        raise UsageError(f"{option} expects a time such as 800ms, 20s or 7d, not {text!r}.")
    return time_ns


def _window(over_last: str | None, option: str) -> tuple[int | None, int | None]:
    """The window as a number of runs, and as nanoseconds; at least one of them is None."""
    if over_last is None:
        return None, None
    if over_last.isascii() and over_last.isdecimal() and over_last.strip("0"):
        if len(over_last) > _MOST_DIGITS:
            raise UsageError(
                f"{option} takes at most {_MOST_DIGITS} digits of runs; leave it out for all runs."
            )
        return int(over_last), None
    return None, _time_ns(over_last, option)
