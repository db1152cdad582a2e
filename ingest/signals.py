"""OTLP's three signals, over HTTP or gRPC: decoded in slices, each of which is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from clustertrace.conventions.otlp.logs import logs_of_json, logs_of_protobuf
from clustertrace.conventions.otlp.metrics import metrics_of_json, metrics_of_protobuf
from clustertrace.conventions.otlp.traces import Received, slices_of_json, slices_of_protobuf
from clustertrace.ingest.committer import Committer

__all__ = ["SIGNALS", "SLICE", "Decode", "Signal", "keep"]

SLICE: Final = 1_000
"""Spans or records decoded and committed at a time, so large requests don't block or use memory."""

Decode = Callable[[bytes | bytearray, int], Iterator[Received]]


class Signal(NamedTuple):
    """The decoders for one kind of telemetry."""

    of_protobuf: Decode
    of_json: Decode


SIGNALS: Final[Mapping[str, Signal]] = {
    "traces": Signal(slices_of_protobuf, slices_of_json),
    "logs": Signal(logs_of_protobuf, logs_of_json),
    "metrics": Signal(metrics_of_protobuf, metrics_of_json),
}


async def keep(committer: Committer, slices: Iterator[Received]) -> list[str]:
    """Store all slices; returns the reason for each span or record that was not stored.

    Raises BadInput as the decoder does, and what the committer raises.
    """
    reasons: list[str] = []
    for received in slices:
        if received.batch.spans or received.batch.logs:
            await committer.commit(received.batch)
        reasons += [*received.rejected, *received.left]
        committer.rejected += len(received.rejected)
    return reasons
