"""A filter as SQL: a condition on `traces`, and its parameters by name.

Every condition is two-valued (`IS`, or `coalesce(…, FALSE)` where no index could help), so that
`not` means what it says for traces that lack a number. Held to clustertrace.filters.meaning by a
property test.
"""

from __future__ import annotations

import re
from typing import Any, Final

from clustertrace.filters.fields import CHOICES
from clustertrace.filters.meaning import fits
from clustertrace.filters.tree import (
    And,
    Compare,
    Filter,
    Match,
    Not,
    Or,
    Sequence,
    Since,
    StepName,
    Text,
    Until,
)
from clustertrace.patterns.signature import KEPT, NOT_STEPS, STEP_KINDS, normal_name
from clustertrace.store.connection import Connection
from clustertrace.store.distinct import models_called
from clustertrace.store.rows import json_text
from clustertrace.store.search.words import match_expression

__all__ = ["condition"]

_COLUMNS: Final = {
    "name": "name",
    "error": "error",
    "note": "note",
    "cost": "cost_usd",
    "duration": "duration_ns",
    "tokens": "input_tokens + output_tokens",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "spans": "span_count",
    "errors": "error_count",
    "calls": "llm_calls",
    "missed": "missed_tokens",
    "lost": "lost_usd",
}

_INDEXED: Final = frozenset({"cost_usd", "duration_ns", "input_tokens", "span_count"})
"""Numbers that have an index, since lists can be ordered by them."""

_SELDOM: Final = frozenset({"error", "note"})
"""Texts that few traces have."""

_ANNOTATED: Final = (
    "variant_id IS NOT NULL AND variant_id IN (SELECT variant_id FROM variant_annotations WHERE"
)
"""Also of a replay, which has no pattern, two-valued."""

_FIXED: Final[dict[str, dict[str, str]]] = {
    "failed": {"yes": "failed IS 1", "no": "failed IS 0"},
    "finished": {"yes": "failed IS NOT NULL", "no": "failed IS NULL AND variant_id IS NOT NULL"},
    "status": {one: f"status IS '{one}'" for one in CHOICES["status"]},
    "outcome": {
        "none": "outcome IS NULL",
        # Not `IS`, which SQLite does not see to agree with the index on outcomes.
        **{one: f"outcome IS NOT NULL AND outcome = '{one}'" for one in ("pass", "fail")},
    },
    "ending": {
        "none": "dead_end IS NULL",
        **{one: f"dead_end IS '{one}'" for one in CHOICES["ending"] if one != "none"},
    },
    "starred": {"yes": "starred IS NOT NULL", "no": "starred IS NULL"},
    "expected": {
        "yes": f"{_ANNOTATED} expected = 1)",
        "no": f"NOT ({_ANNOTATED} expected = 1))",
    },
    "priority": {
        "normal": f"NOT ({_ANNOTATED} priority IS NOT NULL))",
        **{one: f"{_ANNOTATED} priority = '{one}')" for one in ("high", "low")},
    },
}
"""Fields that have a few values, each with its condition."""

_HEX: Final = frozenset("0123456789abcdef")
_BLANKS: Final = re.compile(r"\s*\*\s*")
_STEP_KINDS, _NOT_STEPS = (
    ", ".join(f"'{kind}'" for kind in sorted(kinds)) for kinds in (STEP_KINDS, NOT_STEPS)
)

_CUT_STEPS: Final = 24 * KEPT
"""Characters that so many steps of a pattern take at least; it may have more than are kept."""

_MANY: Final = 20_000
"""From so many traces on with a tag, a name or such a cost, the first of them are found faster by a
look at each trace."""
_MANY_READ: Final = 2_000
"""The same of traces whose spans are read, which takes ten times as long."""
_MODELS: Final = 500
"""Nobody calls so many models; where somebody does, each trace is looked at."""

_CALLS: Final = "spans WHERE kind = 'llm' AND"


def condition(
    conn: Connection, filter_: Filter, *, by_start: bool = True
) -> tuple[str, dict[str, Any]]:
    """The SQL condition of a filter on the table `traces`, and its parameters.

    It is meant for this connection, and for the state of the database that is seen now: what few
    traces have is sought in an index first, what many have is looked up trace by trace, since
    whoever asks wants the newest of them, or the first in another order, and soon meets some.
    `by_start` says that they are wanted by their start, or in no order: each name's traces stand in
    that order in an index, and are read through it.
    """
    made = _Maker(conn, by_start=by_start)
    return made.sql(filter_), made.params


