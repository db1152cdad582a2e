"""Store the user's planned changes by week, and how they went; secrets are cut."""

from __future__ import annotations

import time
from datetime import date
from typing import Final

from clustertrace.errors import NotFound, UsageError
from clustertrace.review.aims import Aim
from clustertrace.review.commitments import MARKS, Kept
from clustertrace.store.store import Store
from clustertrace.store.writing.intake import policy

__all__ = ["LONGEST", "commit", "mark", "withdraw"]

LONGEST: Final = 500
"""Maximum characters of a change."""


def commit(store: Store, week: date, change: str, aim: Aim) -> None:
    """Plan a change for the week that starts on a day, replacing an earlier plan.

    Raises UsageError for a text that is empty or too long, or if the earlier plan is marked.
    """
    change = " ".join(change.split())
    if not 0 < len(change) <= LONGEST:
        raise UsageError(f"Say what you will change in 1 to {LONGEST} characters.")
    redact = policy().redact
    if redact is not None:
        change = redact(change)[0]
    with store.writing() as conn:
        if conn.value("SELECT mark FROM commitments WHERE week = ?", (str(week),)):
            raise UsageError(f"What was planned for the week of {week} is marked already.")
        conn.run(
            "INSERT INTO commitments VALUES (?, ?, ?, ?, NULL, NULL, NULL, NULL, ?)"
            " ON CONFLICT (week) DO UPDATE SET change = excluded.change, figure = excluded.figure,"
            " pattern = excluded.pattern, created_ns = excluded.created_ns",
            (str(week), change, *aim, time.time_ns()),
        )


def withdraw(store: Store, week: date) -> None:
    """Delete a plan unless it is marked; a week without a plan is not an error."""
    with store.writing() as conn:
        conn.run("DELETE FROM commitments WHERE week = ? AND mark IS NULL", (str(week),))


def mark(store: Store, week: date, kept: Kept | None) -> None:
    """Mark how a plan went, or remove the mark (None).

    Raises NotFound if nothing was planned, UsageError for a mark that is not in `MARKS`.
    """
    if kept is not None and kept.mark not in MARKS:
        raise UsageError(f"A plan is {', '.join(MARKS)}, not {kept.mark}.")
    with store.writing() as conn:
        changed = conn.run(
            "UPDATE commitments SET mark = ?, value_before = ?, value_after = ?, word = ?"
            " WHERE week = ?",
            (*(kept or (None,) * len(Kept._fields)), str(week)),
        )
    if not changed:
        raise NotFound(f"Nothing was planned for the week that began on {week}.")
