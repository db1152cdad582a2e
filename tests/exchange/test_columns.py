"""docs/columns.md: asked with DuckDB, each question has the answer that the program gives."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pytest

from clustertrace.cli import main
from clustertrace.exchange.bundle import load_bundle
from clustertrace.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_763_942_400 * 10**9
PAGE = (ROOT / "docs/columns.md").read_text()
BLOCKS = re.findall(r"```sql\n(?:-- ([^\n]+)\n)?(.*?)```", PAGE, re.S)


class Asking:
    """The same database, asked both ways."""

    def __init__(self, path: Path, db: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._db = db
        self._queries = {title: sql for title, sql in BLOCKS if title}

    def duckdb(self, title: str) -> list[dict[str, Any]]:
        """The answer to the question under this title."""
        result = self._db.execute(self._queries[title])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def clustertrace(self, capfd: pytest.CaptureFixture[str], *command: str) -> Any:
        """What a command answers."""
        capfd.readouterr()
        assert main([*command, "--db", str(self._path)]) == 0
        return capfd.readouterr().out


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Export the bundled runs as columns, and open them as the page says."""
    folder = tmp_path_factory.mktemp("columns")
    with Store.open(folder / "traces.db") as store:
        load_bundle(store, NOW)
        store.refresh()
    runs = f"{folder / 'runs'}/"
    database_option = ("--db", str(folder / "traces.db"))
    assert main(["export", "--all", "--format", "parquet", "-o", runs, *database_option]) == 0
    with duckdb.connect() as db:
        for title, sql in BLOCKS:
            if not title:
                db.execute(sql.replace("'runs/", f"'{runs}"))
        yield Asking(folder / "traces.db", db)


def test_every_question_has_an_answer(asking: Asking) -> None:
    """No block of the page fails or is empty."""
    titles = [title for title, _ in BLOCKS if title]
    assert len(titles) == 6
    assert all(asking.duckdb(title) for title in titles)


def test_traces_a_day(asking: Asking, capfd: pytest.CaptureFixture[str]) -> None:
    """The query of the docs counts traces a day as `stats` counts those of that day."""
    rows = asking.duckdb("traces a day")
    assert sum(row["traces"] for row in rows) == 60
    for row in rows:
        day: date = row["day"]
        where = f"since:{day} until:{day + timedelta(days=1)}"
        answer = json.loads(asking.clustertrace(capfd, "stats", "--json", "--where", where))
        assert (row["traces"], row["failed"]) == (answer["traces"], answer["failed"])


def test_patterns_with_their_interval(asking: Asking, capfd: pytest.CaptureFixture[str]) -> None:
    """The query of the docs finds the patterns and intervals that `clusters` shows."""
    answer = json.loads(asking.clustertrace(capfd, "clusters", "--json", "--limit", "100"))
    clusters = {row["id"]: row for row in answer["clusters"]}
    rows = asking.duckdb("patterns")
    assert {row["pattern"] for row in rows} == set(clusters)
    for row in rows:
        cluster = clusters[row["pattern"]]
        assert (row["runs"], row["failures"]) == (cluster["count"], cluster["failed"])
        assert row["rate"] == cluster["failure_rate"]
        interval = pytest.approx(cluster["failure_rate_interval"])
        assert [row["low"], row["high"]] == interval


@pytest.mark.parametrize(
    ("title", "by", "key"), [("models", "model", "model"), ("tokens", "day", "day")]
)
def test_what_was_spent(
    asking: Asking, capfd: pytest.CaptureFixture[str], title: str, by: str, key: str
) -> None:
    """The query of the docs gives what `cost` gives, in the same order."""
    answer = json.loads(asking.clustertrace(capfd, "cost", "--json", "--by", by))["rows"]
    rows = asking.duckdb(title)
    assert [str(row[key]) for row in rows] == [one["name"] for one in answer]
    for row, one in zip(rows, answer, strict=True):
        assert (row["read"], row["written"]) == (one["input_tokens"], one["output_tokens"])
        assert row["usd"] == pytest.approx(one["cost_usd"])


def test_the_query_of_tools_gives_what_the_native_export_holds(
    asking: Asking, capfd: pytest.CaptureFixture[str]
) -> None:
    """The query of the docs gives the calls, percentiles and failures of the native export."""
    took, failed = _tools(asking.clustertrace(capfd, "export", "--all"))
    rows = asking.duckdb("tools")
    assert {row["name"]: row["calls"] for row in rows} == {
        name: len(calls) for name, calls in took.items()
    }
    for row in rows:
        assert row["p50"] == pytest.approx(median(took[row["name"]]))
        assert row["failing"] == failed[row["name"]] / row["calls"]
    assert [row["p95"] for row in rows] == sorted((row["p95"] for row in rows), reverse=True)


def _tools(native: str) -> tuple[Mapping[str, list[float]], Mapping[str, int]]:
    took: dict[str, list[float]] = defaultdict(list)
    failed: dict[str, int] = defaultdict(int)
    for line in native.splitlines():
        for span in json.loads(line)["spans"]:
            if span["kind"] == "tool":
                lasted = span["end_time_unix_nano"] - span["start_time_unix_nano"]
                took[span["name"]].append(lasted / 1e9)
                failed[span["name"]] += span["status"] == "error"
    return took, failed
