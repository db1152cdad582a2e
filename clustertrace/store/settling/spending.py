"""What each settled run adds to the roll-up of money, and leaves to the next of its session.

The first call of a run goes on with the conversation of the session's run before, so what it
carried and missed depends on that one. When that one's end changes, the run after it is settled
again; its own end stays, so this goes no further.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from clustertrace.model import NS_PER_DAY, Span
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import json_text, json_value
from clustertrace.store.writing import news
from clustertrace.summary import Summary
from clustertrace.understanding.spending import Measures, Shares, Spent, Tail, spent

__all__ = ["Settled", "settle_spending", "shares_of", "take_out"]

_CODING_AGENT_RUNS: Final = frozenset({"claude_code.interaction"})
"""Names of the runs whose calls may tell which skill they were made for."""

_SKILL: Final = "skill.name"
_PROJECT_TAGS: Final = ("folder", "service")
"""What says which project a run is of; the first that it has."""

_UPSERT_SPENDING: Final = (
    "INSERT INTO trace_spending VALUES (?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET"
    " session_id = excluded.session_id, start_ns = excluded.start_ns, tail = excluded.tail,"
    " shares = excluded.shares"
)

Deltas = dict[tuple[str, str, int], list[Measures]]
"""What to add to rows of the roll-up, by their key."""


class Settled(NamedTuple):
    """A run that was settled now; without a summary nothing is left of it."""

    trace_id: bytes
    session_id: str | None
    summary: Summary | None
    spans: Sequence[Span]


class _Entry(NamedTuple):
    """A row of `trace_spending`: what a run has added, and left to the next of its session."""

    session_id: str | None
    start_ns: int
    tail: str | None
    """JSON of a `Tail`."""
    shares: str
    """JSON (`_shares_text`)."""


_NO_ENTRY: Final = _Entry(None, 0, None, "[]")
_NO_MEASURES: Final = Measures()


def settle_spending(conn: Connection, settled: Sequence[Settled]) -> dict[bytes, Measures]:
    """Bring the roll-up up to date, in the caller's transaction; what each run has spent."""
    totals: dict[bytes, Measures] = {}
    deltas: Deltas = defaultdict(list)
    deferred_rows: list[tuple[Any, ...]] = []
    ids = [run.trace_id for run in settled]
    stored = _stored_entries(conn, ids)
    skills, projects = _skills_by_call(conn, settled), _projects_by_run(conn, ids)
    for run in sorted(settled, key=lambda one: one.summary.start_ns if one.summary else 0):
        before = stored.get(run.trace_id, _NO_ENTRY)
        start_ns = run.summary.start_ns if run.summary else before.start_ns
        spending = _spending_of(conn, run, skills, projects.get(run.trace_id))
        _add_shares(deltas, before.start_ns, shares_of(before.shares), -1)
        _add_shares(deltas, start_ns, spending.shares, 1)
        totals[run.trace_id] = spending.shares.get(("total", ""), _NO_MEASURES)
        tail = None if spending.tail is None else json_text(list(spending.tail))
        row = (run.trace_id, run.session_id, start_ns, tail, _shares_text(spending.shares))
        if not spending.shares:
            if run.trace_id in stored:
                conn.run("DELETE FROM trace_spending WHERE trace_id = ?", (run.trace_id,))
        elif run.session_id is None:
            # Nobody asks for it meanwhile.
            deferred_rows.append(row)
        else:
            # The session's next run looks for it.
            conn.run(_UPSERT_SPENDING, row)
        session = run.session_id or before.session_id
        if tail != before.tail and session is not None:
            _mark_next_due(conn, session, start_ns, ids)
    conn.many(_UPSERT_SPENDING, deferred_rows)
    _apply_deltas(conn, deltas)
    return totals


