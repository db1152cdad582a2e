"""Redact traces once more before they leave the machine in a file for others.

Everything was redacted when it was stored; but the user may have added patterns since, or data may
have arrived in an unexpected way. So it is scanned again, as text.
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
    """Traces that may leave the machine, and how many secrets were cut from them."""

    traces: tuple[Trace, ...]
    secrets: int


def leaving(traces: Sequence[Trace], *, metadata_only: bool = False) -> Leaving:
    """The traces without secrets; with `metadata_only`, without content as well."""
    redact, secrets = redactor(), 0
    safe: list[Trace] = []
    for trace in traces:
        if metadata_only:
            trace = _bare(trace)
        if redact is not None:
            text, cuts = redact.json(dump_trace(trace).decode())
            if cuts:
                trace = assembled(*parse_trace(text.encode()))
                secrets += cuts
        safe.append(trace)
    return Leaving(tuple(safe), secrets)


def _bare(trace: Trace) -> Trace:
    return trace._replace(
        outcome_reason=None, extra=EMPTY, spans=tuple(bare(span) for span in trace.spans)
    )
