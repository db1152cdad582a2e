"""The user's annotations of runs and patterns: outcome, star, note, tags.

A run is settled in the transaction that changes its outcome or marks it as a replay, so that lists,
totals and rules agree at once. Annotations are stored apart from what the run itself reported:
later spans, repeated imports and new summaries do not change them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.model import EMPTY, REPLAY_OF, TraceFacts
from clustertrace.store.answers import PatternAnnotation
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.settling.settle import settle_traces
from clustertrace.store.store import Store
from clustertrace.store.writing.intake import policy

__all__ = [
    "Outcome",
    "PatternEdit",
    "Priority",
    "TraceEdit",
    "annotate_pattern",
    "annotate_traces",
]

Outcome = Literal["pass", "fail", "unknown", "own"]
Priority = Literal["high", "normal", "low"]

LONGEST: Final = 10_000
"""Maximum characters of a note, of a reason, and of a tag with its key."""

_SLICE: Final = 200
"""Traces per transaction, so that a receiver can write in between."""

_NO_TRACE: Final = "0" * 32


class TraceEdit(NamedTuple):
    """Changes to the annotations of runs. None changes nothing, an empty text removes a value."""

    outcome: Outcome | None = None
    """`unknown`: nobody knows, whatever the run itself reported. `own`: back to what the run itself
    reported."""
    reason: str | None = None
    """The reason of the outcome; an outcome without one removes the previous reason."""
    starred: bool | None = None
    note: str | None = None
    tags: Mapping[str, str] = EMPTY
    """An empty value removes the tag."""


class PatternEdit(NamedTuple):
    """Changes to the annotations of a pattern. None changes nothing."""

    expected: bool | None = None
    """Whether its failures are expected."""
    priority: Priority | None = None
    note: str | None = None
    """An empty text removes it."""


def annotate_traces(store: Store, trace_ids: Sequence[str], edit: TraceEdit) -> int:
    """Annotate traces, given by their full ids; returns how many of them exist.

    Uses a transaction per 200 traces, so that an interrupted call can be repeated. Raises
    UsageError for a reason without an outcome, an empty key, or a text that is too long.
    """
    edit = _checked(edit)
    count = 0
    for batch in chunks(dict.fromkeys(trace_ids), _SLICE):
        for node, node_ids in store.split(batch):
            with node.writing() as conn:
                count += _write_edit(conn, [bytes.fromhex(trace_id) for trace_id in node_ids], edit)
    if _changes_numbers(edit):
        store.note_all()
    return count


def annotate_pattern(store: Store, pattern: str, edit: PatternEdit) -> PatternAnnotation:
    """Annotate a pattern, given by its full id; returns all its annotations.

    Raises UsageError for a note that is too long.
    """
    note = None if edit.note is None else _checked(TraceEdit(note=edit.note)).note
    with store.writing() as conn:
        before = pattern_annotations(conn, [pattern]).get(pattern, PatternAnnotation())
        after = PatternAnnotation(
            before.expected if edit.expected is None else edit.expected,
            before.priority if edit.priority is None else _stored_priority(edit.priority),
            before.note if note is None else note or None,
        )
        conn.run("DELETE FROM variant_annotations WHERE variant_id = ?", (pattern,))
        if after != PatternAnnotation():
            conn.run(
                "INSERT INTO variant_annotations VALUES (?, ?, ?, ?)",
                (pattern, int(after.expected), after.priority, after.note),
            )
    return after


def _stored_priority(priority: Priority) -> Literal["high", "low"] | None:
    return None if priority == "normal" else priority


def _checked(edit: TraceEdit) -> TraceEdit:
    """The edit, validated and without secrets."""
    if edit.reason and edit.outcome in (None, "own"):
        raise UsageError("A reason needs an outcome; say pass, fail or unknown with it.")
    if not all(edit.tags):
        raise UsageError("A tag needs a key; write key=value.")
    texts = [edit.reason or "", edit.note or "", *(key + value for key, value in edit.tags.items())]
    if max(map(len, texts)) > LONGEST:
        raise UsageError(f"That is longer than {LONGEST:,} characters; shorten it.")
    fact = TraceFacts(
        _NO_TRACE,
        outcome_reason=edit.reason and _clean(edit.reason),
        note=edit.note and _clean(edit.note),
        tags={_clean(key): _clean(value) for key, value in edit.tags.items()},
        by_hand=True,
    )
    fact = policy().facts(fact)
    return edit._replace(reason=fact.outcome_reason, note=fact.note, tags=fact.tags)


def _clean(text: str) -> str:
    """A text without characters that UTF-8 can't encode, which command lines may have."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _write_edit(conn: Connection, keys: Sequence[bytes], edit: TraceEdit) -> int:
    marks = placeholders(keys)
    sql = f"SELECT trace_id FROM traces WHERE trace_id IN ({marks}) AND start_ns IS NOT NULL"
    keys = [row[0] for row in conn.rows(sql, keys)]
    if edit.starred is not None:
        _set_columns(conn, keys, "starred = ?", 1 if edit.starred else None)
    if edit.note is not None:
        _set_columns(conn, keys, "note = ?", edit.note or None)
    for key, value in edit.tags.items():
        conn.many(
            "DELETE FROM trace_tags WHERE trace_id = ? AND key = ?",
            [(trace_key, key) for trace_key in keys],
        )
        if value:
            conn.many(
                "INSERT INTO trace_tags VALUES (?, ?, ?, 1)",
                [(trace_key, key, value) for trace_key in keys],
            )
    if edit.outcome is not None:
        outcome = None if edit.outcome == "own" else edit.outcome
        _set_columns(
            conn, keys, "given_outcome = ?, given_reason = ?", outcome, edit.reason or None
        )
    if _changes_numbers(edit):
        settle_traces(conn, keys)
    return len(keys)


def _changes_numbers(edit: TraceEdit) -> bool:
    """Whether totals change: by an outcome, or by marking a replay, which is not counted."""
    return edit.outcome is not None or REPLAY_OF in edit.tags


def _set_columns(conn: Connection, keys: Sequence[bytes], assignment: str, *values: object) -> None:
    conn.many(
        f"UPDATE traces SET {assignment} WHERE trace_id = ?",
        [(*values, trace_key) for trace_key in keys],
    )
