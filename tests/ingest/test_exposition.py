"""/metrics: what Prometheus's own parser reads of it, and that browsers get the page instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from clustertrace.ingest.app import State, receiver
from clustertrace.ingest.body import Room
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.exposition import Figures, Histogram, exposition
from clustertrace.store.place import place_of

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROMETHEUS = {
    "Accept": "application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
}


def read(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples by name and labels' values."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.text(), st.lists(st.floats(0, 100)))
def test_prometheus_reads_what_is_written(label: str, took: list[float]) -> None:
    """Whatever a label says, and however long commits took; buckets hold all that is shorter."""
    commits = Histogram()
    for seconds in took:
        commits.observe(seconds)
    figures = Figures("1", False, 3, 2, 1, {(label, 200): 5}, commits, {"main": 9}, None, 4)
    found = read(exposition(figures))
    assert found["clustertrace_requests_total", (label, "200")] == 5
    assert found["clustertrace_commit_seconds_count", ()] == len(took)
    assert found["clustertrace_commit_seconds_sum", ()] == pytest.approx(sum(took))
    for bound in ("0.001", "0.25", "5.0"):
        shorter = sum(1 for seconds in took if seconds <= float(bound))
        assert found["clustertrace_commit_seconds_bucket", (bound,)] == shorter
    assert found["clustertrace_commit_seconds_bucket", ("+Inf",)] == len(took)
    assert ("clustertrace_settling_lag_seconds", ()) not in found


def test_the_receiver_counts(start_receiver: Any, otlp_json: Any) -> None:
    """Spans and rejected ones over HTTP, answers by status, sizes; and all of it is settled."""
    with start_receiver() as started:
        sent = {"Content-Type": "application/json"}
        started.http.post("/v1/traces", content=otlp_json(3), headers=sent)
        started.http.post("/v1/traces", content=b"{", headers=sent)
        lines = b"nonsense\n"
        started.http.post("/v1/spans", content=lines, headers={"Content-Type": "application/jsonl"})

        def found() -> dict[tuple[str, tuple[str, ...]], float]:
            answer = started.http.get("/metrics", headers=PROMETHEUS)
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            return read(answer.text)

        started.until(lambda: found().get(("clustertrace_unindexed_spans", ())) == 0)
        figures = found()
    assert figures["clustertrace_spans_stored_total", ()] == 3
    assert figures["clustertrace_rejected_total", ()] == 1
    assert figures["clustertrace_requests_total", ("traces", "200")] == 1
    assert figures["clustertrace_requests_total", ("traces", "400")] == 1
    assert figures["clustertrace_requests_total", ("spans", "200")] == 1
    assert figures["clustertrace_commit_seconds_count", ()] == 1
    assert figures["clustertrace_database_bytes", ("main",)] > 0
    assert figures["clustertrace_queue_spans", ()] == 0
    assert figures["clustertrace_trouble", ()] == 0
    assert figures["clustertrace_settling_lag_seconds", ()] >= 0


@pytest.mark.parametrize(
    ("headers", "with_pages", "page"),
    [(HTML, True, True), (HTML, False, False), (PROMETHEUS, True, False), ({}, True, False)],
)
def test_browsers_get_the_page_of_that_address(
    headers: dict[str, str], with_pages: bool, page: bool
) -> None:
    """The pages have a /metrics too: who asks for HTML sees that, where there are pages."""

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the page"})

    app = receiver(
        Committer(),
        State(place_of("none.db")),
        limit=1,
        room=Room(),
        pages=pages if with_pages else None,
    )
    answer = TestClient(app).get("/metrics", headers=headers)
    assert (answer.text == "the page") is page
    assert answer.text.startswith("# HELP") is not page
