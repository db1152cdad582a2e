"""What may leave the machine in a file that is meant for others.

Everything was redacted when it was stored; but the user may have added patterns since, or data may
have arrived in a way that nobody thought of. So it is scanned once more, as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clustertrace.assembling import assembled
from clustertrace.content import bare
from clustertrace.exchange.native import dump_trace, parse_trace
from clustertrace.model import EMPTY, Trace
from clustertrace.redaction import redactor

__all__ = ["Leaving", "leaving"]


class Leaving(NamedTuple):
    """Traces as they may leave, and how many secrets were cut out on the way."""

    traces: tuple[Trace, ...]
    secrets: int


def leaving(traces: Sequence[Trace], *, metadata_only: bool = False) -> Leaving:
    """The traces without secrets; with `metadata_only`, without content as well."""
    redact, cut = redactor(), 0
    kept: list[Trace] = []
    for trace in traces:
        if metadata_only:
            trace = _bare(trace)
        if redact is not None:
            text, times = redact.json(dump_trace(trace).decode())
            if times:
                trace = assembled(*parse_trace(text.encode()))
                cut += times
        kept.append(trace)
    return Leaving(tuple(kept), cut)


def _bare(trace: Trace) -> Trace:
    return trace._replace(
        outcome_reason=None, extra=EMPTY, spans=tuple(bare(span) for span in trace.spans)
    )
