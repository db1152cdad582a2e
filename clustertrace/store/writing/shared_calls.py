"""Model calls of one trace that another trace may report as well.

Two instrumentations that do not know of each other each make a trace of the same call. They are
found by an index of model calls (scope, time, input tokens; failed ones by another index), and
matched by clustertrace.understanding.calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from clustertrace.model import Span
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SLIM_COLUMNS, slim_span
from clustertrace.store.writing import news
from clustertrace.understanding.nearby import Nearby, may_be_reported_elsewhere
from clustertrace.understanding.same_calls import TOGETHER_NS

__all__ = [
    "ANSWERED_AT_ONCE",
    "FAILED_AT_ONCE",
    "ROOT_ANSWERED_AT_ONCE",
    "ROOT_FAILED_AT_ONCE",
    "SAME_RESPONSE",
    "calls_elsewhere",
    "wake",
]

_SELECT_SCOPES: Final = (
    "WITH RECURSIVE known(scope) AS ("
    " SELECT min(scope) FROM spans WHERE scope IS NOT NULL UNION ALL"
    " SELECT (SELECT min(scope) FROM spans WHERE scope > known.scope)"
    " FROM known WHERE known.scope IS NOT NULL"
    ") SELECT scope FROM known WHERE scope IS NOT NULL"
)
"""Every scope that reports model calls: a look into the index each, however many calls."""

_CONCURRENT_CALLS: Final = (
    "({scopes}) s CROSS JOIN spans o WHERE s.scope <> n.scope AND o.scope = s.scope"
    f" AND o.start_ns BETWEEN n.start_ns - {TOGETHER_NS} AND {{last}} + {TOGETHER_NS}"
)
"""Calls `o` of other reporters that begin when the call `n` does, or calls that begin from
`n.start_ns` to `{last}`; never are ranges of equal scope read."""

_WINDOW_NS: Final = 2 * TOGETHER_NS
_IN_WINDOW: Final = (
    f"o.start_ns / {_WINDOW_NS} IN ((n.start_ns - {TOGETHER_NS}) / {_WINDOW_NS},"
    f" (n.start_ns + {TOGETHER_NS}) / {_WINDOW_NS}, ({{last}} + {TOGETHER_NS}) / {_WINDOW_NS})"
)
ANSWERED_AT_ONCE: Final = (
    f"{_CONCURRENT_CALLS} AND o.input_tokens = n.input_tokens AND {_IN_WINDOW}"
)
FAILED_AT_ONCE: Final = (
    f"{_CONCURRENT_CALLS} AND n.status = 'error' AND n.input_tokens IS NULL"
    " AND o.status = 'error' AND +o.input_tokens IS NULL"
)
"""Of those, the ones that say the same. (The plus keeps SQLite to the index of failures.)"""

ROOT_ANSWERED_AT_ONCE: Final = f"{ANSWERED_AT_ONCE} AND o.parent_span_id IS NULL"
ROOT_FAILED_AT_ONCE: Final = (
    f"{_CONCURRENT_CALLS} AND {_IN_WINDOW} AND o.parent_span_id IS NULL AND n.status = 'error'"
    " AND n.input_tokens IS NULL AND +o.status = 'error' AND o.input_tokens IS NULL"
)
"""Of these, the ones that are a trace by themselves."""

SAME_RESPONSE: Final = (
    "spans o WHERE o.scope <> n.scope AND o.response_id = n.response_id"
    f" AND {_IN_WINDOW.format(last='n.start_ns')}"
)
"""Calls `o` of other reporters, at about the time of `n`, that had the same response."""

_IS_NOT_ITS_OWN: Final = "o.trace_id <> n.trace_id"
_MAY_BE_SAME_CALL: Final = (
    f"(n.parent_span_id IS NULL AND EXISTS (SELECT 1 FROM {{others_of_one}} AND {_IS_NOT_ITS_OWN})"
    f" OR EXISTS (SELECT 1 FROM {{roots_of_one}} AND {_IS_NOT_ITS_OWN})"
    f" OR EXISTS (SELECT 1 FROM {SAME_RESPONSE} AND {_IS_NOT_ITS_OWN}))"
)
"""Whether one of them can be the call `n`: one is a trace by itself, or both know the response.

