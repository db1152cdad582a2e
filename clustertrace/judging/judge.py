"""Judge runs one after the other, within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clustertrace.asking.models import Model, estimate_usd
from clustertrace.errors import UsageError
from clustertrace.judging.rubric import MAX_TOKENS, SYSTEM, Verdict, prompt_of, verdict_of
from clustertrace.model import Trace
from clustertrace.patterns.statistics import cohen_kappa

__all__ = ["Agreement", "Judged", "Plan", "agreement", "judged", "plan"]


class Plan(NamedTuple):
    """What will be asked, and about what it costs at most."""

    runs: int
    """Runs that fit into the budget."""
    usd: float
    """US dollars for these."""
    left_out: int
    """Runs that do not."""


class Judged(NamedTuple):
    """A run that was asked about."""

    trace: Trace
    verdict: Verdict | None
    """None: the answer held none, and nothing is stored."""
    cost_usd: float


class Agreement(NamedTuple):
    """The model's verdicts beside the user's own."""

    runs: int
    """Runs that both have judged."""
    same: int
    kappa: float | None
    """Cohen's kappa: 1 is agreement, 0 what chance alone would give; None where it is undefined."""


def plan(model: str, traces: Sequence[Trace], rubric: str, budget_usd: float) -> Plan:
    """Which of the runs the budget allows. Raises UsageError for a model without a known price."""
    spent, runs = 0.0, 0
    for trace in traces:
        cost = estimate_usd(model, SYSTEM + prompt_of(trace, rubric), MAX_TOKENS)
        if cost is None:
            raise UsageError(
                f"{model} has no known price, so a budget can't be kept; name its price in "
                "CLUSTERTRACE_PRICING_JSON."
            )
        if spent + cost > budget_usd:
            break
        spent, runs = spent + cost, runs + 1
    return Plan(runs, spent, len(traces) - runs)


def judged(
    model: Model, traces: Sequence[Trace], rubric: str, budget_usd: float
) -> Iterator[Judged]:
    """Ask about each run, and stop before the budget could be passed. Raises ModelError."""
    spent = 0.0
    for trace in traces:
        prompt = prompt_of(trace, rubric)
        most = estimate_usd(model.name, SYSTEM + prompt, MAX_TOKENS)
        if most is None or spent + most > budget_usd:
            return
        answer = model.ask(SYSTEM, prompt, MAX_TOKENS)
        cost = most if answer.cost_usd is None else answer.cost_usd
        spent += cost
        yield Judged(trace, verdict_of(answer.text), cost)


def agreement(found: Sequence[Judged]) -> Agreement:
    """How far the verdicts agree with the outcomes that the user gave."""
    both = [
        (one.verdict.passed, one.trace.outcome == "pass")
        for one in found
        if one.verdict is not None and one.trace.outcome in ("pass", "fail")
    ]
    same = sum(mine == theirs for mine, theirs in both)
    return Agreement(len(both), same, cohen_kappa(both))
