"""The columns of a list of traces: their contents, their look, and which are sortable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

import streamlit as st

from clustertrace.app import words
from clustertrace.store.answers import TraceRow
from clustertrace.store.queries import TraceOrder
from clustertrace.telling.plain import NO_NAME, plain
from clustertrace.telling.words import called_models

__all__ = ["ORDERS", "STAR", "columns", "config"]

ORDERS: Final[Mapping[str, TraceOrder]] = {
    "name": "name",
    "started": "start_ns",
    "took": "duration_ns",
    "tokens": "input_tokens",
    "cost": "cost_usd",
    "spans": "span_count",
}
"""Columns that the database can sort by."""

STAR: Final = "star"

_TITLES: Final = {
    STAR: "★",
    "state": "State",
    "name": "Name",
    "prompt": "First prompt",
    "pattern": "Pattern",
    "started": "Started",
    "took": "Took",
    "tokens": "Tokens in → out",
    "cost": "Cost",
    "spans": "Spans",
    "errors": "Errors",
    "note": "Note",
    "tags": "Tags",
}
_COLOURS: Final = {"failed": "red", "uncertain": "orange", "good": "gray", "plain": "gray"}
_TAG: Final = "tag "
"""The prefix of a tag's column name, so that no tag can take another column's name."""


def columns(
    rows: Sequence[TraceRow], zone: tzinfo, now_ns: int, tags: Sequence[str] = ()
) -> dict[str, list[Any]]:
    """The contents of the table, by column; each of `tags` has a column of its own."""
    cells: dict[str, list[Any]] = {
        STAR: ["★" if row.starred else "☆" for row in rows],
        "state": [[words.state(row.outcome, row.status).label] for row in rows],
        "name": [plain(row.name or NO_NAME) for row in rows],
        "prompt": [plain(row.first_prompt or "") for row in rows],
        "pattern": [(row.variant or "")[:6] for row in rows],
        "started": [words.moment(row.start_ns, zone, now_ns) for row in rows],
        "took": [words.duration(row.duration_ns) for row in rows],
        "tokens": [_tokens(row) for row in rows],
        "cost": [_cost(row) for row in rows],
        "spans": [words.count(row.span_count) for row in rows],
        "errors": [plain(_error(row)) for row in rows],
    }
    cells |= {_TAG + key: [plain(row.tags.get(key, "")) for row in rows] for key in tags}
    if any(row.note for row in rows):
        cells["note"] = [plain(row.note or "") for row in rows]
    cells["tags"] = [[plain(f"{key}: {value}") for key, value in row.tags.items()] for row in rows]
    return cells


def _error(row: TraceRow) -> str:
    """Where no step broke, why the run failed."""
    if row.error_count:
        return f"{row.error_count} · {row.error or ''}"
    return row.outcome_reason or "" if row.failed else ""


def _cost(row: TraceRow) -> str:
    return words.cost(row.cost_usd, row.unpriced_calls) if called_models(row) else ""


def _tokens(row: TraceRow) -> str:
    if not row.input_tokens and not row.output_tokens:
        return ""
    return f"{words.short_count(row.input_tokens)} → {words.short_count(row.output_tokens)}"


def config(order: str, tags: Sequence[str] = (), *, descending: bool) -> dict[str, Any]:
    """How the columns look; the title of the sorting column has an arrow."""
    arrow = " ↓" if descending else " ↑"
    titles = {name: title + arrow if name == order else title for name, title in _TITLES.items()}
    states = words.states()
    column = st.column_config
    configs: dict[str, Any] = {
        STAR: column.TextColumn(
            titles[STAR], width=40, alignment="center", help="A click here stars the trace."
        ),
        "state": column.MultiselectColumn(
            titles["state"],
            width=100,
            options=[state.label for state in states],
            color=[_COLOURS[state.tone] for state in states],
        ),
        "name": column.TextColumn(titles["name"], width=120),
        "prompt": column.TextColumn(titles["prompt"], width=260),
        "errors": column.TextColumn(titles["errors"], width=150),
        "note": column.TextColumn(titles["note"], width=180),
        "tags": column.ListColumn(titles["tags"], width=190),
        "pattern": column.TextColumn(
            titles["pattern"], width=72, help="A click here opens the pattern."
        ),
    }
    for name, width in {"started": 108, "took": 72, "tokens": 120, "cost": 78, "spans": 60}.items():
        configs[name] = column.TextColumn(titles[name], width=width, alignment="right")
    configs |= {_TAG + key: column.TextColumn(plain(key), width=110) for key in tags}
    return configs
