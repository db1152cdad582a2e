"""What somebody wants to stay true, as it is typed, checked and in the units of the store."""

from __future__ import annotations

from typing import Final, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.filters.syntax import read_duration
from clustertrace.gate.checks import Kind

__all__ = ["Claims", "claims"]


_MOST_DIGITS: Final = 9
"""Of a number of runs."""


class Claims(NamedTuple):
    """What to assert of one pattern."""

    bounds: tuple[tuple[Kind, float], ...]
    last_runs: int | None
    """Look at so many newest runs only."""
    last_ns: int | None
    """Look at runs of so many nanoseconds only."""


def claims(
    *,
    success_rate_above: float | None,
    latency_p95_below: str | None,
    cost_below: float | None,
    no_new_traces: bool,
    over_last: str | None,
) -> Claims:
    """Times as in `20s` and `7d`, a window also as a number of runs.

    Raises UsageError where nothing is claimed, or a time can't be read.
    """
    found: list[tuple[Kind, float]] = []
    if success_rate_above is not None:
        found.append(("success_rate_above", success_rate_above))
    if latency_p95_below is not None:
        found.append(("latency_p95_below", _time(latency_p95_below, "latency-p95-below")))
    if cost_below is not None:
        found.append(("cost_below", cost_below))
    if no_new_traces:
        found.append(("no_new_traces", 0.0))
    if not found:
        raise UsageError(
            "Say what must be true: success-rate-above, latency-p95-below, cost-below or "
            "no-new-traces."
        )
    return Claims(tuple(found), *_window(over_last))


def _time(told: str, what: str) -> int:
    found = read_duration(told)
    if found is None:
        raise UsageError(f"{what} expects a time such as 800ms, 20s or 7d, not {told!r}.")
    return found


def _window(over_last: str | None) -> tuple[int | None, int | None]:
    """Runs, and nanoseconds, that are looked at."""
    if over_last is None:
        return None, None
    if over_last.isascii() and over_last.isdecimal() and over_last.strip("0"):
        if len(over_last) > _MOST_DIGITS:
            raise UsageError(
                f"over-last takes at most {_MOST_DIGITS} digits of runs; leave it out for all runs."
            )
        return int(over_last), None
    return None, _time(over_last, "over-last")
