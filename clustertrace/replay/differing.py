"""What a repeated run did differently from its recording: output, cost, tokens, time."""

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
    """US dollars, of the calls that have a price."""
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    duration_ns: int | None


def facts_of(trace: Trace) -> Facts:
    """What a run came to."""
    told = summarise(trace.spans, TraceFacts(trace.trace_id))
    return Facts(
        trace.failed,
        root_of(in_order(trace.spans)).output,
        told.cost_usd,
        told.unpriced_calls,
        told.input_tokens,
        told.output_tokens,
        told.duration_ns,
    )


def asked_model(trace: Trace, model: str) -> bool:
    """Whether a run that was to ask this model was given its name, or asked it."""
    given = root_of(in_order(trace.spans)).input
    return (isinstance(given, dict) and given.get("model") == model) or any(
        model in (span.model, span.attributes.get("gen_ai.request.model")) for span in trace.spans
    )


def sentences(before: Facts, after: Facts, result: Rerun) -> list[str]:
    """The differences, a sentence each; nothing is said of what was the same."""
    told = [_ending(before, after, result)]
    if before.output != after.output and result.left is None:
        told.append("It answered something else.")
    if before.cost_usd != after.cost_usd:
        was, now = (spent(one.cost_usd, one.unpriced_calls) for one in (before, after))
        told.append(f"Cost: {was} before, {now} now.")
    for word, earlier, later in (
        ("read", before.input_tokens, after.input_tokens),
        ("written", before.output_tokens, after.output_tokens),
    ):
        if earlier != later:
            told.append(f"Tokens {word}: {count(earlier)} before, {count(later)} now.")
    told.append(f"Time: {duration(before.duration_ns)} before, {duration(after.duration_ns)} now.")
    if result.played:
        calls = counted(result.played, "call")
        told.append(f"The recording answered {calls}, which cost nothing this time.")
    if result.differing:
        steps = ", ".join(map(str, result.differing))
        told.append(f"With other arguments than recorded: step {steps}.")
    return told


def _ending(before: Facts, after: Facts, result: Rerun) -> str:
    if result.left is not None:
        return f"The run ends where it asked for {result.left!r}, which is not recorded."
    word = {True: "failed", False: "did not fail"}
    if before.failed == after.failed:
        return f"It {word[after.failed]} again." if after.failed else "It did not fail, as before."
    why = f" ({result.error})" if result.error else ""
    return f"It {word[before.failed]} before, and {word[after.failed]} now{why}."
