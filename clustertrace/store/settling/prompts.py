"""What users wrote to begin runs, looked at just behind settling and kept with its habits.

A run that no longer runs is due (`traces.prompt_due`). Two of its spans are read at most: its root,
where an agent is told what to do, and the one that holds its first prompt. The rules of prompts
are loaded with the first that is due: most commands find none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.prompts.templates import Template, used
from clustertrace.prompts.written import LONGEST, written
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_value
from clustertrace.store.settling.setting_aside import each_that_can

__all__ = ["advance", "match_again"]

_DONE: Final = "UPDATE traces SET prompt_due = NULL WHERE trace_id = ?"

_AGAIN: Final = 5_000
"""Newest prompts that a new version of a template is looked for in."""

_DUE: Final = (
    "SELECT trace_id, start_ns, session_id, dead_end, root_span_id, prompt_span_id FROM traces"
    " WHERE prompt_due = 1 LIMIT ?"
)
_SPAN: Final = "SELECT kind, input, output FROM spans WHERE trace_id = ? AND span_id = ?"
_KEPT: Final = "INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def advance(conn: Connection, known: Sequence[Template], limit: int) -> int:
    """Look at the prompts of at most `limit` runs, in the caller's transaction; at how many.

    `known` are the templates that may stand behind them.
    """
    due = {row[0]: row for row in conn.rows(_DUE, (limit,))}
    each_that_can(
        conn,
        list(due),
        lambda some: _note(conn, known, [due[trace_id] for trace_id in some]),
        *("its prompt", _DONE),
    )
    return len(due)


def _note(conn: Connection, known: Sequence[Template], due: Sequence[Sequence[Any]]) -> None:
    """Write down the prompts of these runs."""
    from clustertrace.prompts.habits import VERSION

    rows, without = [], []
    for trace_id, start_ns, session, dead_end, root, first in due:
        text = _text(conn, trace_id, root, first)
        if text is None:
            without.append((trace_id,))
            continue
        found = used(known, text, cut=len(text) >= LONGEST)
        rows.append(
            (
                *(trace_id, start_ns, _hash(session or text), _hash(text), dead_end, VERSION),
                *_habits(conn, trace_id, text),
                *(found or (None, None)),
                text,
            )
        )
    conn.many("DELETE FROM prompts WHERE trace_id = ?", [*without, *(row[:1] for row in rows)])
    conn.many(_KEPT, rows)
    conn.many(_DONE, [row[:1] for row in due])


def match_again(conn: Connection, known: Sequence[Template], template: Template) -> None:
    """Find the newest prompts that were written with a template, in the caller's transaction."""
    rows = conn.rows("SELECT trace_id, text FROM prompts ORDER BY start_ns DESC LIMIT ?", (_AGAIN,))
    changes = []
    for trace_id, text in rows:
        cut = len(text) >= LONGEST
        if used([template], text, cut=cut):
            changes.append((*(used(known, text, cut=cut) or (None, None)), trace_id))
    conn.many(
        "UPDATE prompts SET template_id = ?, template_version = ? WHERE trace_id = ?", changes
    )


def _text(conn: Connection, trace_id: bytes, *span_ids: bytes | None) -> str | None:
    for span_id in dict.fromkeys(span_ids):
        row = conn.row(_SPAN, (trace_id, span_id))
        text = row and written(row[0], json_value(row[1]), json_value(row[2]))
        if text:
            return text
    return None


def _habits(conn: Connection, trace_id: bytes, text: str) -> Sequence[Any]:
    """The bits of a prompt; they are not worked out again when only its run has news."""
    from clustertrace.prompts.habits import VERSION, habits_of

    before = conn.row(
        "SELECT has, lacks FROM prompts WHERE trace_id = ? AND version = ? AND text = ?",
        (trace_id, VERSION, text),
    )
    return before or habits_of(text)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(" ".join(text.split()).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "little", signed=True)
