"""Download the matching traces, whole or as a table.

The menu must not be in a part of a page that redraws itself: that would drop a file that is being
made, or that the browser has not fetched yet.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.exchange.native import dump_trace
from clustertrace.exchange.tables import csv_table, parquet_table
from clustertrace.filters import both
from clustertrace.store import queries

if TYPE_CHECKING:
    from clustertrace.app.filter_bar.filters import Query

__all__ = ["menu"]

_MAX_WHOLE: Final = 1_000
_MAX_TABLE_ROWS: Final = 10_000
"""Limits on the traces in one file, which is made in memory."""


def menu(query: Query) -> None:
    """Draw the menu. A file is made when its button is clicked."""
    with st.popover("Export", icon=":material/download:"):
        st.download_button(
            "Whole traces (JSON Lines)",
            lambda: _whole(query),
            "traces.jsonl",
            "application/jsonl",
            on_click="ignore",
        )
        st.download_button(
            "Table (CSV)", lambda: _csv(query), "traces.csv", "text/csv", on_click="ignore"
        )
        st.download_button(
            "Table (Parquet)",
            lambda: _parquet(query),
            "traces.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
        )
        export_option = f"--where {shlex.quote(both(*query.texts))}" if query.texts else "--all"
        st.html(
            markup.page(
                markup.muted(
                    f"The newest that match: {words.count(_MAX_WHOLE)} whole, or "
                    f"{words.count(_MAX_TABLE_ROWS)} lines of a table. All of them, whole:"
                ),
                markup.text_block(f"clustertrace export {export_option}"),
            )
        )


def _whole(query: Query) -> bytes:
    with connection.read() as conn:
        traces = queries.export(conn, query.where, newest=_MAX_WHOLE)
        return b"".join(dump_trace(trace) for trace in traces)


def _csv(query: Query) -> str:
    with connection.read() as conn:
        return csv_table(queries.newest(conn, query.where, _MAX_TABLE_ROWS))


def _parquet(query: Query) -> bytes:
    with connection.read() as conn:
        return parquet_table(queries.newest(conn, query.where, _MAX_TABLE_ROWS))
