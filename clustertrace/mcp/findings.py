"""The answers of the tools that judge: rules, reasons, verdicts, comparisons."""

from __future__ import annotations

from typing import Final, Literal, Self

from clustertrace.mcp.answers import Answer
from clustertrace.mcp.bounds import cut
from clustertrace.patterns.alignment import Pair, Place

__all__ = ["Compared", "Comparison", "FailureRules", "Judgement", "Reasons", "RunSide"]

_STEP: Final = 200
"""Characters of a step's name."""


class FailureRule(Answer):
    """A condition that goes along with failing."""

    id: str
    sentence: str
    failed: int
    matched: int
    failure_rate: float
    base_rate: float
    interval: tuple[float, float]
    """95 % interval of the failure rate."""
    p: float
    q: float
    """Corrected for all conditions that were tried (Benjamini–Hochberg)."""
    sample_trace_ids: list[str]


class FailureRules(Answer):
    """What failing runs have in common: associations, not proven causes."""

    runs: int
    failed: int
    left_out_as_expected: int
    """Runs that failed as expected; they are not among `runs`."""
    base_rate: float | None
    tried: int
    """Conditions that were tried."""
    rules: list[FailureRule]
    tags_tried: int
    """Conditions on tags that were tried, apart from these."""
    tag_rules: list[FailureRule]
    """Whose runs fail: a tag may also be a label that runs got for how they went."""
    why_none: str | None = None
    more_runs: int | None = None
    """About how many more runs it would take to show something."""


class Broken(Answer):
    """A step, and in how many runs it has a part in the failure."""

    step: str
    runs: int


class Difference(Answer):
    """What failed runs did more often than those that did not fail, up to where they failed."""

    sentence: str
    failed: int
    all_failed: int
    passed: int
    all_passed: int
    p: float
    q: float
    evidence_trace_ids: list[str]
    contrast_trace_ids: list[str]


class Parting(Answer):
    """The step at which the chance of failing jumps most."""

    sentence: str
    after: list[str]
    step: str | None
    """None: the run ended there."""
    failed: int
    runs: int
    other_failed: int
    other_runs: int
    p: float


class Reasons(Answer):
    """What goes along with a pattern's failures."""

    pattern: str
    name: str
    failed: int
    population: str
    """The runs that were compared: of the same pattern, family or root name."""
    tried: int
    broke_at: list[Broken]
    raised_after: list[Broken]
    """Steps that worked and after which the runs' own code ended them with an error."""
    differences: list[Difference]
    divergence: Parting | None
    why_none: str | None = None
    more_runs: int | None = None


class SideCount(Answer):
    """The finished runs of one side."""

    failed: int
    runs: int
    rate: float
    sample_trace_ids: list[str]
    """Some of them, the newest."""


class Judgement(Answer):
    """Whether a change helped."""

    word: Literal["improved", "worse", "no evidence"]
    sentence: str
    by: str
    """Only runs with the same one of these are compared."""
    before: SideCount
    after: SideCount
    difference: float
    """Failure rate after minus before; negative is better."""
    interval: tuple[float, float]
    p: float
    strata: int
    runs_compared: int
    smallest: float | None
    """The smallest difference that this many runs would usually show."""


class RunSide(Answer):
    """One of two runs."""

    trace_id: str
    name: str
    failed: bool
    steps: int


class StepSide(Answer):
    """A step on one side."""

    step: str
    span_id: str | None

    @classmethod
    def of(cls, place: Place | None) -> Self | None:
        """The step at that place, if there is one."""
        if place is None:
            return None
        return cls(step=cut(place.label, _STEP), span_id=place.span.span_id if place.span else None)


class Compared(Answer):
    """Two steps that correspond to each other."""

    what: Literal["same", "changed", "inserted", "deleted"]
    a: StepSide | None
    b: StepSide | None
    first_divergence: bool
    input_differs: bool
    output_differs: bool

    @classmethod
    def of(cls, row: Pair) -> Self:
        """A row of an alignment."""
        return cls(
            what=row.what,
            a=StepSide.of(row.left),
            b=StepSide.of(row.right),
            first_divergence=row.first_divergence,
            input_differs=row.input_differs,
            output_differs=row.output_differs,
        )


class Comparison(Answer):
    """Two runs, step by step."""

    sentence: str
    a: RunSide
    b: RunSide
    same_steps: bool
    rows: list[Compared]
    total_rows: int
    next_cursor: str | None
