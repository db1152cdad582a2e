"""A receiver that stores in PostgreSQL, while its server goes away and comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from clustertrace.store import Store, queries
from tests.ingest.conftest import Receiver, running
from tests.postgres_cluster import Cluster

JSON = {"Content-Type": "application/json"}


def test_a_receiver_on_postgres(
    postgres: Cluster, migrated_url: str, otlp_json: Callable[..., bytes]
) -> None:
    """What is acknowledged is there; 503 while the server is away; no password is shown."""
    url = migrated_url.replace("@", ":hunter2@")
    with running(Path("unused"), ("--no-ui", "--db", ""), CLUSTERTRACE_DB=url) as receiver:
        assert _sent(receiver, otlp_json(3, trace=1)) == 200
        assert receiver.health()["db"] == migrated_url
        assert "hunter2" not in _command_line(receiver)
        postgres.stop()
        answer = receiver.http.post("/v1/traces", content=otlp_json(3, trace=2), headers=JSON)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "hunter2" not in answer.text + receiver.health()["trouble"]
        assert "start its server" in receiver.health()["trouble"]
        postgres.start()
        assert _sent(receiver, otlp_json(3, trace=2)) == 200
        assert _sent(receiver, otlp_json(3, trace=2)) == 200
        receiver.until(lambda: _settled(migrated_url) == [3, 3])
        assert receiver.health()["trouble"] is None


def _sent(receiver: Receiver, body: bytes) -> int:
    return receiver.http.post("/v1/traces", content=body, headers=JSON).status_code


def _settled(url: str) -> list[Any]:
    with Store.open(url) as store, store.read() as conn:
        return [row.span_count for row in queries.traces(conn).rows]


def _command_line(receiver: Receiver) -> str:
    return Path(f"/proc/{receiver.process.pid}/cmdline").read_text()
