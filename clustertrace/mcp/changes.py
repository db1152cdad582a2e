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
from clustertrace.store.user_entries import assertions
from clustertrace.store.user_entries.annotations import (
    Outcome,
    PatternEdit,
    Priority,
    TraceEdit,
    annotate_pattern,
    annotate_traces,
)

__all__ = ["Changes"]


class Said(Answer):
    """A run or a pattern, after it was annotated."""

    run: Run | None = None
    pattern: Pattern | None = None


class Asserted(Answer):
    """An assertion, which `clustertrace check` tests."""

    assertion_id: str
    pattern: str
    """A pattern's id, or `all`."""
    claim: str


class AssertedList(Answer):
    """The assertions that were made."""

    assertions: list[Asserted]


class Changes:
    """Tools that write, on the database `db` (None: the usual one)."""

    def __init__(self, db: str | None) -> None:
        self._db = db

    def annotate(
        self,
        id: Annotated[  # noqa: A002 - the name that callers see
            str, Field(description="The id of a run or a pattern, or the start of it.")
        ],
        outcome: Annotated[
            Outcome | None,
            Field(
                description="For a run: how it turned out. Overrides what the run itself"
                " reported; `own` restores that."
            ),
        ] = None,
        reason: Annotated[str | None, Field(description="Why it has that outcome.")] = None,
        star: Annotated[bool | None, Field(description="For a run.")] = None,
        tags: Annotated[
            dict[str, str] | None, Field(description="For a run; an empty value removes the tag.")
        ] = None,
        note: Annotated[
            str | None, Field(description="For either; an empty one removes it.")
        ] = None,
        expected: Annotated[
            bool | None, Field(description="For a pattern: whether its failures are expected.")
        ] = None,
        priority: Annotated[Priority | None, Field(description="For a pattern.")] = None,
    ) -> Said:
        """Give a run an outcome, star, tag or note, or annotate a pattern. Changes the database.

        Replaces what was said before about the same thing.
        """
        trace_edit = TraceEdit(outcome, reason, star, note, tags or {})
        pattern_edit = PatternEdit(expected, priority, note)
        if trace_edit == TraceEdit() and pattern_edit == PatternEdit():
            raise UsageError("Nothing to change; give an outcome, a note, a tag or a priority.")
        with reading(self._db) as store:
            with store.read() as conn:
                found = queries.named(conn, id)
            if found.pattern is None:
                if pattern_edit._replace(note=None) != PatternEdit():
                    raise UsageError(f"expected and priority are for patterns; {id} is a run.")
                annotate_traces(store, [found.id], trace_edit)
                with store.read() as conn:
                    return Said(run=Run.of(queries.trace_row(conn, found.id)))
            if trace_edit._replace(note=None) != TraceEdit():
                raise UsageError(f"outcome, star and tags are for runs; {id} is a pattern.")
            annotate_pattern(store, found.id, pattern_edit)
            with store.read() as conn:
                return Said(pattern=Pattern.of(queries.cluster(conn, found.id)))

    def assert_(
        self,
        pattern: Annotated[
            str, Field(description="A pattern's id or the start of it, or `all` for every run.")
        ],
        success_rate_above: Annotated[float | None, Field(ge=0, le=1)] = None,
        latency_p95_below: Annotated[
            str | None, Field(description="A time such as 800ms or 20s.")
        ] = None,
        cost_below: Annotated[float | None, Field(ge=0, description="US dollars per run.")] = None,
        no_new_traces: Annotated[
            bool, Field(description="No new run may take this pattern.")
        ] = False,
        over_last: Annotated[
            str | None, Field(description="Only look at the last 50 runs, or 7d.")
        ] = None,
    ) -> AssertedList:
        """State what must hold for a pattern; `clustertrace check` tests it. Changes the database.

        Making the same assertion again replaces the first.
        """
        new_claims = claims(
            success_rate_above=success_rate_above,
            latency_p95_below=latency_p95_below,
            cost_below=cost_below,
            no_new_traces=no_new_traces,
            over_last=over_last,
            joined_by="_",
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
