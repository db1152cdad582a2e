"""The tools that change what is stored: annotations and assertions."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from clustertrace.errors import UsageError
from clustertrace.gate.checks import claim
from clustertrace.gate.claims import claims
from clustertrace.mcp.answers import Answer, Pattern, Run
from clustertrace.opening import reading
from clustertrace.store import queries
from clustertrace.store.said import assertions
from clustertrace.store.said.annotations import (
    Outcome,
    PatternWord,
    Priority,
    TraceWord,
    annotate_pattern,
    annotate_traces,
)

__all__ = ["Changes"]


class Said(Answer):
    """A run or a pattern, as it is after it was annotated."""

    run: Run | None = None
    pattern: Pattern | None = None


class Asserted(Answer):
    """Something that must stay true, which `clustertrace check` tests."""

    assertion_id: str
    pattern: str
    """A pattern's id, or `all`."""
    claim: str


class AssertedList(Answer):
    """What was asserted."""

    assertions: list[Asserted]


class Changes:
    """Tools that write, on the database `db` (None: the usual one)."""

    def __init__(self, db: str | None) -> None:
        self._db = db

    def annotate(
        self,
        id: Annotated[  # noqa: A002 - the name that callers see
            str, Field(description="A run or a pattern, by the beginning of its id.")
        ],
        outcome: Annotated[
            Outcome | None,
            Field(
                description="Of a run: what came of it; wins over what it said of itself, which"
                " `own` lets count again."
            ),
        ] = None,
        reason: Annotated[str | None, Field(description="Why that outcome.")] = None,
        star: Annotated[bool | None, Field(description="Of a run.")] = None,
        tags: Annotated[
            dict[str, str] | None, Field(description="Of a run; an empty value takes one away.")
        ] = None,
        note: Annotated[str | None, Field(description="Of either; empty takes it away.")] = None,
        expected: Annotated[
            bool | None, Field(description="Of a pattern: whether its failures are expected.")
        ] = None,
        priority: Annotated[Priority | None, Field(description="Of a pattern.")] = None,
    ) -> Said:
        """Say what came of a run, star, tag or note it; or judge a pattern. Changes the database.

        What was said before about the same thing is replaced.
        """
        trace_word = TraceWord(outcome, reason, star, note, tags or {})
        pattern_word = PatternWord(expected, priority, note)
        if trace_word == TraceWord() and pattern_word == PatternWord():
            raise UsageError("Say something about it: an outcome, a note, a tag, a priority.")
        with reading(self._db) as store:
            with store.read() as conn:
                found = queries.named(conn, id)
            if found.pattern is None:
                if pattern_word._replace(note=None) != PatternWord():
                    raise UsageError(f"expected and priority are for patterns; {id} is a run.")
                annotate_traces(store, [found.id], trace_word)
                with store.read() as conn:
                    return Said(run=Run.of(queries.trace_row(conn, found.id)))
            if trace_word._replace(note=None) != TraceWord():
                raise UsageError(f"outcome, star and tags are for runs; {id} is a pattern.")
            annotate_pattern(store, found.id, pattern_word)
            with store.read() as conn:
                return Said(pattern=Pattern.of(queries.cluster(conn, found.id)))

    def assert_(
        self,
        pattern: Annotated[
            str, Field(description="A pattern, by the beginning of its id, or `all` for every run.")
        ],
        success_rate_above: Annotated[float | None, Field(ge=0, le=1)] = None,
        latency_p95_below: Annotated[
            str | None, Field(description="A time such as 800ms or 20s.")
        ] = None,
        cost_below: Annotated[float | None, Field(ge=0, description="US dollars a run.")] = None,
        no_new_traces: Annotated[
            bool, Field(description="No run takes this pattern any more.")
        ] = False,
        over_last: Annotated[
            str | None, Field(description="Look at 50 runs, or at 7d, only.")
        ] = None,
    ) -> AssertedList:
        """Say what must stay true of a pattern, for `clustertrace check`. Changes the database.

        The same assertion again replaces the first.
        """
        new_claims = claims(
            success_rate_above=success_rate_above,
            latency_p95_below=latency_p95_below,
            cost_below=cost_below,
            no_new_traces=no_new_traces,
            over_last=over_last,
        )
        with reading(self._db) as store, store.writing() as conn:
            stored = assertions.add(conn, pattern, new_claims, time.time_ns())
        return AssertedList(
            assertions=[
                Asserted(
                    assertion_id=assertion.id, pattern=assertion.pattern, claim=claim(assertion)
                )
                for assertion in stored
            ]
        )
