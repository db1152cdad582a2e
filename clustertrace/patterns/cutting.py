"""Only what precedes the failure: runs cut so that nothing after it, or because of it, can leak in.

A run whose root ended in an error is cut before the last failed step that never worked
afterwards: the *failure point*. Where a model call broke it later, that is behind its last step.
Steps that were still open then, such as the sub-agent that the error went through, keep their
beginning only. A run that failed by its outcome alone, or that its own code gave up, came to its
end as any other does, so all of it precedes the failure.

Runs that passed must have had as much time. If three of four failed runs are cut, so are three of
four passed ones, the longest at the latest failure points, and those that never got that far are
left out. Otherwise "never cited" would only mean that a run broke before it could cite.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clustertrace.model import EMPTY, MODEL_KINDS, Span
from clustertrace.patterns.recovery import never_recovered
from clustertrace.patterns.signature import cut_short, in_order, normal_name, root_of, steps_of

__all__ = ["Member", "before", "failure_point", "matched_points"]


class Member(NamedTuple):
    """A finished run that is compared with others."""

    trace_id: str
    failed: bool
    spans: Sequence[Span]
    session: str | None = None
    of_pattern: bool = False
    """Whether it is one of the runs that are to be explained, or took the same steps."""
    tags: Mapping[str, str] = EMPTY


def failure_point(member: Member) -> int | None:
    """How many steps of a failed run precede its failure; None: all of them."""
    ordered = in_order(member.spans)
    if not member.failed or root_of(ordered).status != "error":
        return None
    steps, last = steps_of(ordered), ordered[-1]
    did_break_off = cut_short(ordered) == "broke off"
    lasting = never_recovered([(normal_name(one.name), one.status == "error") for one in steps])
    if not any(lasting):
        return len(steps) if did_break_off else None
    index = max(place for place, lasts in enumerate(lasting) if lasts)
    # The run went on after a step that had ended when a model call broke it.
    end = steps[index].end_ns
    had_ended = end is not None and end <= last.start_ns
    return len(steps) if did_break_off and had_ended and last.kind in MODEL_KINDS else index


def matched_points(
    points: Sequence[int | None], passed: Sequence[tuple[str, int]]
) -> Mapping[str, int | None]:
    """Where to cut each passed run, by its id; those that are not comparable are missing.

    `points` are those of the failed runs, `passed` ids and numbers of steps of the others.
    """
    cut_points = sorted((point for point in points if point is not None), reverse=True)
    shuffled = sorted(passed, key=lambda run: (zlib.crc32(run[0].encode()), run[0]))
    uncut_count = (
        round(len(shuffled) * (1 - len(cut_points) / len(points))) if points else len(shuffled)
    )
    points_by_id: dict[str, int | None] = {trace_id: None for trace_id, _ in shuffled[:uncut_count]}
    to_cut = sorted(shuffled[uncut_count:], key=lambda run: -run[1])
    for index, (trace_id, steps) in enumerate(to_cut):
        first_index = index * len(cut_points) // len(to_cut)
        point = next((point for point in cut_points[first_index:] if point <= steps), None)
        if point is not None:
            points_by_id[trace_id] = point
    return points_by_id


def before(spans: Sequence[Span], point: int | None) -> Sequence[Span]:
    """The spans of a run up to its step number `point` (from 0); all of them for None."""
    steps = steps_of(spans)
    if point is None or point >= len(steps):
        return spans
    ordered = in_order(spans)
    end_step = steps[point]
    kept_spans = []
    for span in ordered[: ordered.index(end_step)]:
        if span.end_ns is None or span.end_ns > end_step.start_ns:
            span = span._replace(status="ok", output=None, error_type=None, error_message=None)
        kept_spans.append(span)
    return kept_spans
