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
  PRDC 2006), over the runs of the same agent (clustertrace.patterns.ochiai).

Behind a step that went wrong, the last two weigh half as much, since they may have come of it.

What runs do that did not fail is no reason: a step that always gives nothing, or always reads "0
errors", is as it should be. So what a step did weighs as much as the share of them that did not do
so, and nothing if half of them did; and the way that is taken at a parting must be one that hardly
any of them took. An agent in which a failed step is found did not break by itself.

A pure function of the spans and of its siblings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.patterns.ochiai import MIN_RUNS, successions, telling_steps
from clustertrace.patterns.recovery import never_recovered
from clustertrace.patterns.signature import (
    ids_above,
    in_order,
    label_of,
    normal_name,
    root_of,
    steps_of,
)
from clustertrace.patterns.traits import Act, Trait, act_of, counted_as, run_of, traits_of
from clustertrace.understanding.folding import visible

__all__ = ["MOST", "Reason", "Sibling", "Suspect", "asked_of", "labels_of", "suspects"]

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

_HARDLY_ANY: Final = 1 / 20
"""The share of runs that did not fail up to which hardly any of them took a way."""
_STEP_LIMIT: Final = 2_000
"""Steps of a run that are compared with others, and that are looked at one by one."""
_WENT_WRONG: Final[Mapping[str, float]] = {
    "not recovered": 3.0,
    "error text": 2.0,
    "empty result": 1.0,
}
"""What tells that a step went wrong, with its weight; half of that if half of those that did not
fail have it too."""
_HARDLY_SHARED: Final = 0.9
"""The part of the weight that is left of what hardly any of them have."""

_ASKED: Final = frozenset({"empty", "error text", "same call", "fails", "not recovered"})
"""The traits that reasons are about."""


class Sibling(NamedTuple):
    """Another run of the same agent, reduced to its steps."""

    trace_id: str
    failed: bool
    labels: tuple[str, ...]
    """Names of its steps in order, those that broke by themselves with a `!` (`labels_of`)."""
    traits: frozenset[Trait] | None = None
    """Of the traits that are `asked_of` the run, those that this one shares; None: not known."""


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
    steps = _candidate_spans(spans)[:_STEP_LIMIT]
    return _labels(steps, ids_above(_lasting_failures(steps, spans), spans))


def _labels(steps: Sequence[Span], broke_inside: Collection[str]) -> tuple[str, ...]:
    """An agent that broke with one of its steps has no mark."""
    return tuple(
        normal_name(span.name) if span.span_id in broke_inside else label_of(span) for span in steps
    )


def asked_of(spans: Sequence[Span]) -> frozenset[Trait]:
    """What is true of a run, as far as a reason may be about it."""
    traits, _ = traits_of(run_of(spans))
    return frozenset(trait for trait in traits if trait[0] in _ASKED)


def suspects(spans: Sequence[Span], siblings: Sequence[Sibling] = ()) -> tuple[Suspect, ...]:
    """The most suspicious steps of a failed run, at most three; ties go to the earlier step.

    `siblings` are runs of the same agent, most alike first; without them the run is judged alone.
    """
    candidates = _candidate_spans(spans)[:_STEP_LIMIT]
    lasting = _lasting_failures(candidates, spans)
    steps = [
        _Step(span, act_of(span), label)
        for span, label in zip(
            candidates, _labels(candidates, ids_above(lasting, spans)), strict=True
        )
    ]
    usual = _Usual(spans, siblings)
    reasons_by_step: list[list[Reason]] = [[] for _ in steps]
    _add_failures(steps, reasons_by_step, usual, lasting, spans)
    _add_repeats(steps, reasons_by_step, usual)
    _add_results(steps, reasons_by_step, usual)
    wrong = _first_wrong(reasons_by_step)
    _add_parting(steps, reasons_by_step, siblings, wrong)
    _add_telling_steps(steps, reasons_by_step, siblings, wrong)
    suspects = [
        Suspect(
            step.span.span_id,
            label_of(step.span),
            place,
            tuple(sorted(reasons, key=lambda reason: -reason.weight)),
        )
        for place, (step, reasons) in enumerate(zip(steps, reasons_by_step, strict=True), 1)
        if reasons
    ]
    return tuple(sorted(suspects, key=lambda suspect: (-suspect.score, suspect.place))[:MOST])


