"""Only what precedes the failure: runs cut so that nothing after it, or because of it, can leak in.

A run whose root ended in an error is cut before the last failed step that never worked
afterwards, or before the first of its tries: the *failure point*. Where a model call broke it
later, that is behind its last step. Steps that were still open then, such as the sub-agent that the
error went through, keep their beginning only. A run that failed by its outcome alone, or that its
own code gave up, came to its end as any other does, so all of it precedes the failure.

Runs that passed must have had as much time. If three of four failed runs are cut, so are three of
four passed ones, the longest at the latest failure points: where they came to the very step that
broke, for the same time in the run. Others are cut after as many steps, and left out if they never
got that far. Otherwise "never cited" would only mean that a run broke before it could cite.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clustertrace.model import EMPTY, MODEL_KINDS, Span
from clustertrace.patterns.recovery import never_recovered
from clustertrace.patterns.signature import cut_short, in_order, normal_name, root_of, steps_of

__all__ = ["Cut", "Member", "Point", "before", "failure_point", "matched_cuts", "point_at"]


class Member(NamedTuple):
    """A finished run that is compared with others."""

    trace_id: str
    failed: bool
    spans: Sequence[Span]
    session: str | None = None
    of_pattern: bool = False
    """Whether it is one of the runs that are to be explained, or took the same steps."""
    tags: Mapping[str, str] = EMPTY


class Point(NamedTuple):
    """Where a failed run broke."""

    place: int
    """How many steps precede it."""
    step: str | None = None
    """The step that broke, by its normal name; None for a model call."""
    times: int = 0
    """How often the run had taken that step before."""


class Cut(NamedTuple):
    """Where a passed run is cut, to be compared with failed ones."""

    place: int | None
    """After how many steps; None: not at all."""
    at_same_step: bool = True
    """Whether that is where it came to a step that broke, and not just after as many steps."""


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
    if did_break_off and had_ended and last.kind in MODEL_KINDS:
        return len(steps)
    # That it was tried again is the failure, and did not lead there.
    name = normal_name(steps[index].name)
    return next(
        place
        for place, lasts in enumerate(lasting)
        if lasts and normal_name(steps[place].name) == name
    )


def point_at(names: Sequence[str], place: int) -> Point:
    """The failure point of a run with steps of these normal names."""
    if place >= len(names):
        return Point(place)
    return Point(place, names[place], names[:place].count(names[place]))


def matched_cuts(
    points: Sequence[Point | None], passed: Sequence[tuple[str, Sequence[str]]]
) -> Mapping[str, Cut]:
    """Where to cut each passed run, by its id; those that are not comparable are missing.

    `points` are those of the failed runs, `passed` ids and normal names of steps of the others.
    """
    cut_points = sorted(
        (point for point in points if point is not None), key=lambda point: -point.place
    )
    shuffled = sorted(passed, key=lambda run: (zlib.crc32(run[0].encode()), run[0]))
    uncut_count = (
        round(len(shuffled) * (1 - len(cut_points) / len(points))) if points else len(shuffled)
    )
    cuts = {trace_id: Cut(None) for trace_id, _ in shuffled[:uncut_count]}
    to_cut = sorted(shuffled[uncut_count:], key=lambda run: -len(run[1]))
    for index, (trace_id, names) in enumerate(to_cut):
        first_index = index * len(cut_points) // len(to_cut)
        # From its own share of the points on, and then again from the first.
        ordered_points = dict.fromkeys((*cut_points[first_index:], *cut_points[:first_index]))
        if cut := _cut_of(names, ordered_points):
            cuts[trace_id] = cut
    return cuts


def _cut_of(names: Sequence[str], points: Iterable[Point]) -> Cut | None:
    """At the first step that broke which a run came to for as many times, else after as many."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    after_as_many = None
    for point in points:
        if point.step is not None and point.times < len(places.get(point.step, ())):
            return Cut(places[point.step][point.times])
        if after_as_many is None and point.place <= len(names):
            after_as_many = Cut(point.place, at_same_step=False)
            if point.step is None:
                break
    return after_as_many


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
            span = span._replace(
                status="ok", end_ns=None, output=None, error_type=None, error_message=None
            )
        kept_spans.append(span)
    return kept_spans
