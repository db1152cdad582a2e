"""Where a run broke: the steps that look most suspicious, each with its reasons.

Several steps with reasons, never one "root cause": a run alone can't tell a cause from a symptom.
What is looked at, with the weight that it adds:

- a failed step that never worked afterwards (3), or did (0.5)
- the step before the first failed one (1): it often fed it
- a call that was made before with the same arguments (1.5; with the same result as well, 2)
- a result that reads like an error (2), or is empty (1)
- the first step at which the run parts from the most similar run that did not fail (1.5)
- steps that failing runs take and others do not (up to 2): Ochiai's coefficient, which locates
  faults better than its rivals when programs are tested (Abreu, Zoeteweij and van Gemund,
  PRDC 2006), over the runs of the same agent.

A pure function of the spans and of its siblings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.patterns.signature import in_order, label_of, root_of, steps_of
from clustertrace.patterns.traits import Act, act_of
from clustertrace.understanding.folding import visible

__all__ = ["MOST", "Reason", "Sibling", "Suspect", "labels_of", "suspects"]

MOST: Final = 3
"""Suspects of a run: more would be a list of its steps."""

What = Literal[
    "not recovered",
    "recovered",
    "before the first error",
    "same call",
    "error text",
    "empty result",
    "parts",
    "in failing runs",
]

_MIN_SIBLINGS: Final = 5
"""Failed runs, and other runs, without which shares of them say nothing."""
_STEP_LIMIT: Final = 2_000
"""Steps of a run that are compared with others, and that are looked at one by one."""


class Sibling(NamedTuple):
    """Another run of the same agent, reduced to its steps."""

    trace_id: str
    failed: bool
    labels: tuple[str, ...]
    """Names of its steps in order, those that failed with a `!` (`labels_of`)."""


class Reason(NamedTuple):
    """Why a step is suspicious."""

    what: What
    words: str
    """A part of a sentence about the step."""
    weight: float
    trace_id: str | None = None
    """The run that the reason compares with, if it is one."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspicious step."""

    span_id: str
    step: str
    """Its name, with a `!` if it failed."""
    place: int
    """Which step of the run it is, from 1."""
    reasons: tuple[Reason, ...]
    """Heaviest first."""

    @property
    def score(self) -> float:
        """The sum of the weights; it ranks the steps of one run and means nothing beyond it."""
        return sum(reason.weight for reason in self.reasons)


class _Step(NamedTuple):
    span: Span
    act: Act
    label: str


def labels_of(spans: Sequence[Span]) -> tuple[str, ...]:
    """The steps of a run as `Sibling` has them; payloads need not be loaded."""
    return tuple(label_of(span) for span in _candidate_spans(spans)[:_STEP_LIMIT])


def suspects(spans: Sequence[Span], siblings: Sequence[Sibling] = ()) -> tuple[Suspect, ...]:
    """The most suspicious steps of a failed run, at most three; ties go to the earlier step.

    `siblings` are runs of the same agent, most alike first; without them the run is judged alone.
    """
    steps = [
        _Step(span, act_of(span), label_of(span)) for span in _candidate_spans(spans)[:_STEP_LIMIT]
    ]
    reasons_by_step: list[list[Reason]] = [[] for _ in steps]
    _add_failures(steps, reasons_by_step)
    _add_repeats(steps, reasons_by_step)
    _add_results(steps, reasons_by_step)
    _add_parting(steps, reasons_by_step, siblings)
    _add_spectrum(steps, reasons_by_step, siblings)
    suspects = [
        Suspect(
            step.span.span_id,
            step.label,
            place,
            tuple(sorted(reasons, key=lambda reason: -reason.weight)),
        )
        for place, (step, reasons) in enumerate(zip(steps, reasons_by_step, strict=True), 1)
        if reasons
    ]
    return tuple(sorted(suspects, key=lambda suspect: (-suspect.score, suspect.place))[:MOST])


def _candidate_spans(spans: Sequence[Span]) -> list[Span]:
    """Steps, and model calls that failed, in order."""
    if not spans:
        return []
    acting = {span.span_id for span in steps_of(spans)}
    ordered = in_order(spans)
    root = root_of(ordered)
    return [
        span
        for span in visible(ordered, root)
        if span.span_id in acting
        or (span.kind in MODEL_KINDS and span.status == "error" and span is not root)
    ]


