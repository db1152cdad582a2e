"""`judge`: a model's verdict on runs, against a rubric and within a budget."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, plain, print_json, stdout
from clustertrace.errors import ClustertraceError, NotFound, UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import counted, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustertrace.judging.judge import Judged, Plan
    from clustertrace.judging.rubric import Verdict
    from clustertrace.model import Trace
    from clustertrace.store.store import Store

__all__ = ["METRIC", "judge"]

METRIC = "judge"
"""The metric that keeps a verdict: 1 passed, 0 failed."""


@command(
    "judge",
    "clustertrace judge 9c41d2 --rubric 'The answer names its source.' --max-cost-usd 0.20",
    "clustertrace judge --where 'since:1d outcome:none' --rubric rubric.md --set-outcome",
)
def judge(
    pattern: Annotated[
        str | None,
        typer.Argument(help="Only runs of this pattern. Default: all.", show_default=False),
    ] = None,
    rubric: Annotated[
        str, typer.Option(metavar="TEXT|FILE", help="What a run must do to pass.")
    ] = "The output does what the input asks for, and claims nothing that the steps do not show.",
    where: Annotated[
        str | None, typer.Option(metavar="FILTER", help="Only these runs.", show_default=False)
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many of the newest runs to judge.")
    ] = 20,
    max_cost_usd: Annotated[
        float, typer.Option(min=0, help="Stop before spending more than this, in US dollars.")
    ] = 0.50,
    model: Annotated[
        str, typer.Option(help="A model from Anthropic or OpenAI.")
    ] = "claude-haiku-4-5",
    set_outcome: Annotated[
        bool,
        typer.Option("--set-outcome", help="Also set the outcome of runs that have none."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, without asking the model.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Let a model judge runs against a rubric.

    The content of the runs is sent to Anthropic or OpenAI, with your key. Verdicts are stored as
    the metric `judge`; an answer without a verdict stores nothing. Where you have set outcomes
    yourself, says how well the two agree (Cohen's kappa). Exit code 1: there was nothing to judge,
    or no answer contained a verdict.
    """
    from clustertrace.asking.models import model_of
    from clustertrace.judging import judge as judging

    if not math.isfinite(max_cost_usd):
        raise UsageError("--max-cost-usd is a number of US dollars, such as 0.50.")
    rubric_text = _read_rubric(rubric)
    with reading(db) as store:
        traces = _newest_runs(store, pattern, where, samples)
        planned = judging.plan(model, traces, rubric_text, max_cost_usd)
        left_out_words = (
            f", {planned.left_out:,} more would exceed the budget" if planned.left_out else ""
        )
        note(
            f"{counted(planned.runs, 'run')} to judge with {model}, at most about "
            f"{money(planned.usd)} of {money(max_cost_usd)}{left_out_words}."
        )
        judged: list[Judged] = []
        if not dry_run and planned.runs:
            asking = model_of(model)
            try:
                for result in judging.judged(asking, traces, rubric_text, max_cost_usd):
                    _store_verdict(store, result, model, set_outcome=set_outcome)
                    judged.append(result)
            except ClustertraceError:
                if judged:
                    # What was paid for and kept is told, whatever ends the judging.
                    _report(judged, planned, dry_run=dry_run, as_json=as_json)
                raise
    _report(judged, planned, dry_run=dry_run, as_json=as_json)
    if not planned.runs or (judged and all(one.verdict is None for one in judged)):
        raise typer.Exit(1)


_FILE: Final = re.compile(r"\S+\.(?:md|txt|markdown|rst)|[~.]{0,2}/\S+")
"""One word that names a file: as a rubric it would be paid for and judge nothing."""


def _read_rubric(argument: str) -> str:
    """The text, or what the file of that name holds."""
    try:
        path = Path(argument)
        text = path.read_text("utf-8") if path.is_file() else argument
    except (OSError, ValueError):
        text = argument
    if not text.strip():
        raise UsageError("The rubric is empty; say what a run must do to pass.")
    if text == argument and _FILE.fullmatch(argument):
        raise UsageError(
            f"There is no file {argument}; check its name, or write the rubric itself."
        )
    return text


def _newest_runs(store: Store, pattern: str | None, where: str | None, samples: int) -> list[Trace]:
    from clustertrace.filters import parse_chosen
    from clustertrace.filters.tree import And, Filter, Match, Not
    from clustertrace.store import queries

    with store.read() as conn:
        parts: list[Filter] = [Not(Match("status", "running")), Not(Match("status", "incomplete"))]
        if pattern is not None:
            parts.append(Match("pattern", queries.cluster(conn, pattern).id))
        if where is not None:
            parts.append(parse_chosen(where))
        rows = queries.traces(conn, And(tuple(parts)), limit=samples).rows
        if not rows:
            raise NotFound("No finished run matches; widen the filter or name another pattern.")
        return [queries.trace(conn, row.trace_id) for row in rows]


def _store_verdict(store: Store, judged: Judged, model: str, *, set_outcome: bool) -> None:
    """Keep a verdict, if there is one."""
    from clustertrace.model import Batch, Metric, TraceFacts
    from clustertrace.store.user_entries import annotations

    if judged.verdict is None:
        return
    metric = Metric(METRIC, float(judged.verdict.passed), time.time_ns())
    store.write(Batch([], [TraceFacts(judged.trace.trace_id, metrics=(metric,))]))
    if set_outcome and judged.trace.outcome is None:
        edit = annotations.TraceEdit(
            outcome=_outcome_of(judged.verdict),
            reason=f"{model}: {judged.verdict.reason}"[:1_000],
        )
        annotations.annotate_traces(store, [judged.trace.trace_id], edit)


def _report(judged: Sequence[Judged], planned: Plan, *, dry_run: bool, as_json: bool) -> None:
    from clustertrace.judging.judge import agreement

    agreed = agreement(judged)
    spent = sum(result.cost_usd for result in judged)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "planned": planned._asdict(),
                "spent_usd": spent,
                "verdicts": [_verdict_document(result) for result in judged],
                "agreement": agreed._asdict(),
            }
        )
        return
    for result in judged:
        stdout().print(plain(_verdict_line(result)))
    if judged:
        note(f"Spent {money(spent)}.")
    if agreed.runs:
        kappa = "undefined" if agreed.kappa is None else f"{agreed.kappa:.2f}"
        note(
            f"Of {counted(agreed.runs, 'run')} with your own outcome, {agreed.same:,} agree "
            f"(Cohen's kappa {kappa}; 1 is agreement, 0 is chance)."
        )


def _verdict_document(judged: Judged) -> dict[str, Any]:
    verdict = judged.verdict
    return {
        "trace_id": judged.trace.trace_id,
        "verdict": None if verdict is None else _outcome_of(verdict),
        "reason": None if verdict is None else verdict.reason,
        "outcome": judged.trace.outcome,
    }


def _verdict_line(judged: Judged) -> str:
    word, reason = "no verdict", "the answer has none; nothing is stored"
    if judged.verdict is not None:
        word = "pass" if judged.verdict.passed else "FAIL"
        reason = judged.verdict.reason
    return f"{word:10}  {judged.trace.trace_id[:12]}  {reason}"


def _outcome_of(verdict: Verdict) -> Literal["pass", "fail"]:
    return "pass" if verdict.passed else "fail"
