"""A database over three PostgreSQL servers: it answers as one does, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clustertrace.errors import StoreBusy, StoreError, UsageError
from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.model import Batch, Span
from clustertrace.store import Store, queries
from clustertrace.store.migrations import HEAD
from clustertrace.store.place import place_of
from clustertrace.store.upkeep.backfill import backfill_costs, backfill_signatures
from clustertrace.store.upkeep.checking import check
from clustertrace.store.upkeep.copying import copy
from clustertrace.store.upkeep.retention import retire, would_retire
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from clustertrace.wire import span_to_dict
from tests.ingest.conftest import otlp, running
from tests.postgres_cluster import Cluster, newest_binaries

NOW = 1_763_856_000 * 10**9
RUNS = 30
PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def servers(postgres: Cluster) -> Iterator[list[Cluster]]:
    """Three more servers."""
    binaries = newest_binaries()
    assert binaries
    made = [Cluster(binaries) for _ in range(3)]
    yield made
    for batch in made:
        batch.close()


@pytest.fixture
def spread(migrated_url: str, servers: list[Cluster]) -> Iterator[Store]:
    """An empty database that is spread over them."""
    from clustertrace.store.postgres import nodes

    urls = [one.url(one.create()).replace("@", f":{PASSWORD}@") for one in servers]
    nodes.spread_over(place_of(migrated_url), [place_of(url) for url in urls])
    with Store.open(migrated_url) as store:
        yield store
    for one, url in zip(servers, urls, strict=True):
        if not one.running:
            one.start()
        one.drop(url.rpartition("/")[2])


def runs(make_trace: Callable[..., list[Span]]) -> Batch:
    """Some runs of three patterns, every fourth of which failed."""
    kinds = (("search", "fetch"), ("search",), ("look", "needle"))
    made = (make_trace(n, *kinds[n % 3], failed=n % 4 == 0) for n in range(1, RUNS + 1))
    return Batch([span for trace in made for span in trace], [])


def asked(sql: str, store: Store) -> list[str]:
    """What a question asks of the shards, in SQL, by its plan."""
    with psycopg.connect(store.place.text.replace("+psycopg", "")) as raw:
        plan = raw.execute(f"EXPLAIN (VERBOSE, COSTS OFF) {sql}").fetchall()
    return [line.partition("Remote SQL: ")[2] for (line,) in plan if "Remote SQL: " in line]


def answers(store: Store) -> dict[str, Any]:
    """What several pages show, without what differs from database to database."""
    with store.read() as conn:
        clusters = queries.clusters(conn)
        page = queries.search(conn, "refund", limit=1_000)
        return {
            "overview": replace(queries.overview(conn), cost_usd=0),
            "cost": pytest.approx(queries.overview(conn).cost_usd),
            "runs": [row.trace_id for row in queries.traces(conn, limit=100).rows],
            "failed": [row.trace_id for row in queries.traces(conn, parse("failed:yes")).rows],
            "patterns": sorted((one.id, one.count, one.failed) for one in clusters.clusters),
            "found": sorted((hit.trace_id, hit.span_id) for hit in page.hits),
            "tags": queries.tag_keys(conn),
        }


def test_answers_are_those_of_one_database(spread: Store, tmp_path: Path) -> None:
    """The demo's runs give the same totals, lists, patterns and found spans as in SQLite."""
    with Store.open(tmp_path / "one.db") as single:
        for store in (single, spread):
            load_bundle(store, NOW)
            store.refresh()
        assert answers(spread) == answers(single)
    with spread.read() as conn:
        assert queries.backlog(conn, NOW).unindexed == 0
        parts = [conn.value(f"SELECT count(*) FROM shard_0{n}.traces") for n in (1, 2, 3)]
    assert sum(parts) == 60
    assert min(parts) > 0


def test_an_upgrade_migrates_the_coordinator_and_each_shard(
    spread: Store, make_trace: Callable[..., list[Span]]
) -> None:
    """What the first schema holds is there afterwards, and is answered as before."""
    spread.write(runs(make_trace))
    spread.refresh()
    before = answers(spread)
    nodes = spread.split([f"{number:032x}" for number in range(1, RUNS + 1)])
    urls = [spread.place.text, *(node.place.text for node, _ in nodes)]
    old = [url.replace("+psycopg", "") for url in urls]
    for url in old:
        with psycopg.connect(url) as raw:
            raw.execute("UPDATE alembic_version SET version_num = '0001'")
            for name in (
                *("spans_models", "spans_root_calls", "spans_responses"),
                *("traces_error", "traces_note"),
            ):
                raw.execute(f"DROP INDEX IF EXISTS {name}")
    with Store.open(spread.place.text) as newer:
        assert answers(newer) == before
        newer.write(runs(make_trace))
        newer.refresh()
        assert answers(newer) == before
    assert len(old) == 4
    for url in old:
        with psycopg.connect(url) as raw:
            assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


