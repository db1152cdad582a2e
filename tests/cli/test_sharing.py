"""`snapshot`: what is written, and what is said about it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from clustertrace.cli import main


@pytest.mark.usefixtures("demo")
def test_a_trace_becomes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trace becomes a file that is described on standard output."""
    main(["inspect", "--failed", "--json"])
    trace_id = json.loads(capsys.readouterr().out)["trace_id"]
    file = tmp_path / "run.html"
    assert main(["snapshot", trace_id[:10], "-o", str(file), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["traces"] == [trace_id]
    assert answer["bytes"] == file.stat().st_size
    assert trace_id in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("demo")
def test_a_pattern_comes_with_its_failed_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pattern comes with its numbers and its newest failed runs."""
    main(["clusters", "--json"])
    worst = json.loads(capsys.readouterr().out)["clusters"][0]
    file = tmp_path / "pattern.html"
    assert main(["snapshot", worst["id"], "-o", str(file), "--runs", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["pattern"], len(answer["traces"])) == (worst["id"], 2)
    assert f"{worst['failed']} of {worst['count']} runs failed" in file.read_text("utf-8")


@pytest.mark.usefixtures("demo")
def test_nowhere_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that can't be written is said in a sentence."""
    main(["inspect", "--latest", "--json"])
    trace_id = json.loads(capsys.readouterr().out)["trace_id"]
    assert main(["snapshot", trace_id, "-o", str(tmp_path / "none" / "x.html")]) == 2
    assert "x.html can't be written: no such file" in capsys.readouterr().err
