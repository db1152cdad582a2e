"""Several programs on one PostgreSQL: nothing lost, nothing doubled, totals as of one."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from clustertrace.errors import StoreBusy
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store
from clustertrace.store.schema.tables import METADATA
from tests.postgres_cluster import Cluster

SECOND = 10**9
ORDERED = {"families", "state", "trait_names", "variants", "news", "logs"}
"""What depends on the order of arrival, or holds no answers."""


def batches() -> list[Batch]:
    """Sixty runs, each in three parts that overlap."""
    parts = []
    for number in range(60):
        trace_id = f"{number + 1:032x}"
        status = "ok" if number % 5 else "error"
        times = (number * SECOND, (number + 9) * SECOND)
        root = Span(trace_id, f"{1:016x}", None, f"agent {number % 3}", "agent", status, *times)
        steps = [
            root._replace(
                span_id=f"{at:016x}",
                parent_span_id=root.span_id,
                name=f"tool {at % 4}",
                kind="tool",
            )
            for at in range(2, 12)
        ]
        facts = [TraceFacts(trace_id, session_id=f"talk {number % 7}", tags={"tier": "gold"})]
        parts += [Batch(steps[:6], facts), Batch([root, *steps[4:]], facts), Batch([root], [])]
    return parts


def content(store: Store) -> dict[str, list[str]]:
    """Every row that answers are made of, without running numbers and times."""
    with store.read() as conn:
        return {
            table: sorted(
                repr(_without_order(table, row)) for row in conn.rows(f"SELECT * FROM {table}")
            )
            for table in METADATA.tables
            if table not in ORDERED
        }


def _without_order(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out a span's number, and the family: whichever variant came first leads it."""
    return {"spans": row[:2] + row[3:], "variant_totals": row[:-1]}.get(table, row)


def test_several_receivers(migrated_url: str, tmp_path: Path) -> None:
    """Each writes all of it in an order of its own, and settles: as one that did it once."""
    mishaps: list[BaseException] = []

    def receive(seed: int) -> None:
        try:
            mine = batches()
            random.Random(seed).shuffle(mine)
            with Store.open(migrated_url) as store:
                for number, batch in enumerate(mine):
                    store.write(batch)
                    if number % 7 == seed:
                        store.settle(everything=True, limit=20)
                        store.index_text(limit=50)
        except BaseException as error:
            mishaps.append(error)

    threads = [threading.Thread(target=receive, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mishaps == []
    with Store.open(tmp_path / "alone.db") as alone, Store.open(migrated_url) as together:
        for batch in batches():
            alone.write(batch)
        alone.refresh()
        together.refresh()
        assert content(together) == content(alone)
        with together.writing() as conn:
            conn.texts.check(conn)


def test_a_server_that_goes_away(postgres: Cluster, migrated_url: str) -> None:
    """What can't be written is told in a sentence; when the server is back, it goes on."""
    one, other, *_ = batches()
    with Store.open(migrated_url) as store:
        store.write(one)
        with store.read() as conn:
            assert conn.value("SELECT count(*) FROM spans") == 6
        postgres.stop()
        with pytest.raises(StoreBusy, match=r"does not answer .*start its server"):
            store.write(other)
        with pytest.raises(StoreBusy), store.read():
            pass
        postgres.start()
        assert store.write(other).new == 5
        store.refresh()
        with store.read() as conn:
            assert conn.value("SELECT count(*) FROM spans") == 11