def take_out(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Take runs that are removed out of the roll-up, and have those that went on from them settled.

    In the caller's transaction, before their rows go.
    """
    measures_by_key: dict[tuple[str, str, int], list[Sequence[Any]]] = defaultdict(list)
    removed = set(trace_ids)
    for chunk in chunks(trace_ids):
        for entry in _stored_entries(conn, chunk).values():
            day = entry.start_ns // NS_PER_DAY
            for values, names in json_value(entry.shares):
                for dimension, name in names:
                    measures_by_key[dimension, name, day].append(values)
            if entry.tail is not None and entry.session_id is not None:
                _mark_next_due(conn, entry.session_id, entry.start_ns, removed)
    _apply_deltas(
        conn,
        {key: [_summed_measures(values).negative()] for key, values in measures_by_key.items()},
    )


def _summed_measures(rows: Sequence[Sequence[Any]]) -> Measures:
    return Measures(*map(sum, zip(*rows, strict=True)))


def shares_of(text: str) -> dict[tuple[str, str], Measures]:
    """The shares of a run, from its row."""
    return {
        (dimension, name): Measures(*values)
        for values, names in json_value(text)
        for dimension, name in names
    }


def _shares_text(shares: Shares) -> str:
    """Equal shares are told once: mostly a run is of one project, one model, one agent."""
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for key, measures in shares.items():
        names[id(measures)].append(key)
    return json_text([[list(shares[keys[0]]), keys] for keys in names.values()]) or "[]"


def _spending_of(
    conn: Connection,
    run: Settled,
    skills: Mapping[tuple[bytes, str], str],
    project: str | None,
) -> Spent:
    """What a run spent; without model calls it has no shares."""
    summary = run.summary
    if summary is None or not summary.calls:
        return Spent({}, None)
    return spent(
        summary.calls,
        run.spans,
        [summary.root_span_id],
        session=run.session_id,
        project=project,
        skills={
            call.span_id: skill
            for call in summary.calls
            if (skill := skills.get((run.trace_id, call.span_id)))
        },
        before=_tail_before(conn, run, summary.start_ns),
    )


def _stored_entries(conn: Connection, ids: Sequence[bytes]) -> dict[bytes, _Entry]:
    """What was worked out before."""
    rows = conn.rows(f"SELECT * FROM trace_spending WHERE trace_id IN ({placeholders(ids)})", ids)
    return {trace_id: _Entry(*values) for trace_id, *values in rows}


def _tail_before(conn: Connection, run: Settled, start_ns: int) -> Tail | None:
    """What the session's run before left."""
    if run.session_id is None:
        return None
    tail = conn.value(
        "SELECT tail FROM trace_spending WHERE session_id = ? AND start_ns < ?"
        " AND tail IS NOT NULL ORDER BY start_ns DESC LIMIT 1",
        (run.session_id, start_ns),
    )
    return None if tail is None else Tail(*json_value(tail))


def _mark_next_due(
    conn: Connection, session: str, start_ns: int, settled_now: Collection[bytes]
) -> None:
    """Have the session's next run settled again, unless it is settled now anyway."""
    next_run = conn.value(
        "SELECT trace_id FROM trace_spending WHERE session_id = ? AND start_ns > ?"
        " ORDER BY start_ns LIMIT 1",
        (session, start_ns),
    )
    if next_run is not None and next_run not in settled_now:
        news.mark(conn, [(next_run, 0)])


def _skills_by_call(conn: Connection, settled: Sequence[Settled]) -> dict[tuple[bytes, str], str]:
    """The skills that the calls of coding agents were made for."""
    ids = [
        run.trace_id for run in settled if run.summary and run.summary.name in _CODING_AGENT_RUNS
    ]
    if not ids:
        return {}
    rows = conn.rows(
        f"SELECT trace_id, span_id, attributes FROM spans WHERE trace_id IN ({placeholders(ids)})"
        " AND kind = 'llm' AND instr(attributes, ?) > 0",
        (*ids, f'"{_SKILL}"'),
    )
    skills = ((row[0], row[1].hex(), json_value(row[2]).get(_SKILL)) for row in rows)
    return {(trace, span): skill for trace, span, skill in skills if isinstance(skill, str)}


def _projects_by_run(conn: Connection, ids: Sequence[bytes]) -> dict[bytes, str]:
    rows = conn.rows(
        f"SELECT trace_id, key, value FROM trace_tags WHERE trace_id IN ({placeholders(ids)})"
        f" AND key IN ({placeholders(_PROJECT_TAGS)})",
        (*ids, *_PROJECT_TAGS),
    )
    by_preference = sorted(rows, key=lambda row: _PROJECT_TAGS.index(row[1]), reverse=True)
    return {row[0]: row[2] for row in by_preference}


def _add_shares(deltas: Deltas, start_ns: int, shares: Shares, sign: int) -> None:
    for (dimension, name), measures in shares.items():
        key = (dimension, name, start_ns // NS_PER_DAY)
        deltas[key].append(measures if sign > 0 else measures.negative())


def _apply_deltas(conn: Connection, deltas: Deltas) -> None:
    rows = [
        (*key, *change)
        for key, changes in deltas.items()
        if any(change := Measures.summed(changes))
    ]
    names = Measures._fields
    added = ", ".join(f"{name} = spending.{name} + excluded.{name}" for name in names)
    conn.many(
        f"INSERT INTO spending VALUES ({placeholders(range(3 + len(names)))})"
        f" ON CONFLICT (dimension, name, day) DO UPDATE SET {added}",
        rows,
    )
    conn.many(
        "DELETE FROM spending WHERE dimension = ? AND name = ? AND day = ?"
        " AND calls = 0 AND misses = 0",
        [row[:3] for row in rows],
    )
