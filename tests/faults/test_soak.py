"""A dashboard at work holds what it needs and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_dashboard_at_work_lets_go_of_what_it_opens(tmp_path: Path) -> None:
    """Three seconds of mixed load: nothing goes wrong, no open files pile up (`make soak`)."""
    program = Path(__file__).with_name("soak.py")
    done = subprocess.run(
        [sys.executable, str(program), "--minutes", "0.05", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout)
    assert seen["wrong"] == []
    assert seen["samples"] > 0
    assert "files" not in seen["grew"]