class _Maker:
    """Builds one condition and names its parameters."""

    def __init__(self, conn: Connection, *, by_start: bool) -> None:
        self.params: dict[str, Any] = {}
        self._conn = conn
        self._names_in_order = by_start

    def sql(self, filter_: Filter) -> str:
        match filter_:
            case And(parts):
                return self._joined(" AND ", parts) if parts else "TRUE"
            case Or(parts):
                # Two names' traces, each in order, are not in order together.
                self._names_in_order = False
                return self._joined(" OR ", parts)
            case Not(Not(inner)):
                return self.sql(inner)
            case Not(inner):
                return f"NOT {self.sql(inner)}"
            case Match():
                return self._match(filter_)
            case Compare():
                return self._compare(filter_)
            case Since(time_ns):
                return f"(start_ns >= {self._param(time_ns)})"
            case Until(time_ns):
                return f"(start_ns < {self._param(time_ns)})"
            case Text(query):
                return self._text(query)
            case Sequence(steps):
                return self._sequence(steps)

    def _joined(self, word: str, parts: tuple[Filter, ...]) -> str:
        return f"({word.join(self.sql(part) for part in parts)})"

    def _param(self, value: Any) -> str:
        name = f"f{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def _like(self, column: str, pattern: str) -> str:
        if "*" not in pattern:
            return f"{column} = {self._param(pattern)} COLLATE NOCASE"
        text = pattern.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return f"{column} LIKE {self._param(text.replace('*', '%'))} ESCAPE '\\'"

    def _match(self, one: Match) -> str:
        field, pattern = one.field, one.pattern
        if field.startswith("tag."):
            return self._tag(field.removeprefix("tag."), pattern)
        if field in _FIXED:
            return f"({_FIXED[field][pattern]})"
        if field == "model":
            return self._model(pattern)
        if field == "session":
            return self._one_of("session_id", "sessions", "session_id", pattern)
        if field in ("pattern", "family"):
            column = "variant_id" if field == "pattern" else "family_id"
            return self._one_of("variant_id", "variants", column, pattern + "*")
        if field == "id":
            return self._id(pattern)
        like = self._like(_COLUMNS[field], pattern)
        if field == "name" and "*" not in pattern:
            in_order = self._names_in_order
            return f"(name IS NOT NULL AND {like})" if in_order else self._sought(like)
        if field in _SELDOM:
            # An index of the traces that have one holds them by start.
            return f"({field} IS NOT NULL AND {like})"
        return _either_way(like)

    def _few(self, found: str, many: int) -> bool:
        """Whether fewer rows answer a `FROM … WHERE …`, which an index finds."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {found} LIMIT {many})"
        return bool(self._conn.value(sql, self.params) < many)

    def _tag(self, key: str, pattern: str) -> str:
        found = f"key = {self._param(key)} AND {self._like('value', pattern)}"
        seek = found.partition(" AND ")[0] if "*" in pattern else found
        if self._few(f"trace_tags WHERE {seek}", _MANY):
            return f"(trace_id IN (SELECT trace_id FROM trace_tags WHERE {found}))"
        of_it = f"trace_tags.trace_id = traces.trace_id AND {found}"
        return f"(EXISTS (SELECT 1 FROM trace_tags WHERE {of_it}))"

    def _model(self, pattern: str) -> str:
        """Each model that fits is sought in the index: for a pattern all of it would be read."""
        called = models_called(self._conn, _MODELS) if "*" in pattern else (pattern,)
        likes = [self._like("model", one) for one in called if fits(one, pattern)]
        # Not `model` itself, whose index SQLite would rather ask than the trace's few spans.
        like = self._like("(model || '')", pattern)
        look = f"EXISTS (SELECT 1 FROM {_CALLS} spans.trace_id = traces.trace_id AND {like})"
        if len(called) == _MODELS:
            return f"({look})"
        calls = " UNION ALL ".join(f"SELECT trace_id FROM {_CALLS} {like}" for like in likes)
        if not calls:
            return "FALSE"
        if self._few(f"({calls}) AS calls", _MANY):
            return f"(trace_id IN ({calls}))"
        last = (f"(SELECT max(start_ns) FROM {_CALLS} {like})" for like in likes)
        began = " OR ".join(f"coalesce(start_ns, 0) <= {one}" for one in last)
        # Where a file told when a trace began, its calls may be older.
        return f"(({began} OR told_start_ns IS NOT NULL) AND {look})"

    def _one_of(self, column: str, table: str, by: str, pattern: str) -> str:
        """Through the small table that has a row for each value, so that an index is of use."""
        found = f"SELECT {column} FROM {table} WHERE {self._like(by, pattern)}"
        return f"({column} IS NOT NULL AND {column} IN ({found}))"

    def _id(self, pattern: str) -> str:
        if len(pattern) > 32 or not _HEX.issuperset(pattern.lower()):
            return f"({self._like('lower(hex(trace_id))', pattern + '*')})"
        low, high = (bytes.fromhex(pattern.ljust(32, end)) for end in "0f")
        return f"(trace_id BETWEEN {self._param(low)} AND {self._param(high)})"

    def _compare(self, one: Compare) -> str:
        number = self._param(one.value)
        if one.field.startswith("metric."):
            name = self._param(one.field.removeprefix("metric."))
            return (
                "(trace_id IN (SELECT trace_id FROM trace_metrics WHERE "
                f"name = {name} AND value {one.operator} {number}))"
            )
        column = _COLUMNS[one.field]
        compared = f"{column} {one.operator} {number}"
        return self._sought(compared) if column in _INDEXED else _either_way(compared)

    def _sought(self, found: str) -> str:
        """A condition that an index answers: through it, where that finds few."""
        if self._few(f"traces WHERE {found}", _MANY):
            return f"(trace_id IN (SELECT trace_id FROM traces WHERE {found}))"
        return _either_way(found)

    def _text(self, query: str) -> str:
        expression = match_expression(query)
        if not expression:
            return "FALSE"
        return f"(trace_id IN ({self._conn.texts.containing(self._conn, self._param(expression))}))"

    def _sequence(self, steps: tuple[StepName, ...]) -> str:
        """One alias a step, each after the one before in the order of the trace."""
        tables, conditions = [], []
        for at, step in enumerate(steps):
            alias = f"s{at}"
            tables.append(f"spans AS {alias}")
            conditions.append(f"{alias}.trace_id = traces.trace_id")
            conditions.append(f"{alias}.span_id <> traces.root_span_id")
            conditions.append(self._like(f"{alias}.name", step.names))
            if step.failed:
                conditions.append(f"{alias}.status = 'error'")
            conditions.append(_acts(alias))
            if at:
                now, before = (
                    f"({name}.start_ns, {name}.ordinal, {name}.span_id)"
                    for name in (alias, f"s{at - 1}")
                )
                conditions.append(f"{now} > {before}")
        found = f"EXISTS (SELECT 1 FROM {', '.join(tables)} WHERE {' AND '.join(conditions)})"
        return f"({self._may_take(steps)} AND {found})"

    def _may_take(self, steps: tuple[StepName, ...]) -> str:
        """Whether a trace's pattern has these steps at all: so that few traces' spans are read.

        A replay has no pattern, and one with news may have taken more steps since it was placed.
        """
        has = " AND ".join(self._in_pattern(step) for step in steps)
        some = f"SELECT variant_id FROM variants WHERE length(steps) >= {_CUT_STEPS} OR {has}"
        news = "SELECT trace_id FROM news"
        may = f"variant_id IS NULL OR variant_id IN ({some}) OR trace_id IN ({news})"
        if self._few(f"traces WHERE {may}", _MANY_READ):
            return f"trace_id IN (SELECT trace_id FROM traces WHERE {may})"
        return _either_way(may)

    def _in_pattern(self, step: StepName) -> str:
        """Whether the steps of a row of `variants` may name this one: there, names are normal."""
        # A blank beside a star may be one that a normal name has lost at its end.
        wild = "*" in step.names
        name = _BLANKS.sub("*", step.names.strip()) if wild else normal_name(step.names)
        found = self._like("steps", f"*{json_text(name)}*")
        if wild:
            found = f"({found} OR steps LIKE '%#%')"
        return f"{found} AND steps LIKE '%true%'" if step.failed else found


def _acts(span: str) -> str:
    """Whether a span is a step, as execution patterns have it (clustertrace.patterns.signature)."""
    return (
        f"{span}.internal IS NULL AND ({span}.kind IN ({_STEP_KINDS})"
        f" OR {span}.kind NOT IN ({_NOT_STEPS}) AND NOT EXISTS ("
        " WITH RECURSIVE below (span_id, kind, internal) AS ("
        "  SELECT span_id, kind, internal FROM spans AS one"
        f"  WHERE one.trace_id = {span}.trace_id AND one.parent_span_id = {span}.span_id"
        "  UNION SELECT one.span_id, one.kind, one.internal FROM below JOIN spans AS one"
        f"  ON one.trace_id = {span}.trace_id AND one.parent_span_id = below.span_id"
        f" ) SELECT 1 FROM below WHERE kind NOT IN ({_NOT_STEPS}) AND internal IS NULL))"
    )


def _either_way(found: str) -> str:
    """False, not unknown, of a trace that lacks what is compared; no index is asked."""
    return f"coalesce({found}, FALSE)"
