"""Real requests, stored: each call counts once, whatever reports it and in whatever order."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clustertrace.conventions.otlp.traces import Received, decode_json, decode_protobuf
from clustertrace.store import queries
from clustertrace.store.store import Store

ANTHROPIC = (1050, 25, 900, 30)
OPENAI = (82, 17, 64, 0)


class Totals(NamedTuple):
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


def times(calls: int, tokens: tuple[int, int, int, int]) -> Totals:
    return Totals(calls, *(calls * count for count in tokens))


EXPECTED = {
    "claude-code-hooks": times(6, ANTHROPIC),
    "claude-code-rawbodies": times(2, ANTHROPIC),
    "claude-code-subagent": times(5, ANTHROPIC),
    "claude-code-tool": times(2, ANTHROPIC),
    "claude-code-toolfail": times(3, ANTHROPIC),
    "codex-tool": times(2, OPENAI),
    "google-adk-content-agent": Totals(2, 164, 50, 128, 0),
    "langfuse-agent": Totals(3, 164, 34, 128, 0),
    "logfire-openai-tool": times(2, OPENAI),
    "openinference-llama-index-agent": Totals(2, 0, 0, 0, 0),
    "openinference-langchain-error": Totals(1, 0, 0, 0, 0),
    "openinference-openai-agents-error": Totals(1, 0, 0, 0, 0),
    "openllmetry-langchain-error": Totals(1, 0, 0, 0, 0),
    "openinference-openai-embed": Totals(0, 5, 0, 0, 0),
    "otel-genai-openai-embed": Totals(0, 5, 0, 0, 0),
    "otel-genai-openai-agents-agent": Totals(0, 0, 0, 0, 0),
    "otel-openai-v2-chat": Totals(1, 82, 17, 0, 0),
    "otel-openai-v2-tool": Totals(2, 164, 34, 0, 0),
    "vercel-ai-v5-tool": Totals(2, 164, 34, 0, 0),
}
"""Where it is not one Anthropic call, one OpenAI call, or two of those around a tool."""


def expected(run: str) -> Totals:
    if run in EXPECTED:
        return EXPECTED[run]
    if "anthropic" in run:
        return times(1, ANTHROPIC)
    return times(2 if run.endswith(("-tool", "-agent")) else 1, OPENAI)


@pytest.fixture(scope="session")
def runs(shared: Path) -> dict[str, list[Received]]:
    """The requests of each run."""
    folder = shared / "otlp_samples"
    names = sorted(json.loads((folder / "manifest.json").read_bytes()))
    found: dict[str, list[Received]] = {}
    for name in names:
        run, _, signal = name.partition(".")
        if signal.startswith("traces"):
            body = (folder / name).read_bytes()
            body = gzip.decompress(body) if name.endswith(".gz") else body
            decode = decode_json if ".json" in name else decode_protobuf
            found.setdefault(run, []).append(decode(body))
    assert len(found) > 40
    return found


def totals(store: Store) -> Totals:
    store.refresh()
    with store.read() as conn:
        overview = queries.overview(conn)
    return Totals(*(getattr(overview, name) for name in Totals._fields))


def test_every_run_counts_each_call_once(
    runs: dict[str, list[Received]], tmp_path: Path, empty_database: Path
) -> None:
    """A run's totals are what its model was really asked, however many spans say so."""
    for run, requests in runs.items():
        file = tmp_path / f"{run}.db"
        file.write_bytes(empty_database.read_bytes())
        with Store.open(file) as store:
            for request in requests:
                store.write(request.batch)
            assert totals(store) == expected(run), run


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_of_arrival_changes_nothing(
    runs: dict[str, list[Received]], store: Store, seed: int
) -> None:
    """All runs in one database, twice, in any order, settled in between: the same totals."""
    requests = [request.batch for some in runs.values() for request in some] * 2
    shuffle = random.Random(seed)
    shuffle.shuffle(requests)
    for batch in requests:
        store.write(batch)
        if shuffle.random() < 0.3:
            store.settle(everything=True)
    sums = [sum(counts) for counts in zip(*map(expected, runs), strict=True)]
    assert totals(store) == Totals(*sums)


def named(store: Store, name: str) -> list[Any]:
    store.refresh()
    with store.read() as conn:
        return [
            span
            for row in queries.traces(conn, limit=500).rows
            for span in queries.trace(conn, row.trace_id).spans
            if span.name == name
        ]


def test_inner_life_is_no_step(runs: dict[str, list[Received]], store: Store) -> None:
    """Codex's 575 spans are a turn with two model calls and one tool; the rest is folded."""
    for request in runs["codex-tool"]:
        store.write(request.batch)
    store.refresh()
    with store.read() as conn:
        page = queries.traces(conn, limit=500)
        (turn,) = [row for row in page.rows if row.llm_calls]
        names = {one.name: one for one in queries.clusters(conn, limit=100).clusters}
    steps = [name for step in names["turn/start"].steps for name in step.names]
    assert "exec_command" in steps
    assert len(steps) <= 2
    assert names["internal"].count > 10
    assert sum(row.span_count for row in page.rows) == 575
    assert turn.cost_usd > 0


def test_the_tool_is_refused(runs: dict[str, list[Received]], store: Store) -> None:
    """A tool call that nobody permitted says so and is no error."""
    for request in runs["claude-code-toolfail"]:
        store.write(request.batch)
    (tool,) = named(store, "Read")
    assert (tool.status, tool.finish_reason) == ("ok", "refused")


def test_a_run_that_its_sdk_ended(runs: dict[str, list[Received]], store: Store) -> None:
    """A run of the OpenAI Agents SDK that raised has failed, though its root has no status."""
    for request in runs["openinference-openai-agents-error"]:
        store.write(request.batch)
    store.refresh()
    with store.read() as conn:
        (row,) = queries.traces(conn, limit=5).rows
    assert (row.status, row.failed) == ("error", True)
