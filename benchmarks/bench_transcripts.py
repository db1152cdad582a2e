"""What reading a large session costs: memory at its peak, and megabytes a second.

    python benchmarks/bench_transcripts.py [MEGABYTES]     (default 40; 200 for the figure in docs)

One file holds sessions of many turns, then one single turn that is as long as all others together,
which must cost no more memory. Each is imported in a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS_A_TURN = 20
TEXT = "A line of what a tool has printed, or a file that it has read.\n" * 60


def row(kind: str, number: int, message: dict[str, Any], **more: Any) -> bytes:
    """One row of a session."""
    moment = time.gmtime(1_780_000_000 + number)
    about = {"type": kind, "uuid": f"u{number}", "sessionId": "s", "version": "2.1.330"}
    about |= {"timestamp": time.strftime("%FT%TZ", moment), "message": message} | more
    return json.dumps(about).encode() + b"\n"


def write(path: Path, size: int, *, one_turn: bool) -> None:
    """Write a session of about `size` bytes."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 9000, "output_tokens": 50}
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            if number % ROWS_A_TURN == 0 and (number == 0 or not one_turn):
                prompt = {"content": f"prompt {number}"}
                file.write(row("user", number, prompt, promptId=f"p{number}"))
            call = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"n": number}}
            message = {"id": f"m{number}", "model": "claude-sonnet-4-6", "usage": usage}
            file.write(row("assistant", number, {**message, "content": [call]}))
            result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": TEXT}
            file.write(row("user", number, {"content": [result]}))
            number += 1


def import_one(path: Path) -> None:
    """Import a file into a database beside it, and print what it took."""
    from clustertrace.store.store import Store
    from clustertrace.transcripts.finding import find
    from clustertrace.transcripts.importing import import_history

    with Store.open(path.with_suffix(".db")) as store:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        done = import_history(store, find("claude-code", path))
        took = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([done.turns, done.spans, took, before / 1024, peak / 1024]))


def main() -> None:
    """Print a line for each kind of file."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    for one_turn in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "session.jsonl"
            write(path, megabytes * 1024 * 1024, one_turn=one_turn)
            command = [sys.executable, __file__, "--import", str(path)]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            turns, spans, took, before, peak = json.loads(done.stdout)
            print(
                f"{megabytes} MB, {turns:,} turns, {spans:,} spans: {megabytes / took:.0f} MB/s, "
                f"peak {peak:.0f} MiB (an open database alone: {before:.0f} MiB)"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--import"]:
        import_one(Path(sys.argv[2]))
    else:
        main()
