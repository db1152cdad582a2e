"""`cost`: where the money went, in words and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[1] / "transcripts" / "data" / "claude-code"


@pytest.fixture
def sessions(run: Any) -> None:
    assert run("import", "--from", "claude-code", DATA).code == 0


@pytest.mark.usefixtures("sessions")
def test_cost_by_tool(run: Any) -> None:
    """A sentence about all, then a line for each, the dearest first."""
    out = run("cost", "--by", "tool", "--limit", "2").out
    assert out.startswith(
        "$0.0335 for 32 calls of models, embeddings included; 85.7 % of the input was read "
        "from a cache.\n"
    )
    assert "$0.0142 of it went into context that earlier calls had read." in out
    assert out.index("(none)") < out.index("Bash")
    assert "and 5 more; --limit shows more." in out


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    ("by", "names"),
    [("session", 14), ("project", 1), ("model", 2), ("skill", 2), ("subagent", 2), ("day", 1)],
)
def test_cost_as_json(by: str, names: int, run: Any) -> None:
    """Every row, and the whole, with rates worked out."""
    answer = run("cost", "--by", by, "--json").answer
    assert (answer["by"], answer["names"], len(answer["rows"])) == (by, names, names)
    assert sum(row["input_tokens"] for row in answer["rows"]) == answer["total"]["input_tokens"]
    assert answer["total"]["cache_hit_rate"] == pytest.approx(27_000 / 31_500)
    assert answer["total"]["unpriced_share"] == 0
    assert answer["breaks"] == []


@pytest.mark.usefixtures("sessions")
def test_days_in_which_nothing_was_spent(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there was no model call in the last days, `--days` says so."""
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    ran = run("cost", "--days", "7")
    assert (ran.code, ran.out, ran.err) == (0, "", "No model calls in these days.\n")
    assert run("cost", "--days", "7", "--json").answer["rows"] == []


@pytest.mark.sqlite("a database that is not there")
def test_no_database(run: Any, tmp_path: Path) -> None:
    """Without a database nothing has been spent, and none is made."""
    assert run("cost", "--json").answer["total"]["calls"] == 0
    assert f"no model calls yet: there is no database at {tmp_path}" in run("cost").err
    assert not (tmp_path / "traces.db").exists()
