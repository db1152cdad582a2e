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
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_text, json_value
from clustertrace.store.writing import news
from clustertrace.summary import Summary
from clustertrace.understanding.spending import Measures, Shares, Tail, spent

__all__ = ["Settled", "settle_spending", "shares_of", "take_out"]

_CODING_AGENTS: Final = frozenset({"claude_code.interaction"})
"""Names of the runs whose calls may tell which skill they were made for."""

_SKILL: Final = "skill.name"
_AT_ONCE: Final = 500
_PROJECT_TAGS: Final = ("folder", "service")
"""What says which project a run is of; the first that it has."""

_REMEMBER: Final = (
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


def settle_spending(conn: Connection, settled: Sequence[Settled]) -> dict[bytes, Measures]:
    """Bring the roll-up up to date, in the caller's transaction; what each run has spent."""
    totals: dict[bytes, Measures] = {}
    deltas: Deltas = defaultdict(list)
    apart: list[tuple[Any, ...]] = []
    ids = [run.trace_id for run in settled]
    skills, projects, known = _skills(conn, settled), _projects(conn, ids), _known(conn, ids)
    for run in sorted(settled, key=lambda one: one.summary.start_ns if one.summary else 0):
        session, start, before, shares = known.get(run.trace_id, (None, 0, None, None))
        if shares is not None:
            _add(deltas, start, shares_of(shares), -1)
        project = projects.get(run.trace_id)
        tail, total = _write(conn, run, skills, project, deltas, apart, known=shares is not None)
        totals[run.trace_id] = total
        if tail != before and (session := run.session_id or session) is not None:
            _wake_next(conn, session, run.summary.start_ns if run.summary else start, ids)
    conn.many(_REMEMBER, apart)
    _apply(conn, deltas)
    return totals


def take_out(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Take runs that are removed out of the roll-up, and have those that went on from them settled.

    In the caller's transaction, before their rows go.
    """
    added: dict[tuple[str, str, int], list[Sequence[Any]]] = defaultdict(list)
    gone = set(trace_ids)
    for at in range(0, len(trace_ids), _AT_ONCE):
        some = trace_ids[at : at + _AT_ONCE]
        for session, start, tail, shares in _known(conn, some).values():
            day = start // NS_PER_DAY
            for told, names in json_value(shares):
                for dimension, name in names:
                    added[dimension, name, day].append(told)
            if tail is not None and session is not None:
                _wake_next(conn, session, start, gone)
    _apply(conn, {key: [_sum(told).negative()] for key, told in added.items()})


def _sum(told: Sequence[Sequence[Any]]) -> Measures:
    return Measures(*map(sum, zip(*told, strict=True)))


def shares_of(text: str) -> dict[tuple[str, str], Measures]:
    """The shares of a run, from its row."""
    return {
        (dimension, name): Measures(*told)
        for told, names in json_value(text)
        for dimension, name in names
    }


def _text_of(shares: Shares) -> str:
    """Equal shares are told once: mostly a run is of one project, one model, one agent."""
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for key, one in shares.items():
        names[id(one)].append(key)
    return json_text([[list(shares[keys[0]]), keys] for keys in names.values()]) or "[]"


def _write(
    conn: Connection,
    run: Settled,
    skills: Mapping[tuple[bytes, str], str],
    project: str | None,
    deltas: Deltas,
    apart: list[tuple[Any, ...]],
    *,
    known: bool,
) -> tuple[str | None, Measures]:
    """Work out and remember what a run spent; its tail, as it is stored, and its total.

    What nobody asks for meanwhile, because it is of no session, waits in `apart`.
    """
    summary = run.summary
    if summary is None or not summary.calls:
        if known:
            conn.run("DELETE FROM trace_spending WHERE trace_id = ?", (run.trace_id,))
        return None, Measures()
    found = spent(
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
        before=_before(conn, run, summary.start_ns),
    )
    _add(deltas, summary.start_ns, found.shares, 1)
    tail = None if found.tail is None else json_text(list(found.tail))
    row = (run.trace_id, run.session_id, summary.start_ns, tail, _text_of(found.shares))
    if run.session_id is None:
        apart.append(row)
    else:
        # The session's next run looks for it.
        conn.run(_REMEMBER, row)
    return tail, found.shares["total", ""]


def _known(conn: Connection, ids: Sequence[bytes]) -> dict[bytes, tuple[Any, ...]]:
    """What was worked out before: session, start, tail, shares."""
    rows = conn.rows(f"SELECT * FROM trace_spending WHERE trace_id IN ({_marks(ids)})", ids)
    return {row[0]: row[1:] for row in rows}


def _before(conn: Connection, run: Settled, start_ns: int) -> Tail | None:
    """What the session's run before left."""
    if run.session_id is None:
        return None
    told = conn.value(
        "SELECT tail FROM trace_spending WHERE session_id = ? AND start_ns < ?"
        " AND tail IS NOT NULL ORDER BY start_ns DESC LIMIT 1",
        (run.session_id, start_ns),
    )
    return None if told is None else Tail(*json_value(told))


def _wake_next(conn: Connection, session: str, start_ns: int, now: Collection[bytes]) -> None:
    """Have the session's next run settled again, unless it is settled now anyway."""
    found = conn.value(
        "SELECT trace_id FROM trace_spending WHERE session_id = ? AND start_ns > ?"
        " ORDER BY start_ns LIMIT 1",
        (session, start_ns),
    )
    if found is not None and found not in now:
        news.mark(conn, [(found, 0)])


def _skills(conn: Connection, settled: Sequence[Settled]) -> dict[tuple[bytes, str], str]:
    """The skills that the calls of coding agents were made for."""
    ids = [run.trace_id for run in settled if run.summary and run.summary.name in _CODING_AGENTS]
    if not ids:
        return {}
    rows = conn.rows(
        f"SELECT trace_id, span_id, attributes FROM spans WHERE trace_id IN ({_marks(ids)})"
        " AND kind = 'llm' AND instr(attributes, ?) > 0",
        (*ids, f'"{_SKILL}"'),
    )
    told = ((row[0], row[1].hex(), json_value(row[2]).get(_SKILL)) for row in rows)
    return {(trace, span): skill for trace, span, skill in told if isinstance(skill, str)}


def _projects(conn: Connection, ids: Sequence[bytes]) -> dict[bytes, str]:
    rows = conn.rows(
        f"SELECT trace_id, key, value FROM trace_tags WHERE trace_id IN ({_marks(ids)})"
        f" AND key IN ({_marks(_PROJECT_TAGS)})",
        (*ids, *_PROJECT_TAGS),
    )
    best = sorted(rows, key=lambda row: _PROJECT_TAGS.index(row[1]), reverse=True)
    return {row[0]: row[2] for row in best}


def _add(deltas: Deltas, start_ns: int, shares: Shares, sign: int) -> None:
    for (dimension, name), one in shares.items():
        key = (dimension, name, start_ns // NS_PER_DAY)
        deltas[key].append(one if sign > 0 else one.negative())


def _apply(conn: Connection, deltas: Deltas) -> None:
    rows = [
        (*key, *change)
        for key, changes in deltas.items()
        if any(change := Measures.summed(changes))
    ]
    names = Measures._fields
    added = ", ".join(f"{name} = spending.{name} + excluded.{name}" for name in names)
    conn.many(
        f"INSERT INTO spending VALUES ({_marks(range(3 + len(names)))})"
        f" ON CONFLICT (dimension, name, day) DO UPDATE SET {added}",
        rows,
    )
    conn.many(
        "DELETE FROM spending WHERE dimension = ? AND name = ? AND day = ?"
        " AND calls = 0 AND misses = 0",
        [row[:3] for row in rows],
    )


def _marks(items: Sequence[Any]) -> str:
    return ", ".join("?" * len(items))
