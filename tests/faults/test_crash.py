"""What was promised is kept, whenever a process is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_nothing_promised_is_lost_to_kill(tmp_path: Path) -> None:
    """Twenty processes of every kind are killed under load: each promised span is there once.

    `make crash` does the same for ten minutes.
    """
    program = Path(__file__).with_name("crash.py")
    done = subprocess.run(
        [sys.executable, str(program), "--kills", "20", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["broken"] == []
    assert sum(result["kills"].values()) == 20
    assert result["spans_promised"] > 100
