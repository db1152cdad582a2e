"""The tests' own PostgreSQL."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from tests.postgres_cluster import Cluster

ROOT = Path(__file__).resolve().parents[1]


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect with the driver itself."""
    import psycopg

    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_each_test_has_an_empty_database(postgres_url: str) -> None:
    """Nothing that another test made is there."""
    with connect(postgres_url) as conn:
        conn.execute("CREATE TABLE here (a int)")
        (tables,) = conn.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert tables == 1


def test_the_server_can_go_away_and_come_back(postgres: Cluster, postgres_url: str) -> None:
    """A stopped server breaks connections and refuses new ones; started again, it has its data."""
    import psycopg

    with connect(postgres_url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS a")
        postgres.stop()
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect(postgres_url)
    postgres.start()
    with connect(postgres_url) as conn:
        assert conn.execute("SELECT a FROM kept").fetchone() == (7,)


PROGRAM = """
import sys
from tests.postgres_cluster import Cluster, newest_binaries

cluster = Cluster(newest_binaries())
print(cluster.folder, cluster.port, flush=True)
sys.stdin.read()
"""


def test_nothing_is_left_of_a_run_that_is_killed(postgres: Cluster) -> None:
    """The server of a killed process stops, and its data are removed."""
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    folder, port = run.stdout.readline().split()
    socket.create_connection(("127.0.0.1", int(port))).close()
    run.kill()
    run.communicate()
    until = time.monotonic() + 60
    while Path(folder).exists():
        assert time.monotonic() < until, "the data are still there"
        time.sleep(0.05)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))
