"""Only what precedes the failure: runs cut so that nothing after it, or because of it, can leak in.

A run whose root ended in an error is cut before the last failed step that never worked
afterwards: the *failure point*. Steps that were still open then, such as the sub-agent that the
error went through, keep their beginning only. A run that failed by its outcome alone ended as any
other does, so all of it precedes the failure.

Runs that passed must have had as much time. If three of four failed runs are cut, so are three of
four passed ones, the longest at the latest failure points, and those that never came so far are
left out. Else "never cited" would only say that a run broke before it could.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clustertrace.model import Span
from clustertrace.patterns.signature import in_order, normal_name, root_of, steps_of

__all__ = ["Member", "before", "failure_point", "matched_points"]


class Member(NamedTuple):
    """A finished run that is compared with others."""

    trace_id: str
    failed: bool
    spans: Sequence[Span]
    session: str | None = None
    of_pattern: bool = False
    """Whether it is one of the runs that are to be explained, or took the same steps."""


def failure_point(member: Member) -> int | None:
    """How many steps of a failed run precede its failure; None: all of them."""
    if not member.failed or root_of(in_order(member.spans)).status != "error":
        return None
    steps = steps_of(member.spans)
    worked: set[str] = set()
    for at in range(len(steps) - 1, -1, -1):
        name = normal_name(steps[at].name)
        if steps[at].status == "error" and name not in worked:
            return at
        if steps[at].status != "error":
            worked.add(name)
    return None


def matched_points(
    points: Sequence[int | None], passed: Sequence[tuple[str, int]]
) -> Mapping[str, int | None]:
    """Where to cut each passed run, by its id; those that are not comparable are missing.

    `points` are those of the failed runs, `passed` ids and numbers of steps of the others.
    """
    cut = sorted((point for point in points if point is not None), reverse=True)
    order = sorted(passed, key=lambda run: (zlib.crc32(run[0].encode()), run[0]))
    whole = round(len(order) * (1 - len(cut) / len(points))) if points else len(order)
    made: dict[str, int | None] = {trace_id: None for trace_id, _ in order[:whole]}
    rest = sorted(order[whole:], key=lambda run: -run[1])
    for at, (trace_id, steps) in enumerate(rest):
        wanted = at * len(cut) // len(rest)
        point = next((point for point in cut[wanted:] if point <= steps), None)
        if point is not None:
            made[trace_id] = point
    return made


def before(spans: Sequence[Span], point: int | None) -> Sequence[Span]:
    """The spans of a run up to its step number `point` (from 0); all of them for None."""
    steps = steps_of(spans)
    if point is None or point >= len(steps):
        return spans
    ordered = in_order(spans)
    end = steps[point]
    kept = []
    for span in ordered[: ordered.index(end)]:
        if span.end_ns is None or span.end_ns > end.start_ns:
            span = span._replace(status="ok", output=None, error_type=None, error_message=None)
        kept.append(span)
    return kept