def test_joins_and_sums_go_to_the_shards(
    spread: Store, make_trace: Callable[..., list[Span]]
) -> None:
    """Each shard joins its spans with its runs, adds up by run, and searches, for itself."""
    long = (make_trace(number, *["step"] * 60, failed=True) for number in range(1, 61))
    spread.write(Batch([span for trace in long for span in trace], []))
    for node, _ in spread.split([f"{number:032x}" for number in range(1, 61)]):
        with psycopg.connect(node.place.text.replace("+psycopg", ""), autocommit=True) as raw:
            raw.execute("ANALYZE")  # as PostgreSQL does by itself, a minute later
    joined = asked(
        "SELECT t.name, s.name FROM traces t JOIN spans s USING (trace_id) WHERE failed = 1", spread
    )
    assert len(joined) == 3
    assert all("public.traces" in sql and "INNER JOIN public.spans" in sql for sql in joined)
    summed = asked("SELECT trace_id, count(*), max(end_ns) FROM spans GROUP BY trace_id", spread)
    assert len(summed) == 3
    assert all("count(*)" in sql and "GROUP BY 1" in sql for sql in summed)
    found = asked(
        "SELECT seq FROM span_index i JOIN spans s ON s.trace_id = i.trace_id AND seq = rowid"
        " WHERE words @@ 'needle'::tsquery",
        spread,
    )
    assert len(found) == 3
    assert all("INNER JOIN" in sql and "@@" in sql for sql in found)
    rolled = asked("SELECT variant_id, sum(traces) FROM variant_days GROUP BY variant_id", spread)
    assert len(rolled) == 3
    assert all("variant_days" in sql for sql in rolled)


