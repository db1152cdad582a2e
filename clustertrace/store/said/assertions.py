"""What the user asserts of patterns, and what is known of the runs that each looks at."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from clustertrace.errors import NotFound
from clustertrace.gate.checks import Assertion, Kind, Seen
from clustertrace.gate.claims import Claims
from clustertrace.gate.reports import NewPattern
from clustertrace.store import queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries.totals import replays

__all__ = ["EVERY", "add", "every", "remove", "seen", "take_new_failing"]

EVERY = "all"
"""Stands for every run, where a pattern is asked for."""

_CHECKED = "patterns checked"
"""In `state`: whether there was a check."""
_KNOWN = "pattern "
"""Before the id of each pattern that a run had ended in by then."""
_MOST_NEW = 20
_MOST_RUNS = 100_000
"""Newest runs that are looked at where no window is named: more would not change the answer."""


def add(conn: Connection, pattern: str, claimed: Claims, now_ns: int) -> list[Assertion]:
    """Store what is claimed; the same again replaces the first. Raises NotFound."""
    if pattern != EVERY:
        pattern = queries.cluster(conn, pattern).id
    made = []
    for kind, bound in claimed.bounds:
        said = f"{pattern} {kind} {claimed.last_runs} {claimed.last_ns}"
        name = hashlib.sha256(said.encode()).hexdigest()[:8]
        one = Assertion(
            name, pattern, kind, bound, claimed.last_runs, claimed.last_ns, created_ns=now_ns
        )
        conn.run(
            "INSERT INTO assertions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (assertion_id) DO"
            " UPDATE SET bound = excluded.bound, last_runs = excluded.last_runs,"
            " last_ns = excluded.last_ns, created_ns = excluded.created_ns",
            (name, pattern, kind, bound, one.last_runs, one.last_ns, now_ns),
        )
        made.append(one)
    return made


def every(conn: Connection) -> list[Assertion]:
    """All assertions, the oldest first."""
    rows = conn.rows(
        "SELECT assertion_id, pattern, kind, bound, last_runs, last_ns, created_ns"
        " FROM assertions ORDER BY created_ns, assertion_id"
    )
    return [Assertion(row[0], row[1], cast(Kind, row[2]), *row[3:]) for row in rows]


def remove(conn: Connection, assertion_id: str) -> None:
    """Forget an assertion. Raises NotFound."""
    if not conn.run("DELETE FROM assertions WHERE assertion_id = ?", (assertion_id,)):
        raise NotFound(f"There is no assertion {assertion_id}; `clustertrace assert list` has all.")


def seen(conn: Connection, one: Assertion, now_ns: int) -> Seen | None:
    """The runs that an assertion looks at; None if its pattern is gone."""
    condition, params = "TRUE", dict[str, Any]()
    if one.pattern != EVERY:
        if not conn.value("SELECT 1 FROM variants WHERE variant_id = ?", (one.pattern,)):
            return None
        condition, params = "variant_id = :pattern", {"pattern": one.pattern}
    since, made = f"{condition} AND start_ns > :made", params | {"made": one.created_ns}
    newer = conn.value(f"SELECT count(*) FROM traces WHERE {since}", made)
    newer -= replays(conn, since, made)
    window = "" if one.last_ns is None else " AND start_ns >= :since"
    rows = conn.rows(
        "SELECT failed, duration_ns, cost_usd, unpriced_calls FROM traces"
        f" WHERE {condition} AND failed IS NOT NULL{window}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :runs",
        params
        | {
            "since": now_ns - (one.last_ns or 0),
            "runs": one.last_runs or _MOST_RUNS,
        },
    )
    return Seen(
        [bool(row[0]) for row in rows],
        [row[1] for row in rows if row[1] is not None],
        sum(row[2] or 0.0 for row in rows),
        sum(row[3] or 0 for row in rows),
        newer,
    )


def take_new_failing(conn: Connection) -> list[NewPattern]:
    """Failing patterns that no run had ended in by the last check, the worst first.

    From now on, in the caller's transaction, they count as known; so do all at the first check.
    Those whose failures the user expects are left out. A run's start says nothing here: one that
    was under way at the last check, or came in later, is news.
    """
    checked = conn.value("SELECT value FROM state WHERE key = ?", (_CHECKED,))
    rows = (
        ()
        if checked is None
        else conn.rows(
            "SELECT variant_id FROM variant_totals WHERE failed > 0 AND variant_id NOT IN"
            " (SELECT variant_id FROM variant_annotations WHERE expected = 1)"
            " AND NOT EXISTS (SELECT 1 FROM state WHERE key = :known || variant_id)"
            " GROUP BY variant_id ORDER BY sum(failed) DESC, variant_id LIMIT :most",
            {"known": _KNOWN, "most": _MOST_NEW},
        )
    )
    found = [queries.cluster(conn, row[0]) for row in rows]
    conn.run(
        "INSERT INTO state SELECT DISTINCT :known || variant_id, 1 FROM variant_totals"
        " WHERE traces > running + incomplete ON CONFLICT (key) DO NOTHING",
        {"known": _KNOWN},
    )
    conn.run("INSERT INTO state VALUES (?, 1) ON CONFLICT (key) DO NOTHING", (_CHECKED,))
    return [(one.id, one.name, one.steps, one.failed, one.count) for one in found]
