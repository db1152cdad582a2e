"""Judge runs one by one, within a budget."""

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
    """How many runs will be judged, and the estimated maximum cost."""

    runs: int
    """How many runs fit into the budget."""
    usd: float
    """The maximum cost of these, US dollars."""
    left_out: int
    """How many runs do not fit."""


class Judged(NamedTuple):
    """A run, and the model's judgement of it."""

    trace: Trace
    verdict: Verdict | None
    """None if the answer had none, in which case nothing is stored."""
    cost_usd: float


class Agreement(NamedTuple):
    """How far the model's verdicts agree with the user's."""

    runs: int
    """How many runs both have judged."""
    same: int
    kappa: float | None
    """Cohen's kappa: 1 is full agreement, 0 agreement by chance; None where undefined."""


def plan(model: str, traces: Sequence[Trace], rubric: str, budget_usd: float) -> Plan:
    """How many runs the budget allows. Raises UsageError for a model without a known price."""
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
    """Judge each run, and stop before the budget could be exceeded. Raises ModelError."""
    spent = 0.0
    for trace in traces:
        prompt = prompt_of(trace, rubric)
        max_cost = estimate_usd(model.name, SYSTEM + prompt, MAX_TOKENS)
        if max_cost is None or spent + max_cost > budget_usd:
            return
        answer = model.ask(SYSTEM, prompt, MAX_TOKENS)
        cost = max_cost if answer.cost_usd is None else answer.cost_usd
        spent += cost
        yield Judged(trace, verdict_of(answer.text), cost)


def agreement(judgements: Sequence[Judged]) -> Agreement:
    """Compare the verdicts with the outcomes that the user set."""
    pairs = [
        (judged.verdict.passed, judged.trace.outcome == "pass")
        for judged in judgements
        if judged.verdict is not None and judged.trace.outcome in ("pass", "fail")
    ]
    same = sum(by_model == by_user for by_model, by_user in pairs)
    return Agreement(len(pairs), same, cohen_kappa(pairs))
