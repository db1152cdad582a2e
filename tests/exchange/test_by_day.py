"""Parquet by day: every trace and span once, on its day; only what changed is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from clustertrace import filters
from clustertrace.errors import StoreBusy, UsageError
from clustertrace.exchange import by_day
from clustertrace.exchange.by_day import Days, export_days
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store.store import Store

SECOND = 10**9
DAY = 86_400 * SECOND
MIDNIGHT = 20_000 * DAY
FIRST, SECOND_DAY = "2024-10-03", "2024-10-04"


def run(number: int, start: int, **facts: Any) -> Batch:
    """A run of two spans."""
    trace_id = f"{number:032x}"
    root = Span(trace_id, f"{number:016x}", None, "agent", "agent", "ok", start, start + SECOND)
    call = root._replace(
        span_id=f"{number + 1000:016x}",
        parent_span_id=root.span_id,
        kind="llm",
        model="m",
        input_tokens=7,
        cost_usd=0.5,
    )
    return Batch([root, call], [TraceFacts(trace_id, **facts)] if facts else [])


@pytest.fixture
def two_days(store: Store) -> Store:
    """Fill the database: a run that begins just before midnight, UTC, and one at midnight."""
    store.write(run(1, MIDNIGHT - 1, tags={"tier": "gold"}))
    store.write(run(2, MIDNIGHT))
    store.refresh()
    return store


def export(store: Store, folder: Path, where: str | None = None) -> Days:
    """Write the folder."""
    with store.read() as conn:
        return export_days(conn, None if where is None else filters.parse(where), folder)


def column(folder: Path, table: str, day: str, name: str) -> list[Any]:
    """The values in one file."""
    path = folder / table / f"day={day}" / f"{table}.parquet"
    return pyarrow.parquet.ParquetFile(path).read()[name].to_pylist()  # type: ignore[no-any-return]


def test_folders_of_others_are_left_alone(two_days: Store, tmp_path: Path) -> None:
    """What only looks like a day is none."""
    (tmp_path / "traces" / "day=2026-13-45").mkdir(parents=True)
    export(two_days, tmp_path)
    assert column(tmp_path, "traces", FIRST, "trace_id")


def test_a_run_stands_on_the_day_that_it_began_on(two_days: Store, tmp_path: Path) -> None:
    """Spans stand with their run; tags are those of the day; no draft is left."""
    done = export(two_days, tmp_path / "runs")
    assert done.traces == 2
    assert [str(day) for day in done.written] == [FIRST, SECOND_DAY]
    for number, day in ((1, FIRST), (2, SECOND_DAY)):
        assert column(tmp_path / "runs", "traces", day, "trace_id") == [f"{number:032x}"]
        assert column(tmp_path / "runs", "spans", day, "trace_id") == [f"{number:032x}"] * 2
    assert column(tmp_path / "runs", "traces", FIRST, "tag.tier") == ["gold"]
    with pytest.raises(KeyError):
        column(tmp_path / "runs", "traces", SECOND_DAY, "tag.tier")
    assert len([path for path in tmp_path.joinpath("runs").rglob("*") if path.is_file()]) == 4


def test_only_what_changed_is_replaced(two_days: Store, tmp_path: Path) -> None:
    """A day with a new run, or a new fact, is another file; the others are not touched."""
    export(two_days, tmp_path)
    assert export(two_days, tmp_path).written == ()
    two_days.write(Batch([], [TraceFacts(f"{2:032x}", outcome="fail")]))
    two_days.refresh()
    done = export(two_days, tmp_path)
    assert [str(day) for day in done.written] == [SECOND_DAY]
    assert column(tmp_path, "traces", SECOND_DAY, "failed") == [True]


def test_days_that_are_not_asked_for_stay(two_days: Store, tmp_path: Path) -> None:
    """A filter writes its own days and names the others; so does a database that forgot them."""
    export(two_days, tmp_path)
    done = export(two_days, tmp_path, f"since:{SECOND_DAY}")
    assert (done.written, [str(day) for day in done.unchanged]) == ((), [SECOND_DAY])
    assert [str(day) for day in done.others] == [FIRST]
    assert column(tmp_path, "traces", FIRST, "trace_id") == [f"{1:032x}"]


def test_a_day_never_loses_traces(two_days: Store, tmp_path: Path) -> None:
    """What was deleted since, or what the filter cuts off, stays where it was written."""
    two_days.write(run(3, MIDNIGHT + 2 * SECOND))
    two_days.refresh()
    export(two_days, tmp_path)
    for cut in ("since:2024-10-04T00:00:01", "since:2024-10-04"):
        done = export(two_days, tmp_path, cut)
        assert column(tmp_path, "traces", SECOND_DAY, "trace_id") == [f"{2:032x}", f"{3:032x}"]
        assert done.written == ()
        assert [str(day) for day in (*done.kept, *done.unchanged)] == [SECOND_DAY]
    two_days.remove(f"{2:032x}")
    assert [str(day) for day in export(two_days, tmp_path).kept] == [SECOND_DAY]
    (tmp_path / "traces" / f"day={SECOND_DAY}" / "traces.parquet").write_text("no parquet")
    assert [str(day) for day in export(two_days, tmp_path).written] == [SECOND_DAY]


def test_a_day_that_breaks_off_leaves_what_was_there(
    two_days: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files of the day stay as they were, and no draft is left."""
    export(two_days, tmp_path / "runs")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    two_days.write(run(3, MIDNIGHT - 2))
    two_days.refresh()

    def breaks(*_: Any) -> Any:
        raise StoreBusy("gone")

    monkeypatch.setattr(by_day.queries, "steps", breaks)
    with pytest.raises(StoreBusy):
        export(two_days, tmp_path / "runs")
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert {path: path.read_bytes() for path in files} == before


def test_a_call_that_two_instrumentations_report_counts_once(store: Store, tmp_path: Path) -> None:
    """Summed over the counted spans, tokens are what the trace has."""
    batch = run(1, MIDNIGHT)
    again = batch.spans[1]._replace(
        span_id="f" * 16, output_tokens=1, attributes={"scope.name": "other"}
    )
    spans = [batch.spans[0], batch.spans[1]._replace(output_tokens=1), again]
    store.write(Batch(spans, []))
    store.refresh()
    export(store, tmp_path)
    counted = column(tmp_path, "spans", SECOND_DAY, "counted")
    tokens = column(tmp_path, "spans", SECOND_DAY, "input_tokens")
    assert counted.count(True) == 1
    assert column(tmp_path, "traces", SECOND_DAY, "input_tokens") == [
        sum(read for read, counts in zip(tokens, counted, strict=True) if counts)
    ]


def test_a_folder_that_cannot_be_made_is_said(two_days: Store, tmp_path: Path) -> None:
    """One sentence names the folder that can't be made."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"file/traces.* can't be created"):
        export(two_days, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
