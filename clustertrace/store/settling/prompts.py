"""What users wrote to begin runs, looked at just behind settling and kept with its habits.

A run that no longer runs is due (`traces.prompt_due`). Two of its spans are read at most: its root,
where an agent is told what to do, and the one that holds its first prompt. The rules of prompts
are loaded with the first that is due: most commands find none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.prompts.templates import Template, used
from clustertrace.prompts.written import LONGEST, written
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import USERS_WORDS, json_value
from clustertrace.store.settling.setting_aside import each_that_can

__all__ = ["advance", "match_again"]

_CLEAR_DUE: Final = "UPDATE traces SET prompt_due = NULL WHERE trace_id = ?"

_REMATCHED: Final = 5_000
"""Newest prompts that a new version of a template is looked for in."""

_SELECT_DUE: Final = (
    "SELECT t.trace_id, t.start_ns, t.session_id, t.dead_end, t.root_span_id, t.prompt_span_id,"
    f" {USERS_WORDS} FROM traces t LEFT JOIN spans s ON s.trace_id = t.trace_id"
    " AND s.span_id = t.root_span_id WHERE t.prompt_due = 1 LIMIT ?"
)
"""What is due, with the payload of the roots: there most prompts stand."""

_SELECT_PROMPT_SPAN: Final = f"SELECT {USERS_WORDS} FROM spans WHERE trace_id = ? AND span_id = ?"
_INSERT_PROMPT: Final = "INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def advance(conn: Connection, templates: Sequence[Template], limit: int) -> int:
    """Look at the prompts of at most `limit` runs, in the caller's transaction; at how many.

    `templates` are the templates that may stand behind them.
    """
    due = {row[0]: row for row in conn.rows(_SELECT_DUE, (limit,))}

    def record(trace_ids: Sequence[bytes]) -> None:
        _record_runs(conn, templates, [due[trace_id] for trace_id in trace_ids])

    each_that_can(conn, list(due), record, "its prompt", _CLEAR_DUE)
    return len(due)


def _record_runs(
    conn: Connection, templates: Sequence[Template], due: Sequence[Sequence[Any]]
) -> None:
    """Write down the prompts of these runs."""
    from clustertrace.prompts.habits import VERSION, habits_of

    rows, without_prompt = [], []
    stored_habits = _stored_habits(conn, [row[0] for row in due])
    for trace_id, start_ns, session, dead_end, root, prompt_span, *payload in due:
        text = _prompt_text(payload)
        if text is None and prompt_span != root:
            text = _prompt_text(conn.row(_SELECT_PROMPT_SPAN, (trace_id, prompt_span)))
        if text is None:
            without_prompt.append((trace_id,))
            continue
        match_, text_hash = used(templates, text, cut=len(text) >= LONGEST), _text_hash(text)
        kin = _text_hash(session) if session else text_hash
        rows.append(
            (
                *(trace_id, start_ns, kin, text_hash, dead_end, VERSION),
                *(stored_habits.get((trace_id, text)) or habits_of(text)),
                *(match_ or (None, None)),
                text,
            )
        )
    conn.many(
        "DELETE FROM prompts WHERE trace_id = ?", [*without_prompt, *(row[:1] for row in rows)]
    )
    conn.many(_INSERT_PROMPT, rows)
    conn.many(_CLEAR_DUE, [row[:1] for row in due])


def match_again(conn: Connection, templates: Sequence[Template], template: Template) -> None:
    """Find the newest prompts that were written with a template, in the caller's transaction."""
    rows = conn.rows(
        "SELECT trace_id, text FROM prompts ORDER BY start_ns DESC LIMIT ?", (_REMATCHED,)
    )
    changes = []
    for trace_id, text in rows:
        cut = len(text) >= LONGEST
        if used([template], text, cut=cut):
            changes.append((*(used(templates, text, cut=cut) or (None, None)), trace_id))
    conn.many(
        "UPDATE prompts SET template_id = ?, template_version = ? WHERE trace_id = ?", changes
    )


def _prompt_text(payload: Sequence[Any] | None) -> str | None:
    """What a user wrote in a span, told by its `USERS_WORDS`."""
    if payload is None:
        return None
    kind, given, result = payload
    return written(kind, json_value(given), json_value(result))


def _stored_habits(
    conn: Connection, trace_ids: Sequence[bytes]
) -> Mapping[tuple[bytes, str], tuple[int, int]]:
    """The bits of prompts, which are not worked out again when only their runs have news."""
    from clustertrace.prompts.habits import VERSION

    # Not by version: nearly all have the same.
    rows = conn.rows(
        "SELECT trace_id, text, has, lacks, version FROM prompts"
        f" WHERE trace_id IN ({placeholders(trace_ids)})",
        trace_ids,
    )
    return {
        (trace_id, text): (has, lacks)
        for trace_id, text, has, lacks, version in rows
        if version == VERSION
    }


def _text_hash(text: str) -> int:
    digest = hashlib.blake2b(" ".join(text.split()).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "little", signed=True)
