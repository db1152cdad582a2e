"""How a replayed run differs from its recording: output, cost, tokens, time."""

from __future__ import annotations

from typing import Any, NamedTuple

from clustertrace.model import Trace, TraceFacts
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.replay.running import Rerun
from clustertrace.summary import summarise
from clustertrace.telling.words import count, counted, duration, spent

__all__ = ["Facts", "asked_model", "facts_of", "sentences"]


class Facts(NamedTuple):
    """A run as a whole."""

    failed: bool
    output: Any
    cost_usd: float
    """US dollars, for the calls with a known price."""
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    duration_ns: int | None


def facts_of(trace: Trace) -> Facts:
    """The facts of a run."""
    summary = summarise(trace.spans, TraceFacts(trace.trace_id))
    return Facts(
        trace.failed,
        root_of(in_order(trace.spans)).output,
        summary.cost_usd,
        summary.unpriced_calls,
        summary.input_tokens,
        summary.output_tokens,
        summary.duration_ns,
    )


def asked_model(trace: Trace, model: str) -> bool:
    """Whether a run was given this model's name as an argument, or called this model."""
    arguments = root_of(in_order(trace.spans)).input
    return (isinstance(arguments, dict) and arguments.get("model") == model) or any(
        model in (span.model, span.attributes.get("gen_ai.request.model")) for span in trace.spans
    )


def sentences(before: Facts, after: Facts, result: Rerun) -> list[str]:
    """One sentence per difference; what is the same is left out, except time."""
    lines = [_ending(before, after, result)]
    if before.output != after.output and result.left is None:
        lines.append("It answered something else.")
    if before.cost_usd != after.cost_usd:
        cost_before, cost_after = (
            spent(facts.cost_usd, facts.unpriced_calls) for facts in (before, after)
        )
        lines.append(f"Cost: {cost_before} before, {cost_after} now.")
    for verb, earlier, later in (
        ("read", before.input_tokens, after.input_tokens),
        ("written", before.output_tokens, after.output_tokens),
    ):
        if earlier != later:
            lines.append(f"Tokens {verb}: {count(earlier)} before, {count(later)} now.")
    lines.append(f"Time: {duration(before.duration_ns)} before, {duration(after.duration_ns)} now.")
    if result.played:
        calls = counted(result.played, "call")
        lines.append(f"The recording answered {calls}, which cost nothing this time.")
    if result.differing:
        steps = ", ".join(map(str, result.differing))
        lines.append(f"With other arguments than recorded: step {steps}.")
    return lines


def _ending(before: Facts, after: Facts, result: Rerun) -> str:
    if result.left is not None:
        return f"The run ends where it asked for {result.left!r}, which is not recorded."
    verdicts = {True: "failed", False: "did not fail"}
    if before.failed == after.failed:
        return (
            f"It {verdicts[after.failed]} again." if after.failed else "It did not fail, as before."
        )
    reason = f" ({result.error})" if result.error else ""
    return f"It {verdicts[before.failed]} before, and {verdicts[after.failed]} now{reason}."