class _Usual:
    """What runs do that did not fail: of what they do too, a reason weighs less, or nothing."""

    def __init__(self, spans: Sequence[Span], siblings: Sequence[Sibling]) -> None:
        passed = [s.traits for s in siblings if not s.failed and s.traits is not None]
        self._passed = len(passed)
        self._counts = Counter(trait for traits in passed for trait in traits)
        self._own = asked_of(spans) if len(passed) >= MIN_RUNS else frozenset()

    def knows(self, trait: Trait) -> bool:
        """Whether it is known how many of them have a trait."""
        return trait in self._own

    def reason(self, what: What, words: str, weight: float, trait: Trait) -> list[Reason]:
        """The reason, with how many of them have it too; nothing if half of them do."""
        if not self.knows(trait):
            return [Reason(what, words, weight)]
        count = self._counts[trait]
        if 2 * count >= self._passed:
            return []
        words += f", as in {count or 'none'} of {self._passed} runs that did not fail"
        return [Reason(what, words, weight * (1 - count / self._passed))]


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


def _lasting_failures(steps: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """The steps that failed and never worked afterwards."""
    # Model calls that worked are no steps.
    last_answers: dict[str, int] = {}
    for span in spans:
        if span.kind in MODEL_KINDS and span.status != "error":
            name = normal_name(span.name)
            last_answers[name] = max(span.start_ns, last_answers.get(name, span.start_ns))
    named = [(normal_name(span.name), span.status == "error") for span in steps]
    return [
        span
        for span, (name, _), lasts in zip(steps, named, never_recovered(named), strict=True)
        if lasts and last_answers.get(name, 0) <= span.start_ns
    ]


def _add_failures(
    steps: Sequence[_Step],
    reasons_by_step: list[list[Reason]],
    usual: _Usual,
    lasting: Sequence[Span],
    spans: Sequence[Span],
) -> None:
    above, lasting_ids = ids_above(lasting, spans), {span.span_id for span in lasting}
    first = None
    for index, (span, act, _) in enumerate(steps):
        is_lasting = span.span_id in lasting_ids
        if not act.failed or (is_lasting and span.span_id in above):
            continue
        if is_lasting:
            trait: Trait = ("not recovered", act.name, "", 0)
            words = "failed and never worked afterwards"
            reasons = usual.reason("not recovered", words, _WENT_WRONG["not recovered"], trait)
        else:
            trait = ("fails", act.name, "", 1)
            reasons = usual.reason("recovered", "failed, and worked later", 0.5, trait)
        reasons_by_step[index] += reasons
        if first is None and reasons:
            first = index
    if first is None:
        return
    # An agent does not come before its own steps; what it followed does.
    holders = ids_above([steps[first].span], spans)
    places = (at for at in range(first - 1, -1, -1) if steps[at].span.span_id not in holders)
    if (fed_by := next(places, None)) is not None:
        words = f"came right before the first failed step, `{steps[first].act.name}`"
        reasons_by_step[fed_by].append(Reason("before the first error", words, 1.0))


def _add_repeats(
    steps: Sequence[_Step], reasons_by_step: list[list[Reason]], usual: _Usual
) -> None:
    """The first repetition of a call stands for all of them."""
    calls = Counter((step.act.name, step.act.call) for step in steps)
    seen: dict[tuple[str, int], tuple[int, Act]] = {}
    reported: set[tuple[str, int]] = set()
    for index, step in enumerate(steps):
        key = (step.act.name, step.act.call)
        if not step.act.call:
            continue
        if key not in seen:
            seen[key] = (index + 1, step.act)
        elif key not in reported:
            reported.add(key)
            place, first_act = seen[key]
            same_outcome = (
                first_act.result == step.act.result
                and first_act.failed == step.act.failed
                and (step.act.failed or step.span.output is not None)
            )
            words = f"repeats the call of step {place} with the same arguments"
            if same_outcome:
                words += " and fails again" if first_act.failed else " and gets the same result"
            words += f", {calls[key]} times in all" if calls[key] > 2 else ""
            trait: Trait = ("same call", step.act.name, "", counted_as(calls[key]))
            weight = 2.0 if same_outcome else 1.5
            reasons_by_step[index] += usual.reason("same call", words, weight, trait)


def _add_results(
    steps: Sequence[_Step], reasons_by_step: list[list[Reason]], usual: _Usual
) -> None:
    for index, (span, act, _) in enumerate(steps):
        if act.failed:
            continue
        trait: Trait = ("error text" if act.error_text else "empty", act.name, "", 0)
        if act.error_text:
            words = "ended well, with a result like an error"
            reasons_by_step[index] += usual.reason(
                "error text", words, _WENT_WRONG["error text"], trait
            )
        elif act.empty and (span.output is not None or usual.knows(trait)):
            # Without others to compare with, nothing may just not have been recorded.
            words = "gave an empty result"
            reasons_by_step[index] += usual.reason(
                "empty result", words, _WENT_WRONG["empty result"], trait
            )


def _add_parting(
    steps: Sequence[_Step],
    reasons_by_step: list[list[Reason]],
    siblings: Sequence[Sibling],
    wrong: int,
) -> None:
    """Where the run leaves the way of the most similar run that did not fail, as hardly any did."""
    labels = tuple(step.label for step in steps)
    passed = [sibling for sibling in siblings if not sibling.failed and sibling.labels]
    if not labels or not passed:
        return
    most_similar = min(passed, key=lambda sibling: Levenshtein.distance(labels, sibling.labels))
    other = most_similar.labels
    place = _first_parting(labels, other, [sibling.labels for sibling in passed])
    if place is None:
        return
    index, other_index = place
    run = f"the most similar run that did not fail ({most_similar.trace_id[:8]})"
    if index == len(labels):
        words = f"was the last step, where {run} went on with `{other[other_index]}`"
        index -= 1
    elif other_index == len(other):
        words = f"came after the end of {run}"
    elif other[other_index] == labels[index]:
        words = f"came right after `{labels[index - 1]}`, unlike in {run}"
    else:
        words = f"came where {run} took `{other[other_index]}`"
    weight = 1.5 * _part_of(index, wrong)
    reasons_by_step[index].append(Reason("parts", words, weight, most_similar.trace_id))


def _first_parting(
    labels: Sequence[str], other: Sequence[str], passed: Sequence[Sequence[str]]
) -> tuple[int, int] | None:
    """Places in the run and in the other where they part in a way that hardly any passed run took.

    With few passed runs it is where they differ first.
    """
    taken = Counter(pair for one in passed for pair in frozenset(successions(one)))
    most = len(passed) * _HARDLY_ANY if len(passed) >= MIN_RUNS else len(passed)
    own = successions(labels)
    for block in Levenshtein.opcodes(labels, other):
        if block.tag == "equal":
            continue
        # With the step behind them: what was left out shows in what comes next.
        for index in range(block.src_start, block.src_end + 1):
            at_end = index == len(labels)
            other_index = min(block.dest_start + index - block.src_start, block.dest_end)
            if taken[own[index]] <= most and not (at_end and other_index == len(other)):
                return index, other_index
    return None


def _first_wrong(reasons_by_step: Sequence[Sequence[Reason]]) -> int:
    """The first step that went wrong as hardly any does in runs that did not fail."""
    for index, reasons in enumerate(reasons_by_step):
        for reason in reasons:
            if reason.weight >= _HARDLY_SHARED * _WENT_WRONG.get(reason.what, inf):
                return index
    return len(reasons_by_step)


def _part_of(index: int, wrong: int) -> float:
    """What a reason weighs that may have come of a step that went wrong."""
    return 0.5 if index > wrong else 1.0


def _add_telling_steps(
    steps: Sequence[_Step],
    reasons_by_step: list[list[Reason]],
    siblings: Sequence[Sibling],
    wrong: int,
) -> None:
    """Steps that failing runs take and others do not."""
    runs = [(sibling.failed, sibling.labels) for sibling in siblings]
    for index, words, coefficient in telling_steps([step.label for step in steps], runs):
        weight = 2 * coefficient * _part_of(index, wrong)
        reasons_by_step[index].append(Reason("in failing runs", words, weight))
