"""What the user says afterwards, by hand, about runs and patterns: outcome, star, note, tags.

A run is settled in the transaction that changes its outcome or makes a replay of it, so lists,
totals and rules agree at once. What is given by hand is kept apart from what the run itself
reported: later spans, a repeated import and a new summary leave it alone.
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
"""Characters of a note, a reason, or a tag with its key."""

_SLICE: Final = 200
"""Traces in one transaction, so that a receiver goes on writing in between."""

_NO_TRACE: Final = "0" * 32


class TraceWord(NamedTuple):
    """What is said about runs. None leaves a thing as it is, an empty text takes it away."""

    outcome: Outcome | None = None
    """`unknown`: nobody knows, whatever the run said of itself. `own`: what the run says of itself,
    so that what was said by hand is taken back."""
    reason: str | None = None
    """Of the outcome. An outcome that comes without one takes that of the last one away."""
    starred: bool | None = None
    note: str | None = None
    tags: Mapping[str, str] = EMPTY
    """An empty value takes the tag away."""


class PatternWord(NamedTuple):
    """What is said about a pattern. None leaves a thing as it is."""

    expected: bool | None = None
    """Whether its failures are expected."""
    priority: Priority | None = None
    note: str | None = None
    """An empty text takes it away."""


def annotate_traces(store: Store, trace_ids: Sequence[str], word: TraceWord) -> int:
    """Say something about these traces, by their full ids; how many of them there are.

    Two hundred traces are one transaction: one that is broken off can be said again. Raises
    UsageError for a reason without an outcome, an empty key, or what is too long.
    """
    word = _checked(word)
    found = 0
    for some in chunks(dict.fromkeys(trace_ids), _SLICE):
        for part, own in store.split(some):
            with part.writing() as conn:
                found += _write_word(conn, [bytes.fromhex(one) for one in own], word)
    if _changes_numbers(word):
        store.note_all()
    return found


def annotate_pattern(store: Store, pattern: str, word: PatternWord) -> PatternAnnotation:
    """Say something about a pattern, by its full id; all that is said of it now.

    Raises UsageError for a note that is too long.
    """
    note = None if word.note is None else _checked(TraceWord(note=word.note)).note
    with store.writing() as conn:
        before = pattern_annotations(conn, [pattern]).get(pattern, PatternAnnotation())
        now = PatternAnnotation(
            before.expected if word.expected is None else word.expected,
            before.priority if word.priority is None else _stored_priority(word.priority),
            before.note if note is None else note or None,
        )
        conn.run("DELETE FROM variant_annotations WHERE variant_id = ?", (pattern,))
        if now != PatternAnnotation():
            conn.run(
                "INSERT INTO variant_annotations VALUES (?, ?, ?, ?)",
                (pattern, int(now.expected), now.priority, now.note),
            )
    return now


def _stored_priority(priority: Priority) -> Literal["high", "low"] | None:
    return None if priority == "normal" else priority


def _checked(word: TraceWord) -> TraceWord:
    """The word as it may be stored, without secrets."""
    if word.reason and word.outcome in (None, "own"):
        raise UsageError("A reason needs an outcome; say pass, fail or unknown with it.")
    if not all(word.tags):
        raise UsageError("A tag needs a key; write key=value.")
    texts = [word.reason or "", word.note or "", *(key + said for key, said in word.tags.items())]
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
    """A text without what UTF-8 can't hold, as a command line may."""
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
            "DELETE FROM trace_tags WHERE trace_id = ? AND key = ?", [(one, key) for one in keys]
        )
        if value:
            conn.many(
                "INSERT INTO trace_tags VALUES (?, ?, ?, 1)", [(one, key, value) for one in keys]
            )
    if word.outcome is not None:
        given = None if word.outcome == "own" else word.outcome
        _set_columns(conn, keys, "given_outcome = ?, given_reason = ?", given, word.reason or None)
    if _changes_numbers(word):
        settle_traces(conn, keys)
    return len(keys)


def _changes_numbers(word: TraceWord) -> bool:
    """Whether a run counts otherwise from now on: a replay does nowhere."""
    return word.outcome is not None or REPLAY_OF in word.tags


def _set_columns(conn: Connection, keys: Sequence[bytes], assignment: str, *values: object) -> None:
    conn.many(
        f"UPDATE traces SET {assignment} WHERE trace_id = ?", [(*values, one) for one in keys]
    )
