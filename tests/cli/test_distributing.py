"""`clustertrace db distribute`: what it would run, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SERVER = "postgresql+psycopg://me:secret@db0/traces"


def test_a_dry_run_prints_the_statements_and_no_password(run: Any) -> None:
    """A dry run prints its statements as SQL or as JSON, without passwords, and asks no server."""
    ran = run("db", "distribute", "--engine", "citus", "--dry-run", "--db", SERVER)
    assert ran.code == 0
    assert "SELECT create_distributed_table('traces', 'trace_id');\n" in ran.out
    shards = [f"--shard=postgresql://me:hunter2@db{n}/traces" for n in (1, 2)]
    asked = ["--engine", "fdw", *shards, "--dry-run", "--json"]
    ran = run("db", "distribute", *asked, "--db", SERVER)
    answer = json.loads(ran.out)
    assert (answer["engine"], answer["dry_run"]) == ("fdw", True)
    assert any("MODULUS 2, REMAINDER 1" in one for one in answer["statements"])
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "citus"], "is a file, which can't be spread"),
        (["--engine", "fdw", "--db", SERVER], "Name the shards of --engine fdw with --shard"),
        (["--engine", "citus", "--shard", SERVER, "--db", SERVER], "citus knows its own nodes"),
        (["--engine", "fdw", "--shard", "a.db", "--db", SERVER], "Each shard is a separate"),
    ],
)
def test_what_can_not_be_spread_is_refused(
    run: Any, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """What can't be spread is refused in one sentence, before any server is asked."""
    ran = run("db", "distribute", "--db", tmp_path / "traces.db", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert sentence in ran.err