def _add_failures(steps: Sequence[_Step], reasons_by_step: list[list[Reason]]) -> None:
    first = next((index for index, step in enumerate(steps) if step.act.failed), None)
    if first:
        words = f"came right before the first failed step, `{steps[first].act.name}`"
        reasons_by_step[first - 1].append(Reason("before the first error", words, 1.0))
    worked_later: set[str] = set()
    for index in range(len(steps) - 1, -1, -1):
        act = steps[index].act
        if not act.failed:
            worked_later.add(act.name)
        elif act.name in worked_later:
            reasons_by_step[index].append(Reason("recovered", "failed, and worked later", 0.5))
        else:
            reasons_by_step[index].append(
                Reason("not recovered", "failed and never worked afterwards", 3.0)
            )


def _add_repeats(steps: Sequence[_Step], reasons_by_step: list[list[Reason]]) -> None:
    """The first repetition of a call stands for all of them."""
    calls = Counter((step.act.name, step.act.call) for step in steps)
    seen: dict[tuple[str, int], tuple[int, Act]] = {}
    reported: set[tuple[str, int]] = set()
    for index, step in enumerate(steps):
        key = (step.act.name, step.act.call)
        if key not in seen:
            seen[key] = (index + 1, step.act)
        elif key not in reported:
            reported.add(key)
            place, first_act = seen[key]
            same_outcome = (
                first_act.result == step.act.result and first_act.failed == step.act.failed
            )
            words = f"repeats the call of step {place} with the same arguments"
            if same_outcome:
                words += " and fails again" if first_act.failed else " and gets the same result"
            words += f", {calls[key]} times in all" if calls[key] > 2 else ""
            reasons_by_step[index].append(Reason("same call", words, 2.0 if same_outcome else 1.5))


def _add_results(steps: Sequence[_Step], reasons_by_step: list[list[Reason]]) -> None:
    for index, (span, act, _) in enumerate(steps):
        if act.failed:
            continue
        if act.error_text:
            reasons_by_step[index].append(
                Reason("error text", "ended well, with a result like an error", 2.0)
            )
        elif act.empty and span.output is not None:
            reasons_by_step[index].append(Reason("empty result", "gave an empty result", 1.0))


def _add_parting(
    steps: Sequence[_Step], reasons_by_step: list[list[Reason]], siblings: Sequence[Sibling]
) -> None:
    """Where the run leaves the way of the most similar run that did not fail."""
    labels = [step.label for step in steps]
    passed = [sibling for sibling in siblings if not sibling.failed and sibling.labels]
    if not labels or not passed:
        return
    most_similar = min(passed, key=lambda sibling: Levenshtein.distance(labels, sibling.labels))
    shared = 0
    for label, other_label in zip(labels, most_similar.labels, strict=False):
        if label != other_label:
            break
        shared += 1
    if shared == len(labels) == len(most_similar.labels):
        return
    run = f"the most similar run that did not fail ({most_similar.trace_id[:8]})"
    if shared == len(labels):
        words = f"was the last step, where {run} went on with `{most_similar.labels[shared]}`"
        index = shared - 1
    elif shared == len(most_similar.labels):
        words, index = f"came after the end of {run}", shared
    else:
        words, index = f"came where {run} took `{most_similar.labels[shared]}`", shared
    reasons_by_step[index].append(Reason("parts", words, 1.5, most_similar.trace_id))


def _add_spectrum(
    steps: Sequence[_Step], reasons_by_step: list[list[Reason]], siblings: Sequence[Sibling]
) -> None:
    """Steps by the company they keep: in failing runs, and not in others."""
    failed = 1 + sum(sibling.failed for sibling in siblings)
    passed = 1 + len(siblings) - failed
    if failed < _MIN_SIBLINGS or passed < _MIN_SIBLINGS:
        return
    labels = frozenset(step.label for step in steps)
    failed_counts = _runs_by_label([labels, *(frozenset(s.labels) for s in siblings if s.failed)])
    passed_counts = _runs_by_label([frozenset(s.labels) for s in siblings if not s.failed])
    reported: set[str] = set()
    for index, step in enumerate(steps):
        label = step.label
        failed_with, passed_with = failed_counts[label], passed_counts.get(label, 0)
        if label in reported or failed_with * passed <= 2 * passed_with * failed:
            continue
        reported.add(label)
        ochiai = failed_with / sqrt(failed * (failed_with + passed_with))
        words = (
            f"is in {failed_with} of {failed} failed runs and in {passed_with} of {passed} others"
        )
        reasons_by_step[index].append(Reason("in failing runs", words, 2 * ochiai))


def _runs_by_label(runs: Sequence[frozenset[str]]) -> Mapping[str, int]:
    return Counter(label for run in runs for label in run)
