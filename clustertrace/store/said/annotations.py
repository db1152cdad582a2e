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
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.annotating import pattern_annotations
from clustertrace.store.settling.settle import settle_traces
from clustertrace.store.store import Store
from clustertrace.store.writing.intake import policy
from clustertrace.store.writing.writer import chunks

__all__ = [
    "Outcome",
    "PatternWord",
    "Priority",
    "TraceWord",
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


class TraceWord(NamedTuple):
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


class PatternWord(NamedTuple):
    """Changes to the annotations of a pattern. None changes nothing."""

    expected: bool | None = None
    """Whether its failures are expected."""
    priority: Priority | None = None
    note: str | None = None
    """An empty text removes it."""


def annotate_traces(store: Store, trace_ids: Sequence[str], word: TraceWord) -> int:
    """Annotate traces, given by their full ids; returns how many of them exist.

    Uses a transaction per 200 traces, so that an interrupted call can be repeated. Raises
    UsageError for a reason without an outcome, an empty key, or a text that is too long.
    """
    word = _checked(word)
    count = 0
    for batch in chunks(dict.fromkeys(trace_ids), _SLICE):
        for node, node_ids in store.split(batch):
            with node.writing() as conn:
                count += _write_word(conn, [bytes.fromhex(trace_id) for trace_id in node_ids], word)
    if _changes_numbers(word):
        store.note_all()
    return count


def annotate_pattern(store: Store, pattern: str, word: PatternWord) -> PatternAnnotation:
    """Annotate a pattern, given by its full id; returns all its annotations.

    Raises UsageError for a note that is too long.
    """
    note = None if word.note is None else _checked(TraceWord(note=word.note)).note
    with store.writing() as conn:
        before = pattern_annotations(conn, [pattern]).get(pattern, PatternAnnotation())
        after = PatternAnnotation(
            before.expected if word.expected is None else word.expected,
            before.priority if word.priority is None else _stored_priority(word.priority),
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


def _checked(word: TraceWord) -> TraceWord:
    """The annotations, validated and without secrets."""
    if word.reason and word.outcome in (None, "own"):
        raise UsageError("A reason needs an outcome; say pass, fail or unknown with it.")
    if not all(word.tags):
        raise UsageError("A tag needs a key; write key=value.")
    texts = [word.reason or "", word.note or "", *(key + value for key, value in word.tags.items())]
    if max(map(len, texts)) > LONGEST:
        raise UsageError(f"That is longer than {LONGEST:,} characters; shorten it.")
    fact = TraceFacts(
        _NO_TRACE,
        outcome_reason=word.reason and _clean(word.reason),
        note=word.note and _clean(word.note),
        tags={_clean(key): _clean(value) for key, value in word.tags.items()},
        by_hand=True,
    )
    fact = policy().facts(fact)
    return word._replace(reason=fact.outcome_reason, note=fact.note, tags=fact.tags)


def _clean(text: str) -> str:
    """A text without characters that UTF-8 can't encode, which command lines may have."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _write_word(conn: Connection, keys: Sequence[bytes], word: TraceWord) -> int:
    marks = placeholders(keys)
    sql = f"SELECT trace_id FROM traces WHERE trace_id IN ({marks}) AND start_ns IS NOT NULL"
    keys = [row[0] for row in conn.rows(sql, keys)]
    if word.starred is not None:
        _set_columns(conn, keys, "starred = ?", 1 if word.starred else None)
    if word.note is not None:
        _set_columns(conn, keys, "note = ?", word.note or None)
    for key, value in word.tags.items():
        conn.many(
            "DELETE FROM trace_tags WHERE trace_id = ? AND key = ?",
            [(trace_key, key) for trace_key in keys],
        )
        if value:
            conn.many(
                "INSERT INTO trace_tags VALUES (?, ?, ?, 1)",
                [(trace_key, key, value) for trace_key in keys],
            )
    if word.outcome is not None:
        outcome = None if word.outcome == "own" else word.outcome
        _set_columns(
            conn, keys, "given_outcome = ?, given_reason = ?", outcome, word.reason or None
        )
    if _changes_numbers(word):
        settle_traces(conn, keys)
    return len(keys)


def _changes_numbers(word: TraceWord) -> bool:
    """Whether totals change: by an outcome, or by marking a replay, which is not counted."""
    return word.outcome is not None or REPLAY_OF in word.tags


def _set_columns(conn: Connection, keys: Sequence[bytes], assignment: str, *values: object) -> None:
    conn.many(
        f"UPDATE traces SET {assignment} WHERE trace_id = ?",
        [(*values, trace_key) for trace_key in keys],
    )
