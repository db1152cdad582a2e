"""The user's assertions about patterns, and the runs that each is checked against."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from clustertrace.errors import NotFound
from clustertrace.gate.checks import Assertion, Kind, Seen
from clustertrace.gate.claims import Claims
from clustertrace.gate.reports import NewPattern
from clustertrace.store import queries, state
from clustertrace.store.connection import Connection
from clustertrace.store.queries.totals import replays

__all__ = ["EVERY", "add", "all_assertions", "remove", "seen", "take_new_failing"]

EVERY = "all"
"""Stands for every run, in place of a pattern."""

_CHECKED = "patterns checked"
"""Key in `state`, set once there was a check."""
_KNOWN_PREFIX = "pattern "
"""Prefix of keys in `state`, before the ids of the patterns known at that check."""
_MAX_NEW = 20
_MAX_RUNS = 100_000
"""How many of the newest runs are read without a window: more would not change the result."""


def add(conn: Connection, pattern: str, claims: Claims, now_ns: int) -> list[Assertion]:
    """Store assertions; one on the same claim is replaced. Raises NotFound."""
    if pattern != EVERY:
        pattern = queries.cluster(conn, pattern).id
    assertions = []
    for kind, bound in claims.bounds:
        key = f"{pattern} {kind} {claims.last_runs} {claims.last_ns}"
        name = hashlib.sha256(key.encode()).hexdigest()[:8]
        assertion = Assertion(
            name, pattern, kind, bound, claims.last_runs, claims.last_ns, created_ns=now_ns
        )
        conn.run(
            "INSERT INTO assertions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (assertion_id) DO"
            " UPDATE SET bound = excluded.bound, last_runs = excluded.last_runs,"
            " last_ns = excluded.last_ns, created_ns = excluded.created_ns",
            (name, pattern, kind, bound, assertion.last_runs, assertion.last_ns, now_ns),
        )
        assertions.append(assertion)
    return assertions


def all_assertions(conn: Connection) -> list[Assertion]:
    """All assertions, oldest first."""
    rows = conn.rows(
        "SELECT assertion_id, pattern, kind, bound, last_runs, last_ns, created_ns"
        " FROM assertions ORDER BY created_ns, assertion_id"
    )
    return [Assertion(row[0], row[1], cast(Kind, row[2]), *row[3:]) for row in rows]


def remove(conn: Connection, assertion_id: str) -> None:
    """Delete an assertion. Raises NotFound."""
    if not conn.run("DELETE FROM assertions WHERE assertion_id = ?", (assertion_id,)):
        raise NotFound(f"There is no assertion {assertion_id}; `clustertrace assert list` has all.")


def seen(conn: Connection, assertion: Assertion, now_ns: int) -> Seen | None:
    """The runs that an assertion is checked against; None if its pattern is gone."""
    condition, params = "TRUE", dict[str, Any]()
    if assertion.pattern != EVERY:
        if not conn.value("SELECT 1 FROM variants WHERE variant_id = ?", (assertion.pattern,)):
            return None
        condition, params = "variant_id = :pattern", {"pattern": assertion.pattern}
    newer_condition, newer_params = (
        f"{condition} AND start_ns > :made",
        params | {"made": assertion.created_ns},
    )
    newer = conn.value(f"SELECT count(*) FROM traces WHERE {newer_condition}", newer_params)
    newer -= replays(conn, newer_condition, newer_params)
    window = "" if assertion.last_ns is None else " AND start_ns >= :since"
    rows = conn.rows(
        "SELECT failed, duration_ns, cost_usd, unpriced_calls FROM traces"
        f" WHERE {condition} AND failed IS NOT NULL{window}"
        " ORDER BY start_ns DESC, trace_id DESC LIMIT :runs",
        params
        | {
            "since": now_ns - (assertion.last_ns or 0),
            "runs": assertion.last_runs or _MAX_RUNS,
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
    """Failing patterns without any finished run at the last check, the worst first.

    From now on, in the caller's transaction, they count as known; at the first check all do. Those
    with expected failures are left out. When a run started does not matter: one that was running at
    the last check, or arrived later, is new.
    """
    had_check = state.get(conn, _CHECKED)
    rows = (
        ()
        if had_check is None
        else conn.rows(
            "SELECT variant_id FROM variant_totals WHERE failed > 0 AND variant_id NOT IN"
            " (SELECT variant_id FROM variant_annotations WHERE expected = 1)"
            " AND NOT EXISTS (SELECT 1 FROM state WHERE key = :known || variant_id)"
            " GROUP BY variant_id ORDER BY sum(failed) DESC, variant_id LIMIT :most",
            {"known": _KNOWN_PREFIX, "most": _MAX_NEW},
        )
    )
    clusters = [queries.cluster(conn, row[0]) for row in rows]
    conn.run(
        "INSERT INTO state SELECT DISTINCT :known || variant_id, 1 FROM variant_totals"
        " WHERE traces > running + incomplete ON CONFLICT (key) DO NOTHING",
        {"known": _KNOWN_PREFIX},
    )
    state.put_if_missing(conn, _CHECKED, 1)
    return [
        (cluster.id, cluster.name, cluster.steps, cluster.failed, cluster.count)
        for cluster in clusters
    ]
