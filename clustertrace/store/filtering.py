"""A filter as SQL: a condition on `traces`, and its parameters by name.

Every condition is two-valued (`IS`, or `coalesce(…, FALSE)` where no index could help), so that
`not` means what it says for traces that lack a number. A property test holds
it to the plain meaning of filters (tests/filters/meaning.py).
"""

from __future__ import annotations

import re
from typing import Any, Final

from clustertrace.filters.fields import CHOICES
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
from clustertrace.filters.wildcards import fits
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

_SPARSE_TEXTS: Final = frozenset({"error", "note"})
"""Texts that few traces have."""

_PATTERN_ANNOTATED_WITH: Final = (
    "variant_id IS NOT NULL AND variant_id IN (SELECT variant_id FROM variant_annotations WHERE"
)
"""Also of a replay, which has no pattern, two-valued."""

_CHOICE_CONDITIONS: Final[dict[str, dict[str, str]]] = {
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
        "yes": f"{_PATTERN_ANNOTATED_WITH} expected = 1)",
        "no": f"NOT ({_PATTERN_ANNOTATED_WITH} expected = 1))",
    },
    "priority": {
        "normal": f"NOT ({_PATTERN_ANNOTATED_WITH} priority IS NOT NULL))",
        **{one: f"{_PATTERN_ANNOTATED_WITH} priority = '{one}')" for one in ("high", "low")},
    },
}
"""Fields that have a few values, each with its condition."""

_HEX: Final = frozenset("0123456789abcdef")
_BLANKS_AROUND_STAR: Final = re.compile(r"\s*\*\s*")
_STEP_KINDS, _NOT_STEPS = (
    ", ".join(f"'{kind}'" for kind in sorted(kinds)) for kinds in (STEP_KINDS, NOT_STEPS)
)

_CUT_STEPS_LENGTH: Final = 24 * KEPT
"""Characters that so many steps of a pattern take at least; it may have more than are kept."""

_INDEX_LIMIT: Final = 20_000
"""From so many traces on with a tag, a name or such a cost, the first of them are found faster by a
look at each trace."""
_SPAN_READ_LIMIT: Final = 2_000
"""The same of traces whose spans are read, which takes ten times as long."""
_MODEL_LIMIT: Final = 500
"""Nobody calls so many models; where somebody does, each trace is looked at."""

_LLM_CALLS: Final = "spans WHERE kind = 'llm' AND"


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
    builder = _ConditionBuilder(conn, by_start=by_start)
    return builder.sql(filter_), builder.params