Where a thousand agents ask the same at once, nearly none can, and none is compared with the others:
each of the three questions has an index of its own. Where one can, the others are looked at too: it
may be one of theirs.
"""


def calls_elsewhere(
    conn: Connection, traces: Mapping[bytes, Sequence[Span]]
) -> Mapping[bytes, list[Span]]:
    """For each of these traces, the model calls of other traces that may be among its own.

    The traces come with their spans, payloads not needed; those without model calls cost nothing.
    """
    candidates = [
        key for key, spans in traces.items() if any(map(may_be_reported_elsewhere, spans))
    ]
    scopes = _known_scopes(conn) if candidates else []
    if len(scopes) < 2:
        return {}
    of_candidates = f"n.trace_id IN ({placeholders(candidates)})"
    sql = f"SELECT n.trace_id FROM spans n WHERE {of_candidates} AND {_MAY_BE_SAME_CALL}"
    asking = [
        row[0]
        for row in conn.rows(_answered_or_failed(sql, scopes), (*candidates, *scopes * 2) * 2)
    ]
    if not asking:
        return {}
    sql = _traces_of_concurrent_calls(f"n.trace_id IN ({placeholders(asking)})")
    other_traces = [
        row[0] for row in conn.rows(_answered_or_failed(sql, scopes), (*asking, *scopes) * 2)
    ]
    calls: dict[str, list[Span]] = defaultdict(list)
    for row in conn.rows(
        f"SELECT {SLIM_COLUMNS} FROM spans WHERE trace_id IN ({placeholders(other_traces)})"
        " AND scope IS NOT NULL",
        other_traces,
    ):
        span = slim_span(row)
        calls[span.trace_id].append(span)
    nearby = Nearby(chain.from_iterable(calls.values()))
    return {
        key: [span for trace_id in sorted(nearby.traces(traces[key])) for span in calls[trace_id]]
        for key in asking
    }


def wake(conn: Connection, after_seq: int, due_ns: int) -> None:
    """Make traces due that may report a call which was written after `after_seq`."""
    scopes = _known_scopes(conn)
    if len(scopes) < 2:
        return
    calls = _answered_or_failed(
        _traces_of_concurrent_calls(f"n.seq > ? AND {_MAY_BE_SAME_CALL}"), scopes
    )
    news.mark_found(conn, calls, (after_seq, *scopes * 3) * 2, due_ns)


def _known_scopes(conn: Connection) -> list[str]:
    return [row[0] for row in conn.rows(_SELECT_SCOPES)]


def _traces_of_concurrent_calls(condition: str) -> str:
    """The traces of the calls that say the same at the time of those which `condition` names.

    These are taken by the four seconds in which they begin: a thousand of them read the thousand
    others of that time once, not each.
    """
    return (
        "SELECT o.trace_id FROM (SELECT n.scope, n.input_tokens, n.status,"
        " min(n.start_ns) AS start_ns, max(n.start_ns) AS last_ns"
        f" FROM spans n WHERE n.scope IS NOT NULL AND {condition}"
        f" GROUP BY n.scope, n.input_tokens, n.status, n.start_ns / {_WINDOW_NS}) n"
        " CROSS JOIN {others}"
    )


def _answered_or_failed(sql: str, scopes: Sequence[str]) -> str:
    """What a question about calls that say the same finds, answered or failed.

    `{others_of_one}` stands for those at the time of one call, `{roots_of_one}` for those of them
    that are a trace by themselves, `{others}` for those at the time of some, from `start_ns` to
    `last_ns`.
    """
    scope_rows = " UNION ALL ".join(["SELECT ? AS scope"] * len(scopes))
    return " UNION ".join(
        sql.format(
            others_of_one=others.format(scopes=scope_rows, last="n.start_ns"),
            roots_of_one=roots.format(scopes=scope_rows, last="n.start_ns"),
            others=others.format(scopes=scope_rows, last="n.last_ns"),
        )
        for others, roots in (
            (ANSWERED_AT_ONCE, ROOT_ANSWERED_AT_ONCE),
            (FAILED_AT_ONCE, ROOT_FAILED_AT_ONCE),
        )
    )
