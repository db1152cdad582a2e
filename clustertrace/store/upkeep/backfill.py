"""Recompute derived data: costs after prices changed, summaries after algorithms changed.

Both go through the database in slices of traces, each in a short transaction, so that a receiver
can write in between. If interrupted, just run it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from clustertrace.model import MODEL_KINDS
from clustertrace.pricing import COST_SOURCE, price_span, unpriced
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SPAN_COLUMNS, json_text, span_of_row
from clustertrace.store.settling import variants
from clustertrace.store.settling.settle import settle_traces
from clustertrace.store.store import Store
from clustertrace.understanding.reports import is_unpriced

__all__ = ["Costs", "Progress", "Signatures", "backfill_costs", "backfill_signatures"]

SLICE: Final = 200
"""Traces per transaction."""

Progress = Callable[[int, int], None]
"""Called with the number of traces done, and the total."""


@dataclass(slots=True)
class Costs:
    """The result for model calls."""

    calls: int = 0
    changed: int = 0
    """Calls whose cost has changed."""
    reported: int = 0
    """Calls that reported their own cost, which is kept."""
    unpriced: int = 0
    """Calls without a known price."""
    added_usd: float = 0.0
    """The change of the total; negative if it shrank."""


@dataclass(slots=True)
class Signatures:
    """The result for traces."""

    traces: int = 0
    changed: int = 0
    """Traces that belong to another pattern now."""


class _Change(NamedTuple):
    trace_id: bytes
    span_id: bytes
    seq: int
    cost_usd: float | None
    attributes: str | None
    """JSON."""
    same_words: bool
    """Whether the text index is not affected."""


def backfill_costs(store: Store, progress: Progress | None = None) -> Costs:
    """Price every model call again that did not report its cost, and update the roll-ups.

    Raises BadSetting if CLUSTERTRACE_PRICING_JSON can't be used, StoreBusy if another program
    holds the database.
    """
    result = Costs()
    for node, trace_ids in _id_slices(store, progress):
        with node.read() as conn:
            changes = list(_cost_changes(conn, trace_ids, result))
        if changes:
            with node.writing() as conn:
                _write_costs(conn, changes)
    return result


def backfill_signatures(store: Store, progress: Progress | None = None) -> Signatures:
    """Summarise every trace again with the current algorithms, and update the roll-ups.

    Raises StoreBusy if another program holds the database.
    """
    result = Signatures()
    for node, trace_ids in _id_slices(store, progress):
        with node.writing() as conn:
            before = _variants_by_trace(conn, trace_ids)
            settle_traces(conn, trace_ids, with_families=False)
            after = _variants_by_trace(conn, trace_ids)
        result.traces += len(after)
        result.changed += sum(before.get(key) != variant for key, variant in after.items())
    for node in store.nodes():
        with node.writing() as conn:
            variants.assign_all_families(conn)
    store.note_all()
    return result


def _id_slices(store: Store, progress: Progress | None) -> Iterator[tuple[Store, list[bytes]]]:
    """The ids of all traces, in slices, with the store that holds them.

    Traces that arrive meanwhile may be left out, since they are current anyway.
    """
    done = 0
    for node in store.nodes():
        last = b""
        while True:
            with store.read() as conn:
                total = conn.value("SELECT count(*) FROM traces") or 0
            with node.read() as conn:
                rows = conn.rows(
                    "SELECT trace_id FROM traces WHERE trace_id > ? ORDER BY trace_id LIMIT ?",
                    (last, SLICE),
                )
            if not rows:
                break
            yield node, [row[0] for row in rows]
            last, done = rows[-1][0], done + len(rows)
            if progress:
                progress(done, max(done, total))


def _variants_by_trace(conn: Connection, trace_ids: Sequence[bytes]) -> dict[bytes, str | None]:
    marks = placeholders(trace_ids)
    sql = f"SELECT trace_id, variant_id FROM traces WHERE trace_id IN ({marks})"
    return {row[0]: row[1] for row in conn.rows(sql, trace_ids)}


def _cost_changes(conn: Connection, trace_ids: Sequence[bytes], result: Costs) -> Iterator[_Change]:
    """The calls of these traces whose cost has changed; adds all calls to `result`."""
    marks = placeholders(trace_ids)
    kinds = placeholders(MODEL_KINDS)
    sql = f"SELECT {SPAN_COLUMNS}, seq FROM spans WHERE trace_id IN ({marks}) AND kind IN ({kinds})"
    params: list[Any] = [*trace_ids, *MODEL_KINDS]
    for row in conn.rows(sql, params):
        before = span_of_row(row)
        after = price_span(unpriced(before))
        result.calls += 1
        result.reported += after.cost_usd is not None and COST_SOURCE not in after.attributes
        result.unpriced += is_unpriced(after)
        if after.cost_usd == before.cost_usd:
            continue
        result.changed += 1
        result.added_usd += (after.cost_usd or 0.0) - (before.cost_usd or 0.0)
        same_words = (COST_SOURCE in before.attributes) == (COST_SOURCE in after.attributes)
        attributes = json_text(after.attributes) if after.attributes else None
        yield _Change(row[0], row[1], row[-1], after.cost_usd, attributes, same_words)


def _write_costs(conn: Connection, changes: Sequence[_Change]) -> None:
    """Write the new costs, except to spans that have changed since they were read."""
    unchanged = [change for change in changes if _current_seq(conn, change) == change.seq]
    conn.texts.forget(conn, [change[:2] for change in unchanged if not change.same_words])
    numbers = conn.numbers(len(unchanged))
    conn.many(
        "UPDATE spans SET cost_usd = ?, attributes = ?, seq = ? WHERE trace_id = ? AND span_id = ?",
        [
            (
                change.cost_usd,
                change.attributes,
                change.seq if change.same_words else number,
                change.trace_id,
                change.span_id,
            )
            for number, change in zip(numbers, unchanged, strict=True)
        ],
    )
    settle_traces(conn, sorted({change.trace_id for change in unchanged}))


def _current_seq(conn: Connection, change: _Change) -> Any:
    return conn.value("SELECT seq FROM spans WHERE trace_id = ? AND span_id = ?", change[:2])
