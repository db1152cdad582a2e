"""The command that makes the bundle."""

from __future__ import annotations

import gzip
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from clustertrace.demo.cases import VISITS
from clustertrace.demo.timeline import plan


@pytest.mark.slow
def test_recording_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whoever runs the recorder gets the traces that are bundled, byte for byte."""
    recorded_again = tmp_path / "traces.jsonl.gz"
    subprocess.run(
        [sys.executable, "-m", "clustertrace.demo.record", str(recorded_again)],
        check=True,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    bundled = (files("clustertrace.demo") / "traces.jsonl.gz").read_bytes()
    # Compared unpacked, because zlib's versions pack differently.
    assert gzip.decompress(recorded_again.read_bytes()) == gzip.decompress(bundled)


def test_the_week_has_every_visit_once_and_in_order() -> None:
    """No visit is lost or doubled when they are spread over the week."""
    planned = plan()
    assert sorted(map(id, (entry.visit for entry in planned))) == sorted(map(id, VISITS))
    moments = [entry.at_ns for entry in planned]
    assert moments == sorted(moments)