class _ConditionBuilder:
    """Builds one condition and names its parameters."""

    def __init__(self, conn: Connection, *, by_start: bool) -> None:
        self.params: dict[str, Any] = {}
        self._conn = conn
        self._names_in_order = by_start

    def sql(self, filter_: Filter) -> str:
        match filter_:
            case And(parts):
                return self._joined_sql(" AND ", parts) if parts else "TRUE"
            case Or(parts):
                # Two names' traces, each in order, are not in order together.
                self._names_in_order = False
                return self._joined_sql(" OR ", parts)
            case Not(Not(inner)):
                return self.sql(inner)
            case Not(inner):
                return f"NOT {self.sql(inner)}"
            case Match():
                return self._match_sql(filter_)
            case Compare():
                return self._compare_sql(filter_)
            case Since(time_ns):
                return f"(start_ns >= {self._bind(time_ns)})"
            case Until(time_ns):
                return f"(start_ns < {self._bind(time_ns)})"
            case Text(query):
                return self._text_sql(query)
            case Sequence(steps):
                return self._sequence_sql(steps)

    def _joined_sql(self, word: str, parts: tuple[Filter, ...]) -> str:
        return f"({word.join(self.sql(part) for part in parts)})"

    def _bind(self, value: Any) -> str:
        name = f"f{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def _like_sql(self, column: str, pattern: str) -> str:
        if "*" not in pattern:
            return f"{column} = {self._bind(pattern)} COLLATE NOCASE"
        text = pattern.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return f"{column} LIKE {self._bind(text.replace('*', '%'))} ESCAPE '\\'"

    def _match_sql(self, match_: Match) -> str:
        field, pattern = match_.field, match_.pattern
        if field.startswith("tag."):
            return self._tag_sql(field.removeprefix("tag."), pattern)
        if field in _CHOICE_CONDITIONS:
            return f"({_CHOICE_CONDITIONS[field][pattern]})"
        if field == "model":
            return self._model_sql(pattern)
        if field == "session":
            return self._lookup_sql("session_id", "sessions", "session_id", pattern)
        if field in ("pattern", "family"):
            column = "variant_id" if field == "pattern" else "family_id"
            return self._lookup_sql("variant_id", "variants", column, pattern + "*")
        if field == "id":
            return self._id_prefix_sql(pattern)
        comparison = self._like_sql(_COLUMNS[field], pattern)
        if field == "name" and "*" not in pattern:
            in_order = self._names_in_order
            return (
                f"(name IS NOT NULL AND {comparison})"
                if in_order
                else self._indexed_sql(comparison)
            )
        if field in _SPARSE_TEXTS:
            # An index of the traces that have one holds them by start.
            return f"({field} IS NOT NULL AND {comparison})"
        return _two_valued(comparison)

    def _finds_few(self, from_where: str, limit: int) -> bool:
        """Whether fewer rows answer a `FROM … WHERE …`, which an index finds."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {from_where} LIMIT {limit})"
        return bool(self._conn.value(sql, self.params) < limit)

    def _tag_sql(self, key: str, pattern: str) -> str:
        tag_condition = f"key = {self._bind(key)} AND {self._like_sql('value', pattern)}"
        indexed_condition = tag_condition.partition(" AND ")[0] if "*" in pattern else tag_condition
        if self._finds_few(f"trace_tags WHERE {indexed_condition}", _INDEX_LIMIT):
            return f"(trace_id IN (SELECT trace_id FROM trace_tags WHERE {tag_condition}))"
        same_trace = f"trace_tags.trace_id = traces.trace_id AND {tag_condition}"
        return f"(EXISTS (SELECT 1 FROM trace_tags WHERE {same_trace}))"

    def _model_sql(self, pattern: str) -> str:
        """Each model that fits is sought in the index: for a pattern all of it would be read."""
        models = models_called(self._conn, _MODEL_LIMIT) if "*" in pattern else (pattern,)
        comparisons = [self._like_sql("model", model) for model in models if fits(model, pattern)]
        # Not `model` itself, whose index SQLite would rather ask than the trace's few spans.
        comparison = self._like_sql("(model || '')", pattern)
        exists = (
            f"EXISTS (SELECT 1 FROM {_LLM_CALLS} spans.trace_id = traces.trace_id AND {comparison})"
        )
        if len(models) == _MODEL_LIMIT:
            return f"({exists})"
        matching_calls = " UNION ALL ".join(
            f"SELECT trace_id FROM {_LLM_CALLS} {comparison}" for comparison in comparisons
        )
        if not matching_calls:
            return "FALSE"
        if self._finds_few(f"({matching_calls}) AS calls", _INDEX_LIMIT):
            return f"(trace_id IN ({matching_calls}))"
        latest_calls = (
            f"(SELECT max(start_ns) FROM {_LLM_CALLS} {comparison})" for comparison in comparisons
        )
        not_newer_than_calls = " OR ".join(
            f"coalesce(start_ns, 0) <= {latest}" for latest in latest_calls
        )
        # Where a file told when a trace began, its calls may be older.
        return f"(({not_newer_than_calls} OR told_start_ns IS NOT NULL) AND {exists})"

    def _lookup_sql(self, column: str, table: str, sought_column: str, pattern: str) -> str:
        """Through the small table that has a row for each value, so that an index is of use."""
        ids = f"SELECT {column} FROM {table} WHERE {self._like_sql(sought_column, pattern)}"
        return f"({column} IS NOT NULL AND {column} IN ({ids}))"

    def _id_prefix_sql(self, pattern: str) -> str:
        if len(pattern) > 32 or not _HEX.issuperset(pattern.lower()):
            return f"({self._like_sql('lower(hex(trace_id))', pattern + '*')})"
        lowest, highest = (bytes.fromhex(pattern.ljust(32, end)) for end in "0f")
        return f"(trace_id BETWEEN {self._bind(lowest)} AND {self._bind(highest)})"

    def _compare_sql(self, comparison: Compare) -> str:
        number = self._bind(comparison.value)
        if comparison.field.startswith("metric."):
            name = self._bind(comparison.field.removeprefix("metric."))
            return (
                "(trace_id IN (SELECT trace_id FROM trace_metrics WHERE "
                f"name = {name} AND value {comparison.operator} {number}))"
            )
        column = _COLUMNS[comparison.field]
        condition = f"{column} {comparison.operator} {number}"
        return self._indexed_sql(condition) if column in _INDEXED else _two_valued(condition)

    def _indexed_sql(self, condition: str) -> str:
        """A condition that an index answers: through it, where that finds few."""
        if self._finds_few(f"traces WHERE {condition}", _INDEX_LIMIT):
            return f"(trace_id IN (SELECT trace_id FROM traces WHERE {condition}))"
        return _two_valued(condition)

    def _text_sql(self, query: str) -> str:
        expression = match_expression(query)
        if not expression:
            return "FALSE"
        return f"(trace_id IN ({self._conn.texts.containing(self._conn, self._bind(expression))}))"

    def _sequence_sql(self, steps: tuple[StepName, ...]) -> str:
        """One alias a step, each after the one before in the order of the trace."""
        tables, conditions = [], []
        for index, step in enumerate(steps):
            alias = f"s{index}"
            tables.append(f"spans AS {alias}")
            conditions.append(f"{alias}.trace_id = traces.trace_id")
            conditions.append(f"{alias}.span_id <> traces.root_span_id")
            conditions.append(self._like_sql(f"{alias}.name", step.names))
            if step.failed:
                conditions.append(f"{alias}.status = 'error'")
            conditions.append(_is_step_sql(alias))
            if index:
                position, previous = (
                    f"({name}.start_ns, {name}.ordinal, {name}.span_id)"
                    for name in (alias, f"s{index - 1}")
                )
                conditions.append(f"{position} > {previous}")
        exists = f"EXISTS (SELECT 1 FROM {', '.join(tables)} WHERE {' AND '.join(conditions)})"
        return f"({self._pattern_may_have_sql(steps)} AND {exists})"

    def _pattern_may_have_sql(self, steps: tuple[StepName, ...]) -> str:
        """Whether a trace's pattern has these steps at all: so that few traces' spans are read.

        A replay has no pattern, and one with news may have taken more steps since it was placed.
        """
        names_steps = " AND ".join(self._step_in_pattern_sql(step) for step in steps)
        candidates = (
            "SELECT variant_id FROM variants"
            f" WHERE length(steps) >= {_CUT_STEPS_LENGTH} OR {names_steps}"
        )
        unsettled = "SELECT trace_id FROM news"
        condition = (
            f"variant_id IS NULL OR variant_id IN ({candidates}) OR trace_id IN ({unsettled})"
        )
        if self._finds_few(f"traces WHERE {condition}", _SPAN_READ_LIMIT):
            return f"trace_id IN (SELECT trace_id FROM traces WHERE {condition})"
        return _two_valued(condition)

    def _step_in_pattern_sql(self, step: StepName) -> str:
        """Whether the steps of a row of `variants` may name this one: there, names are normal."""
        # A blank beside a star may be one that a normal name has lost at its end.
        has_star = "*" in step.names
        name = (
            _BLANKS_AROUND_STAR.sub("*", step.names.strip())
            if has_star
            else normal_name(step.names)
        )
        condition = self._like_sql("steps", f"*{json_text(name)}*")
        if has_star:
            condition = f"({condition} OR steps LIKE '%#%')"
        return f"{condition} AND steps LIKE '%true%'" if step.failed else condition


def _is_step_sql(alias: str) -> str:
    """Whether a span is a step, as execution patterns have it (clustertrace.patterns.signature)."""
    return (
        f"{alias}.internal IS NULL AND ({alias}.kind IN ({_STEP_KINDS})"
        f" OR {alias}.kind NOT IN ({_NOT_STEPS}) AND NOT EXISTS ("
        " WITH RECURSIVE below (span_id, kind, internal) AS ("
        "  SELECT span_id, kind, internal FROM spans AS one"
        f"  WHERE one.trace_id = {alias}.trace_id AND one.parent_span_id = {alias}.span_id"
        "  UNION SELECT one.span_id, one.kind, one.internal FROM below JOIN spans AS one"
        f"  ON one.trace_id = {alias}.trace_id AND one.parent_span_id = below.span_id"
        f" ) SELECT 1 FROM below WHERE kind NOT IN ({_NOT_STEPS}) AND internal IS NULL))"
    )


def _two_valued(condition: str) -> str:
    """False, not unknown, of a trace that lacks what is compared; no index is asked."""
    return f"coalesce({condition}, FALSE)"
