"""The read side: every question that a page, a command or another face asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from sqlalchemy import Connection

from clustertrace.model import Trace
from clustertrace.store.answers import (
    Cluster,
    ClusterPage,
    HitPage,
    MetricSummary,
    Overview,
    TraceFilter,
    TracePage,
)

ClusterOrder = Literal["failed", "count", "failure_rate", "cost_usd", "last_ns"]
TraceOrder = Literal["start_ns", "duration_ns", "cost_usd", "span_count", "name"]


def overview(conn: Connection) -> Overview: ...
def clusters(conn: Connection, *, order: ClusterOrder = "failed", limit: int = 100, offset: int = 0) -> ClusterPage:
    """Patterns, by default most failures first (ties: higher rate, more traces, id)."""
def cluster(conn: Connection, variant: str) -> Cluster:
    """One pattern by its id or a unique beginning of it. Raises NotFound."""
def traces(conn: Connection, where: TraceFilter = TraceFilter(), *, order: TraceOrder = "start_ns", descending: bool = True, limit: int = 50, offset: int = 0) -> TracePage: ...
def trace(conn: Connection, trace_id: str) -> Trace:
    """A whole trace by its id or a unique beginning of it (4 digits or more). Raises NotFound."""
def latest(conn: Connection, *, failed: bool = False) -> str:
    """The id of the newest (failed) trace. Raises NotFound."""
def trace_row(conn: Connection, trace_id: str): ...
def export(conn: Connection, trace_ids: Sequence[str] | None = None) -> Iterator[Trace]:
    """Whole traces, oldest first (ties by id); all of them, or those named."""
def search(conn: Connection, query: str, *, limit: int = 20, offset: int = 0) -> HitPage: ...
def metrics(conn: Connection) -> tuple[MetricSummary, ...]: ...
def tag_keys(conn: Connection) -> tuple[str, ...]: ...
def tag_values(conn: Connection, key: str, limit: int = 100) -> tuple[str, ...]: ...
