"""The parts of docs/case-study.md that come from its runs, and the snapshot beside it."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["answers", "fix", "main", "snapshot"]

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = Path(__file__).with_name("case-study.html")


@cache
def _told() -> tuple[list[str], bytes]:
    """What the study prints, a block for each command; and a snapshot of its worst pattern."""
    with TemporaryDirectory(prefix="clustertrace-docs-") as folder:
        here = Path(folder)
        # No setting of a person's own may change what is measured.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CLUSTERTRACE_")}
        clean |= {"CLUSTERTRACE_DB": str(here / "case.db"), "TZ": "UTC"}
        # Versions of Python mark other parts of a traceback's lines; without marks they agree. What
        # is compiled so is not kept, since it would have none for anybody.
        clean |= {"PYTHONNODEBUGRANGES": "1", "PYTHONDONTWRITEBYTECODE": "1"}

        def run(*arguments: str) -> str:
            command = [sys.executable, "-m", *arguments]
            done = subprocess.run(command, env=clean, check=True, stdout=subprocess.PIPE, text=True)
            return done.stdout

        text = run("clustertrace.demo.case_study", str(here / "case.db"))
        worst = json.loads(run("clustertrace", "clusters", "--limit", "1", "--json"))["clusters"][0]
        run("clustertrace", "snapshot", worst["id"], "--runs", "1", "-o", str(here / "it.html"))
        # A reader's checkout stands elsewhere.
        made = (here / "it.html").read_bytes().replace(f"{ROOT}{os.sep}".encode(), b"")
    blocks = [f"$ clustertrace {block.rstrip()}" for block in text.split("$ clustertrace ")[1:]]
    return ["\n".join(line.rstrip() for line in block.splitlines()) for block in blocks], made


def answers() -> list[str]:
    """Each command with its answer, as a block of code."""
    return [f"```text\n{block}\n```" for block in _told()[0]]


def snapshot() -> bytes:
    """The worst pattern with its newest failed run."""
    return _told()[1]


def fix() -> str:
    """The decision of version 1.1, as it stands in the code."""
    from clustertrace.demo import case_study

    return f"```python\n{inspect.getsource(case_study.decide_fixed).rstrip()}\n```"


def main() -> None:
    """Write the snapshot."""
    SNAPSHOT.write_bytes(snapshot())
    print(f"{SNAPSHOT}: {SNAPSHOT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
