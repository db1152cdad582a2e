"""What it costs to look for secrets, and to cut them, by what a text is about.

    python benchmarks/bench_redaction.py [MEGABYTES]     (default 3)

Texts of three kinds: prose without a secret's name, program text (the standard library), a third of
which names passwords and tokens but holds no secret, and a log in which every line holds one. The
floor is `str.lower`, which reads and copies every character once. A tool result of a coding agent
is some 8 000 characters: told last is what the first and the next such text with names cost. CPU
time, the best of three.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from figures import machine

from clustertrace.redaction import Redactor

LENGTH = 8_000
PROSE = "The order was found, and the parcel left on Monday; nothing else is known of it. "
LINE = (
    "2026-11-29 12:00:01 INFO login user=ann password=hunter2z took=12ms status=200 from=10.0.0.1\n"
)
FIRST = """
import sys, time
from clustertrace.redaction import Redactor
text, cut = sys.stdin.read(), Redactor()
begin = time.process_time()
cut(text)
middle = time.process_time()
cut(text)
print((middle - begin) * 1e3, (time.process_time() - middle) * 1e3)
"""


def program_texts(characters: int) -> list[str]:
    """Pieces of the standard library."""
    texts: list[str] = []
    for file in sorted(Path(subprocess.__file__).parent.glob("[a-z]*.py")):
        text = file.read_text("utf-8", errors="replace")
        texts += [text[at : at + LENGTH] for at in range(0, len(text), LENGTH)]
        if LENGTH * len(texts) > characters:
            break
    return texts


def cost(read: Callable[[str], object], texts: Sequence[str]) -> float:
    """Nanoseconds a character."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        for text in texts:
            read(text)
        best = min(best, time.process_time() - begin)
    return best / sum(map(len, texts)) * 1e9


def main() -> None:
    """Print a row for each kind of text."""
    characters = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 3_000_000
    count, cut = characters // LENGTH, Redactor()
    programs = program_texts(characters)
    named = [text for text in programs if cut.suspects(text)]
    kinds = {
        "prose": [(PROSE * LENGTH)[at : at + LENGTH] for at in range(count)],
        "program text": programs,
        "of it, with names": named,
        "a log full of them": [(LINE * LENGTH)[:LENGTH]] * (count // 20),
    }
    print(f"{machine()}; nanoseconds a character")
    print(f"{'':20} {'scan':>8} {'cut':>8} {'floor':>8}")
    for kind, texts in kinds.items():
        scan, whole, floor = (cost(read, texts) for read in (cut.suspects, cut, str.lower))
        print(f"{kind:20} {scan:8.1f} {whole:8.1f} {floor:8.2f}   {len(texts):,} texts", flush=True)
    command = [sys.executable, "-c", FIRST]
    took = subprocess.run(command, input=named[0], capture_output=True, text=True, check=True)
    first, following = map(float, took.stdout.split())
    print(
        f"{LENGTH:,} characters with names: the first text {first:.1f} ms, the next {following:.2f}"
    )


if __name__ == "__main__":
    main()
