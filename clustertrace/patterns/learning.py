"""From whole traces to failure rules with runs to look at: what commands and pages both ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from clustertrace.model import Span, Trace
from clustertrace.patterns.rules import Case, Mined, matches, mine
from clustertrace.patterns.traits import run_of, traits_of

__all__ = ["Learned", "case_of", "learn"]

SAMPLES: Final = 5
"""Failed runs that are kept for each rule, newest first where the traces came so."""


class Learned(NamedTuple):
    """Failure rules, and for each the ids of some failed runs that match it."""

    mined: Mined
    samples: tuple[tuple[str, ...], ...]


def case_of(spans: Sequence[Span], failed: bool, session: str | None) -> Case:
    """A run to learn from."""
    return Case(*traits_of(run_of(spans)), failed, session)


def learn(traces: Iterable[Trace]) -> Learned:
    """Mine finished traces."""
    cases = [
        (trace.trace_id, case_of(trace.spans, trace.failed, trace.session_id)) for trace in traces
    ]
    mined = mine([case for _, case in cases])
    samples = []
    for rule in mined.rules:
        matching = (
            trace_id
            for trace_id, case in cases
            if case.failed and matches(rule.conditions, case.traits, case.measures)
        )
        samples.append(tuple(one for one, _ in zip(matching, range(SAMPLES), strict=False)))
    return Learned(mined, tuple(samples))
