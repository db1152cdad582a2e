"""Runs of the same agent: those of the same pattern first, then of its family, then the rest.

However many runs there are, only a fixed number of patterns and runs is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from clustertrace.model import Span, Trace
from clustertrace.patterns.suspects import Sibling, Suspect, labels_of, suspects
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SLIM_COLUMNS, slim_span

__all__ = ["LEVELS", "Level", "Relative", "relatives", "siblings", "suspects_of"]

Level = Literal["pattern", "family", "name"]
"""What a run shares with another: its pattern, its family, or only the root's name."""

LEVELS: Final[tuple[Level, ...]] = ("pattern", "family", "name")

_PATTERNS_A_LEVEL: Final = 200
"""Patterns of each level that runs are taken from."""
_SIBLING_LIMIT: Final = 60
"""Failed runs, and passed runs, that a run is compared with."""
_MAX_SPANS: Final = 5_000
"""Spans of a run that is compared with others; a longer one would cost more than it says."""


class Relative(NamedTuple):
    """A finished run of the same agent."""

    trace_id: str
    failed: bool
    level: Level


def relatives(conn: Connection, variant: str, *, failed: bool, limit: int) -> tuple[Relative, ...]:
    """Runs that failed, or that did not, nearest level first, within a level newest first."""
    relatives_by_id: dict[bytes, Relative] = {}
    for level, variants in zip(LEVELS, _patterns_by_level(conn, variant), strict=True):
        rows: list[tuple[int, bytes]] = []
        for pattern in variants:
            rows += conn.rows(
                "SELECT start_ns, trace_id FROM traces WHERE variant_id = ? AND failed = ? "
                f"AND span_count <= {_MAX_SPANS} ORDER BY start_ns DESC LIMIT ?",
                (pattern, int(failed), limit - len(relatives_by_id)),
            )
        for _, key in sorted(rows, reverse=True)[: limit - len(relatives_by_id)]:
            relatives_by_id[key] = Relative(key.hex(), failed, level)
        if len(relatives_by_id) >= limit:
            break
    return tuple(relatives_by_id.values())


def _patterns_by_level(conn: Connection, variant: str) -> tuple[list[str], list[str], list[str]]:
    """The pattern itself, the others of its family, and those of other families of the name."""
    row = conn.row("SELECT name, family_id FROM variants WHERE variant_id = ?", (variant,))
    if row is None:
        return [], [], []
    name, family = row
    family_rows = conn.rows(
        "SELECT variant_id FROM variants WHERE family_id = ? AND variant_id <> ? LIMIT ?",
        (family, variant, _PATTERNS_A_LEVEL),
    )
    name_rows = conn.rows(
        "SELECT variant_id FROM families JOIN variants USING (family_id) WHERE families.name = ?"
        " AND family_id <> ? LIMIT ?",
        (name, family, _PATTERNS_A_LEVEL),
    )
    return [variant], [row[0] for row in family_rows], [row[0] for row in name_rows]


def siblings(conn: Connection, trace_id: str, variant: str | None) -> tuple[Sibling, ...]:
    """Other runs to compare a run with, most alike first; none without a pattern."""
    if variant is None:
        return ()
    nearest = [
        relative
        for failed in (True, False)
        for relative in relatives(conn, variant, failed=failed, limit=_SIBLING_LIMIT + 1)
        if relative.trace_id != trace_id
    ]
    spans = _slim_spans(conn, [relative.trace_id for relative in nearest])
    return tuple(
        Sibling(relative.trace_id, relative.failed, labels_of(spans[relative.trace_id]))
        for relative in nearest
    )


def suspects_of(conn: Connection, whole: Trace) -> tuple[Suspect, ...]:
    """Where a failed run broke, judged beside its siblings; nothing for one that did not fail."""
    if not whole.failed:
        return ()
    variant = conn.value(
        "SELECT variant_id FROM traces WHERE trace_id = ?", (bytes.fromhex(whole.trace_id),)
    )
    return suspects(whole.spans, siblings(conn, whole.trace_id, variant))


def _slim_spans(conn: Connection, trace_ids: Sequence[str]) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = defaultdict(list)
    marks = placeholders(trace_ids)
    for row in conn.rows(
        f"SELECT {SLIM_COLUMNS} FROM spans WHERE trace_id IN ({marks})",
        [bytes.fromhex(trace_id) for trace_id in trace_ids],
    ):
        spans[row[0].hex()].append(slim_span(row))
    return spans
