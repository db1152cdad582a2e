"""Whether a run that is repeated fails as its recording did: what generated tests ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from clustertrace.assembling import assembled
from clustertrace.exchange.native import parse_trace
from clustertrace.model import Trace, TraceFacts
from clustertrace.patterns.signature import Variant
from clustertrace.replay.running import Rerun, rerun
from clustertrace.summary import summarise
from clustertrace.telling.words import step_text

__all__ = ["Replayed", "replayed", "variant_of"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was repeated, beside its recording."""

    recording: Trace
    trace: Trace | None
    """The new run; None if nothing was recorded."""
    rerun: Rerun

    @property
    def fails_as_recorded(self) -> bool:
        """Whether the run took the recorded steps again, and failed if its root had.

        A run that asks for a call that the recording does not hold went another way.
        """
        if self.rerun.left is not None or self.trace is None:
            return False
        same = variant_of(self.trace).id == variant_of(self.recording).id
        by_itself = self.recording.status == "error"
        return same and (self.trace.failed or not by_itself)

    @property
    def summary(self) -> str:
        """What the run did, in a sentence."""
        if self.trace is None:
            return "The run recorded nothing."
        steps = " → ".join(step_text(step) for step in variant_of(self.trace).steps) or "no steps"
        if self.rerun.left is not None:
            return f"The run went {steps}, then asked for {self.rerun.left!r}, which is new."
        ended = f"failed ({self.rerun.error})" if self.rerun.error else "ended"
        return f"The run went {steps}, and {ended}."


def variant_of(trace: Trace) -> Variant:
    """The pattern that a trace takes."""
    return summarise(trace.spans, TraceFacts(trace.trace_id)).variant


def _recording_of(told: Mapping[str, Any]) -> Trace:
    """A trace from its native keys. Raises BadInput."""
    spans, facts = parse_trace(orjson.dumps(told))
    return assembled(spans, facts)


def replayed(
    entry: Callable[..., Any],
    told: Mapping[str, Any],
    *,
    stub: str | None,
    until: str | None,
) -> Replayed:
    """Run it, as clustertrace.testing.replay says."""
    from clustertrace.testing import capture_traces

    recording = _recording_of(told)
    with capture_traces() as traces:
        result = rerun(entry, recording, stub=stub, until=until)
    new = next((trace for trace in traces if trace.trace_id == result.trace_id), None)
    return Replayed(recording, new, result)
