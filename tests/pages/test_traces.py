"""The list of traces: rows, filters, order, empty states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clustertrace.app.trace_list import trace_table
from clustertrace.exchange.importing import import_native
from clustertrace.exchange.reading import open_source
from clustertrace.model import Batch, Span
from clustertrace.store import queries
from clustertrace.store.sqlite import connection as connection_module
from clustertrace.store.store import Store
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from tests.pages.conftest import facts_with, run


def test_an_empty_database_says_how_traces_get_in(store: Store, show: Callable[..., Any]) -> None:
    """Without traces there is no table and no filter, but the ways in."""
    shown = show("traces")
    assert "clustertrace import" in shown.html
    assert not shown.ran.dataframe
    assert not shown.ran.multiselect


def test_a_text_cannot_turn_what_stands_behind_it(store: Store, show: Callable[..., Any]) -> None:
    """A table draws text as it comes, so characters that change its direction are replaced."""
    text = "a\u202eb"
    span = Span("1" * 32, "1" * 16, None, text, "agent", "error", 1, 2, error_message=text)
    store.write(Batch([span], []))
    store.settle(everything=True)
    annotate_traces(store, ["1" * 32], TraceEdit(note=text, tags={text: text}))
    table = show("traces").table
    shown = [table["name"][0], table["errors"][0], table["note"][0], *table["tags"][0]]
    safe = "a\ufffdb"
    assert shown == [safe, f"1 · {safe}", safe, f"{safe}: {safe}"]


def test_newest_traces_come_first(some: Store, show: Callable[..., Any]) -> None:
    """A row a trace, newest first, with a sign and a word for its state."""
    table = show("traces").table
    assert [state[0] for state in table["state"]] == [
        "? incomplete",
        "… running",
        "○ ended",
        "✓ passed",
        "○ ended",
        "✕ error",
        "✕ failed",
    ]


def test_a_row_tells_what_it_cost_and_what_went_wrong(
    some: Store, show: Callable[..., Any]
) -> None:
    """Cost, tokens, errors and tags stand in the row."""
    row = show("traces", where="outcome:fail").table.iloc[0]
    assert row["cost"] == "$0.0123"
    assert row["tokens"] == "1,200 → 34"
    assert row["errors"] == "1 · no answer within 5 s"
    assert list(row["tags"]) == ["version: 2"]


def test_one_of_a_thing_is_in_the_singular(store: Store, show: Callable[..., Any]) -> None:
    """A first user sees each page with a single run."""
    store.write(run(1, "search", input=[{"role": "user", "content": "What are tides?"}]))
    store.refresh()
    assert ">trace<" in show("traces").html
    assert "The only finished trace did not fail." in show("clusters").html
    assert "The only finished run did not fail." in show("failures").html
    assert "The only finished run that matches did not fail" in show("failures", where="id:*").html
    html = show("prompts").html
    assert "1 prompt, of which none came to a dead end" in html
    assert "prompts, one a run" not in html


def test_a_row_tells_why_a_run_failed_in_which_no_step_broke(
    store: Store, show: Callable[..., Any]
) -> None:
    """The reason of its outcome; else the list would say nothing of what went wrong."""
    store.write(run(1, "search", facts=facts_with(outcome="fail", outcome_reason="cites nothing")))
    store.write(run(2, "search", facts=facts_with(outcome="pass", outcome_reason="cites all")))
    store.refresh()
    assert sorted(show("traces").table["errors"]) == ["", "cites nothing"]


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("failed:yes", 2),
        ("outcome:fail", 1),
        ("failed:yes outcome:none", 1),
        ("failed:no", 3),
        ("status:running or status:incomplete", 2),
    ],
)
def test_the_address_filters(some: Store, show: Callable[..., Any], q: str, count: int) -> None:
    """`?where=` narrows the list, and the number of matches says so."""
    shown = show("traces", where=q)
    assert len(shown.table) == count
    assert f"<b><span>{count}</span></b>" in shown.html


def test_tags_names_and_patterns_filter_too(some: Store, show: Callable[..., Any]) -> None:
    """Every filter of the address must hold."""
    with some.read() as conn:
        pattern = queries.trace_row(conn, f"{2:032x}").variant
    assert len(show("traces", where="tag.version:2").table) == 1
    assert len(show("traces", where="name:*GEN*").table) == 7
    assert len(show("traces", where=f"pattern:{pattern}").table) == 3
    assert len(show("traces", where=["session:s-1", "failed:no"]).table) == 1
    assert len(show("traces", where=["session:s-1", "failed:yes"]).ran.dataframe) == 0
    assert "remove a condition" in show("traces", where="name:nothing").html


def test_a_filter_that_cannot_be_read_points_at_the_place(
    some: Store, show: Callable[..., Any]
) -> None:
    """The sentence, the filter and a mark under the character; no table and no exception."""
    shown = show("traces", where=["failed:yes", "cost>much <b>"])
    assert "at character 6" in shown.html
    assert "cost&gt;much &lt;b&gt;\n     ^" in shown.html
    assert not shown.ran.dataframe


def test_the_order_comes_from_the_address(some: Store, show: Callable[..., Any]) -> None:
    """`?sort=` and `?way=` sort in the database; the title of the column says so."""
    started = show("traces", sort="started", way="up").table["state"]
    assert started.iloc[0][0] == "✕ failed"


def test_a_bad_address_shows_the_list(some: Store, show: Callable[..., Any]) -> None:
    """Parameters that make no sense are left aside."""
    shown = show("traces", sort="purple", page="-3", way="purple")
    assert len(shown.table) == 7


def test_long_lists_have_pages(store: Store, show: Callable[..., Any], make_runs: Any) -> None:
    """`?page=` shows the rows of that page; one that does not exist shows the first."""
    make_runs(store, 60)
    assert len(show("traces").table) == 50
    assert len(show("traces", page="2").table) == 10
    assert len(show("traces", page="99").table) == 50


@pytest.mark.parametrize("page", ["clusters", "traces"])
@pytest.mark.parametrize("digits", [30, 5000])
def test_a_page_of_many_digits_shows_the_first(
    some: Store, show: Callable[..., Any], page: str, digits: int
) -> None:
    """Neither SQLite's widest number nor Python's longest ends the page in an error."""
    shown = show(page, page="9" * digits)
    assert not shown.ran.exception
    assert "Something went wrong" not in shown.html


def test_conditions_are_offered_and_typed(some: Store, show: Callable[..., Any]) -> None:
    """The bar completes with common conditions, names and tags; what is picked narrows the list."""
    ran = show("traces").ran
    bar = ran.multiselect(key="where")
    assert {"failed:yes", "name:agent", "tag.version:2"} <= set(bar.options)
    bar.set_value(["tag.version:2", "cost>0.01"]).run()
    assert len(ran.dataframe[0].value) == 1


def test_a_filter_is_kept_used_and_forgotten(some: Store, show: Callable[..., Any]) -> None:
    """A filter is saved by a name, used and deleted from the menu beside the bar."""
    ran = show("traces", where=["failed:yes or status:running", "name:agent"]).ran
    ran.text_input[0].set_value("bad ones")
    [keep] = [button for button in ran.button if button.label == "Keep"]
    keep.click().run()
    with some.read() as conn:
        assert queries.saved_filters(conn) == {
            "bad ones": "(failed:yes or status:running) name:agent"
        }
    again = show("traces").ran
    again.selectbox(key="saved filter").set_value("bad ones").run()
    assert len(again.dataframe[0].value) == 3
    assert again.multiselect(key="where").value == ["(failed:yes or status:running) name:agent"]
    [forget] = [box for box in again.selectbox if box.label == "Forget"]
    forget.set_value("bad ones").run()
    [button] = [button for button in again.button if button.label == "Forget it"]
    button.click().run()
    with some.read() as conn:
        assert queries.saved_filters(conn) == {}


def test_a_filter_without_a_name_is_not_kept(some: Store, show: Callable[..., Any]) -> None:
    """The menu says what is missing."""
    ran = show("traces", where="failed:yes").ran
    [keep] = [button for button in ran.button if button.label == "Keep"]
    keep.click().run()
    assert any("a name" in piece.proto.body for piece in ran.get("html"))


def test_tags_become_columns(some: Store, show: Callable[..., Any]) -> None:
    """`?col=` gives a tag a column of its own."""
    table = show("traces", col="version").table
    assert list(table["tag version"]) == ["", "", "", "", "", "", "2"]


def test_every_sorting_title_sorts(some: Store, show: Callable[..., Any]) -> None:
    """Orders of the address are those of the database."""
    for sort in ("name", "started", "took", "tokens", "cost", "spans"):
        assert len(show("traces", sort=sort).table) == 7
    assert show("traces", sort="cost").table["cost"].iloc[0] == "$1.00"


def test_stars_and_notes_are_shown(some: Store, show: Callable[..., Any]) -> None:
    """A note has a column where there is one."""
    assert "note" not in show("traces").table
    annotate_traces(some, [f"{1:032x}"], TraceEdit(starred=True, note="look <b>here</b>"))
    table = show("traces", where="starred:yes").table
    assert (list(table["star"]), list(table["note"])) == (["★"], ["look <b>here</b>"])
    assert list(show("traces", where="starred:no").table["star"]) == ["☆"] * 6


@pytest.mark.sqlite("how it is stopped at once")
def test_a_list_that_takes_too_long_says_what_to_do(
    some: Store, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence stands instead of the table, and no exception."""
    monkeypatch.setattr(connection_module, "_STEPS_A_LOOK", 1)
    monkeypatch.setattr(trace_table, "_PATIENCE_SECONDS", -1)
    shown = show("traces", where="name:*")
    assert "narrow the filter" in shown.html
    assert not shown.ran.dataframe


@pytest.mark.slow
def test_real_runs_are_listed_and_filtered(
    store: Store, show: Callable[..., Any], shared: Path
) -> None:
    """Of public runs of a real agent, a filter leaves as many as a look at the file does."""
    with open_source(shared / "data" / "tau2_retail.jsonl.gz") as source:
        import_native(store, source)
    store.refresh()
    with store.read() as conn:
        runs = list(queries.export(conn))
    failed = [run for run in runs if run.failed]
    looped = [run for run in failed if sum(one.kind == "tool" for one in run.spans) > 0]
    for where, expected in (
        ("failed:yes", failed),
        ("failed:yes has(*)", looped),
        ("spans>30", [one for one in runs if len(one.spans) > 30]),
    ):
        shown = show("traces", where=where)
        assert f"<b><span>{len(expected)}</span></b>" in shown.html
        assert len(shown.table) == min(50, len(expected))
    rows = show("traces", sort="spans").table
    counts = sorted((len(run.spans) for run in runs), reverse=True)[:50]
    assert list(rows["spans"]) == [f"{count:,}" for count in counts]
