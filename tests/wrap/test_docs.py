"""What the page on wrappers shows is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wrappers.md"


def test_the_example_runs_as_it_stands(tmp_path: Path) -> None:
    """All three clients are wrapped by the page's own lines, on keys of no account."""
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    after = "\nprint(type(claude).__name__, type(gpt).__name__, type(gemini).__name__)"
    path = tmp_path / "program.py"
    path.write_text(program.replace("…", "key") + after)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["Anthropic", "AsyncOpenAI", "Client"]