def test_a_shard_that_is_away_is_named_and_loses_nothing(
    spread: Store, servers: list[Cluster], make_trace: Callable[..., list[Span]]
) -> None:
    """Writing and reading say which; back again, what was refused is written once, all of it."""
    batch = runs(make_trace)
    half = Batch(batch.spans[: len(batch.spans) // 2], [])
    spread.write(half)
    spread.refresh()
    servers[1].stop()
    away = rf"127\.0\.0\.1:{servers[1].port}/\w+.* does not answer .*start its server"
    for _ in range(2):
        with pytest.raises(StoreBusy, match=away) as written:
            spread.write(batch)
        with pytest.raises(StoreBusy, match=away) as read, spread.read() as conn:
            queries.overview(conn)
        assert PASSWORD not in f"{written.value}{read.value}"
    servers[1].start()
    spread.write(batch)
    spread.refresh()
    with spread.read() as conn:
        found = queries.overview(conn)
        assert (found.traces, found.spans) == (RUNS, len(batch.spans))
        for number in range(1, RUNS + 1):
            whole = queries.trace(conn, f"{number:032x}")
            assert len(whole.spans) == sum(
                span.trace_id == whole.trace_id for span in batch.spans
            )  # fmt: skip
    assert spread.write(batch).same == len(batch.spans)


def test_a_receiver_asks_for_what_it_could_not_store_again(
    spread: Store, servers: list[Cluster]
) -> None:
    """While a shard is away its runs are answered 503, others 200; sent again, all are there."""
    bodies = [otlp(2, number) for number in range(1, 13)]
    headers = {"content-type": "application/json"}
    with running(spread.place.text) as receiver:
        assert receiver.http.post("/v1/traces", content=bodies[0], headers=headers).is_success
        servers[2].stop()
        answers = [receiver.http.post("/v1/traces", content=one, headers=headers) for one in bodies]
        assert {answer.status_code for answer in answers} == {200, 503}
        for answer in answers:
            if answer.status_code == 503:
                assert answer.headers["retry-after"]
                assert str(servers[2].port) in answer.text
                assert PASSWORD not in answer.text
        servers[2].start()
        for body in bodies:
            assert receiver.http.post("/v1/traces", content=body, headers=headers).is_success
    spread.refresh()
    with spread.read() as conn:
        found = queries.overview(conn)
    assert (found.traces, found.spans) == (12, 12 * 2)


def test_spools_are_read_into_the_shards(
    spread: Store, make_trace: Callable[..., list[Span]]
) -> None:
    """Each span goes to its shard, and what ran in a process that is gone is incomplete there."""
    spread.spool.mkdir(parents=True)
    spans = [one for number in range(1, 7) for one in make_trace(number, "search")]
    spans[0] = spans[0]._replace(status="running", end_ns=None)
    lines = [
        json.dumps(
            {
                **span_to_dict(one),
                "type": "start" if one.status == "running" else "span",
                "trace_id": one.trace_id,
            }
        )
        for one in spans
    ]
    (spread.spool / "1-1.jsonl").write_text("\n".join(lines) + "\n")
    assert spread.drain().spans == len(spans)
    spread.refresh()
    with spread.read() as conn:
        found = queries.overview(conn)
        assert (found.traces, found.spans, found.incomplete) == (6, 12, 1)
    assert list(spread.spool.glob("*.jsonl")) == []


def test_what_users_say_goes_where_the_run_is(
    spread: Store, make_trace: Callable[..., list[Span]]
) -> None:
    """An outcome given by hand changes the run and the totals; what can't be done here says so."""
    spread.write(runs(make_trace))
    spread.refresh()
    ids = [f"{number:032x}" for number in (1, 2, 3)]
    assert annotate_traces(spread, ids, TraceEdit(outcome="fail")) == 3
    with spread.read() as conn:
        assert queries.overview(conn).failed_by_outcome == 3
    spread.remove(*ids)
    with spread.read() as conn:
        assert queries.overview(conn).traces == RUNS - 3
    shard_bytes = 0
    for node in spread.nodes():
        with node.read() as conn:
            shard_bytes = max(shard_bytes, conn.used_bytes())
    assert would_retire(spread, parse("failed:yes"), 3 * 2 * shard_bytes).traces == 0
    assert would_retire(spread, parse("failed:yes")).traces == RUNS // 4
    deleted = list(retire(spread, parse("failed:yes")))
    with spread.read() as conn:
        found = queries.overview(conn)
    assert sum(one.traces for one in deleted) == RUNS // 4
    assert (found.traces, found.failed) == (RUNS - 3 - RUNS // 4, 0)
    with (
        pytest.raises(StoreError, match="on each of them, with --db postgresql") as refused,
        spread.writing() as conn,
    ):
        conn.run("UPDATE variants SET name = NULL")
    assert PASSWORD not in str(refused.value)


def test_what_was_derived_is_worked_out_anew_on_every_shard(
    spread: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forget_prices: Callable[[], None],
) -> None:
    """Costs after prices have changed, and summaries, are those of one database."""
    file = tmp_path / "prices.json"
    file.write_text('{"gpt-4o-mini": [100, 100]}')
    with Store.open(tmp_path / "one.db") as single:
        both = (single, spread)
        for store in both:
            load_bundle(store, NOW)
            store.refresh()
        before = answers(single)["cost"]
        monkeypatch.setenv("CLUSTERTRACE_PRICING_JSON", str(file))
        forget_prices()
        costs = [backfill_costs(store) for store in both]
        assert replace(costs[1], added_usd=0) == replace(costs[0], added_usd=0)
        assert costs[1].added_usd == pytest.approx(costs[0].added_usd)
        assert answers(spread) == answers(single)
        assert answers(single)["cost"] != before
        assert backfill_signatures(spread) == backfill_signatures(single)
        assert answers(spread) == answers(single)
        assert [check(node).sound for node in spread.nodes()] == [True] * 3


def test_a_copy_comes_from_the_shards_and_goes_to_none(
    spread: Store, make_trace: Callable[..., list[Span]], tmp_path: Path
) -> None:
    """What is spread is copied into one database; a spread one takes runs, and no totals."""

    def quiet(what: str, done: int, total: int) -> None:
        """Tell nobody."""

    spread.write(runs(make_trace))
    spread.refresh()
    with Store.open(tmp_path / "one.db") as single:
        copy(spread, single, quiet, batch=7)
        assert answers(single) == answers(spread)
        assert check(single).sound
        with pytest.raises(UsageError, match="is spread over several servers"):
            copy(single, spread, quiet)


def test_only_empty_databases_are_spread(spread: Store, migrated_url: str) -> None:
    """Runs that lie in one place already are not left behind there."""
    from clustertrace.store.postgres import nodes

    with pytest.raises(UsageError, match="name each once"):
        nodes.spread_over(place_of(migrated_url), [place_of(migrated_url)] * 2)
    plan = "\n".join(nodes.planned([place_of("postgresql://me:it''s@db1/a")]))
    assert "user 'me', password '…'" in plan
    assert "it''s" not in plan
