"""Whether a replayed run fails as its recording did, for generated tests."""

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
    """A replayed run and its recording."""

    recording: Trace
    trace: Trace | None
    """The new run; None if nothing was recorded."""
    rerun: Rerun

    @property
    def fails_as_recorded(self) -> bool:
        """Whether the run took the recorded steps again, and failed if the recorded root had.

        A run that makes a call that the recording does not hold went another way.
        """
        if self.rerun.left is not None or self.trace is None:
            return False
        same_steps = variant_of(self.trace).id == variant_of(self.recording).id
        root_failed = self.recording.status == "error"
        return same_steps and (self.trace.failed or not root_failed)

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
    """The pattern of a trace."""
    return summarise(trace.spans, TraceFacts(trace.trace_id)).variant


def _recording_of(document: Mapping[str, Any]) -> Trace:
    """A trace from its document in the native format. Raises BadInput."""
    spans, facts = parse_trace(orjson.dumps(document))
    return assembled(spans, facts)


def replayed(
    entry: Callable[..., Any],
    document: Mapping[str, Any],
    *,
    stub: str | None,
    until: str | None,
) -> Replayed:
    """Replay a recording; see clustertrace.testing.replay."""
    from clustertrace.testing import capture_traces

    recording = _recording_of(document)
    with capture_traces() as traces:
        result = rerun(entry, recording, stub=stub, until=until)
    trace = next((candidate for candidate in traces if candidate.trace_id == result.trace_id), None)
    return Replayed(recording, trace, result)
