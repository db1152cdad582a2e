"""Suggestions for an empty search: the errors of recent runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.app import markup, words
from clustertrace.app.links import url
from clustertrace.patterns.fingerprints import groups
from clustertrace.store.answers import TraceRow

__all__ = ["recent_errors"]

_SHOWN: Final = 8


def recent_errors(rows: Sequence[TraceRow]) -> markup.Markup:
    """The most frequent errors of these runs, each linked to a search for it; empty without any."""
    errors = groups((row.error, row.trace_id) for row in rows if row.error)
    searches = [
        (
            words.counted(error.runs, "run"),
            markup.link(error.example, url("search", {"q": f'"{error.phrase}"'})),
        )
        for error in errors
        if error.phrase
    ]
    if not searches:
        return markup.join([])
    return markup.join([markup.subheading("Errors in recent runs"), markup.rows(searches[:_SHOWN])])
