"""The numbers that the demo promises, computed anew from the bundled traces."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.telling.headline import headline

NOW_NS = 1_790_000_000 * 10**9
DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def bundle() -> list[dict[str, Any]]:
    """The traces of the file as plain JSON."""
    packed = (files("clustertrace.demo") / "traces.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database with the bundle in it, as `clustertrace demo` makes it."""
    with Store.open(tmp_path_factory.mktemp("demo") / "demo.db") as store:
        load_bundle(store, NOW_NS)
        store.refresh()
        yield store


def spans(bundle: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """All spans of a kind."""
    return [span for trace in bundle for span in trace["spans"] if span["kind"] == kind]


def test_sixty_traces_eighteen_patterns_fourteen_failures(loaded: Store) -> None:
    """The demo has 60 traces in 18 patterns, of which 14 failed; none is unfinished."""
    with loaded.read() as conn:
        overview = queries.overview(conn)
    assert (overview.traces, overview.variants, overview.failed) == (60, 18, 14)
    assert (overview.running, overview.incomplete) == (0, 0)


def test_two_patterns_hold_twelve_of_the_failures(loaded: Store) -> None:
    """The first two patterns hold 8 and 4 failures, and each also has a run that went well."""
    with loaded.read() as conn:
        page = queries.clusters(conn)
    worst = [(cluster.name, cluster.failed, cluster.count) for cluster in page.clusters[:2]]
    assert worst == [("research_agent", 8, 9), ("docs_assistant", 4, 5)]
    assert [cluster.failed for cluster in page.clusters[2:]] == [1, 1] + [0] * 14
    assert headline(page) == "2 patterns hold 12 of the 14 failures (86 %)."


def test_failures_are_of_both_kinds(loaded: Store) -> None:
    """Ten runs failed by the user's word, four by the error of their root span."""
    with loaded.read() as conn:
        overview = queries.overview(conn)
    assert (overview.failed_by_outcome, overview.failed_by_status) == (10, 4)


def test_three_agents_are_named_by_tag(loaded: Store) -> None:
    """Each run is tagged with its agent; runs and failures are as demo/README.md has them."""
    with loaded.read() as conn:
        counts = {
            agent: (
                queries.traces(conn, parse(f"tag.agent:{agent}")).total,
                queries.traces(conn, parse(f"tag.agent:{agent} failed:yes")).total,
            )
            for agent in queries.tag_values(conn, "agent")
        }
        keys = set(queries.tag_keys(conn))
    assert counts == {"docs": (19, 5), "orders": (15, 1), "research": (26, 8)}
    assert keys == {"agent", "language", "model", "tier", "version"}


def test_the_worst_pattern_came_with_a_version(loaded: Store) -> None:
    """Eight of the nine runs that search in a loop were made by version 1.4, one by 1.3."""
    with loaded.read() as conn:
        worst = queries.clusters(conn).clusters[0].id
        runs = {
            version: queries.traces(conn, parse(f"pattern:{worst} tag.version:{version}"))
            for version in ("1.3", "1.4")
        }
    assert {version: page.total for version, page in runs.items()} == {"1.3": 1, "1.4": 8}


def test_metrics_are_on_the_runs(loaded: Store) -> None:
    """An evaluation scores every run that ended with an answer; agents report their own counts."""
    with loaded.read() as conn:
        metrics = {
            name: [measured.value for measured in queries.metric_values(conn, name)]
            for name in queries.metric_names(conn)
        }
    assert {name: len(values) for name, values in metrics.items()} == {
        "answer_score": 56,
        "passages_found": 18,
        "sources_cited": 24,
    }
    assert 0 <= min(metrics["answer_score"]) < max(metrics["answer_score"]) <= 1


def test_model_calls_have_tokens_and_costs(loaded: Store) -> None:
    """Every model call has a model, tokens and a price; some tokens came from a cache."""
    with loaded.read() as conn:
        overview = queries.overview(conn)
    assert overview.llm_calls > 150
    assert overview.unpriced_calls == 0
    assert 0.2 < overview.cost_usd < 1
    assert 0 < overview.cache_read_tokens < overview.input_tokens
    assert overview.cache_write_tokens > 0


def test_models_are_those_of_three_vendors_price_lists(bundle: list[dict[str, Any]]) -> None:
    """The scripted model stands for models that people use."""
    assert {span["model"] for span in spans(bundle, "llm")} == {
        "claude-haiku-4-5",
        "claude-sonnet-4-5",
        "gpt-4o-mini",
    }
    assert {span["model"] for span in spans(bundle, "embedding")} == {"text-embedding-3-small"}


def test_conversations_are_sessions(bundle: list[dict[str, Any]]) -> None:
    """Every run belongs to a session, and ten sessions have several turns."""
    turns = Counter(trace["session_id"] for trace in bundle)
    assert None not in turns
    assert sum(1 for count in turns.values() if count > 1) == 10


def test_a_failed_tool_is_recovered_from(loaded: Store, bundle: list[dict[str, Any]]) -> None:
    """Seven runs had a tool error, called the tool again, and did not fail."""
    recovered = [
        trace["trace_id"]
        for trace in bundle
        if trace["status"] == "ok" and any(span["status"] == "error" for span in trace["spans"])
    ]
    with loaded.read() as conn:
        assert [queries.trace(conn, trace_id).failed for trace_id in recovered] == [False] * 7


def test_root_errors_say_what_happened(bundle: list[dict[str, Any]]) -> None:
    """The four runs that ended in an error have its type and message on their root."""
    errors = Counter(
        span["error_type"].rpartition(".")[2]
        for trace in bundle
        for span in trace["spans"]
        if span["parent_span_id"] is None and span["status"] == "error"
    )
    assert errors == {"OutOfSearches": 2, "IndexUnavailable": 1, "PaymentRefused": 1}


def test_inputs_and_outputs_look_like_an_agents(bundle: list[dict[str, Any]]) -> None:
    """Model calls carry messages with roles; tools carry named arguments."""
    for span in spans(bundle, "llm"):
        roles = [message["role"] for message in span["input"]["messages"]]
        assert roles[-1] in ("user", "tool")
        assert span["output"]["messages"][0]["role"] == "assistant"
    assert all(isinstance(span["input"], dict) for span in spans(bundle, "tool"))


def test_runs_spread_over_a_week_up_to_now(loaded: Store) -> None:
    """Once loaded, the newest run ends now and the oldest began five to seven days before."""
    with loaded.read() as conn:
        overview = queries.overview(conn)
        newest = queries.trace(conn, queries.latest(conn))
    assert overview.first_ns is not None
    assert 5 * DAY_NS < NOW_NS - overview.first_ns < 7 * DAY_NS
    assert newest.end_ns is not None
    assert NOW_NS - newest.end_ns < DAY_NS


def test_durations_have_a_long_tail(bundle: list[dict[str, Any]]) -> None:
    """The slowest run takes several times as long as the median one."""
    durations = sorted(
        trace["end_time_unix_nano"] - trace["start_time_unix_nano"] for trace in bundle
    )
    assert durations[-1] > 3 * durations[len(durations) // 2]
    assert durations[0] > 0


def test_the_bundle_is_small_and_names_no_machine(bundle: list[dict[str, Any]]) -> None:
    """The file stays under 150 KB and holds no path of the machine that made it."""
    packed = (files("clustertrace.demo") / "traces.jsonl.gz").read_bytes()
    assert len(packed) < 150_000
    text = json.dumps(bundle)
    assert str(Path(__file__).resolve().parents[2]) not in text
    assert "site-packages" not in text
