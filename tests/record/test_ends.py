"""However a traced program ends, whatever is wrong with its recorder, it ends as if untraced."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.record.conftest import Recorded

UNTRACED = """
class clustertrace:
    trace = staticmethod(lambda function: function)
"""

ENDS = {
    "returns": "print(work(1))",
    "exits": "work(1); sys.exit(3)",
    "exits within": "@clustertrace.trace\ndef end(): sys.exit(5)\nend()",
    "raises": "@clustertrace.trace\ndef outer(): fail('deep')\nouter()",
    "chains": "try: fail('one')\nexcept ValueError: fail('two')",
    "os._exit": "work(1); os._exit(4)",
    "SIGTERM": "import signal; work(1); os.kill(os.getpid(), signal.SIGTERM)",
    "SIGTERM handled": (
        "import signal\n@clustertrace.trace\ndef handle(*_): print('told'); sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, handle); os.kill(os.getpid(), signal.SIGTERM)"
    ),
    "SIGINT": "import signal; work(1); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    "atexit": "import atexit; atexit.register(lambda: print(work(2)))",
    "threads": (
        "import threading\ndef go():\n for n in range(50): work(n)\n"
        "for _ in range(4): threading.Thread(target=go).start()\n"
        "threading.Thread(target=lambda: [work(n) for n in range(10**9)], daemon=True).start()"
    ),
    "fork": (
        "pid = os.fork()\nprint(work(3), flush=True) if pid == 0 else os.waitpid(pid, 0)\n"
        "sys.exit(0 if pid else 6)"
    ),
    "cancelled": (
        "import asyncio\n@clustertrace.trace\nasync def wait(): await asyncio.sleep(60)\n"
        "asyncio.run(asyncio.wait_for(wait(), 0.01))"
    ),
    "recursion": "@clustertrace.trace\ndef down(n): return n and down(n - 1)\nprint(down(200))",
    "closed stderr": "sys.stderr.close(); print(work(1))",
    "pickles": "import pickle; print(pickle.loads(pickle.dumps(work))(8))",
    "looks": "import inspect; print(inspect.signature(work), work.__doc__, work.__module__)",
}
"""Programs by how they end. Each is run traced and untraced."""

HEAD = """
import os, sys, time
@clustertrace.trace
def work(n: int = 1, *rest: str, key: float = 2.0, **more: object) -> int:
    "Do a little."
    return n
@clustertrace.trace
def fail(word):
    raise ValueError(word)
"""

_NOTICE = re.compile(r"^(clustertrace|http://127\.0\.0\.1:9)[^\n]*(\n|\Z)", re.M)
_RECORDER = re.compile(r'  File "[^"]*/clustertrace/record/[^\n]*\n(    [^\n]*\n)*')
"""Each traced call is one more frame, as with any decorator."""


def run(program: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Its exit code, and what it said without notices of the recorder and its frames."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    errors = done.stderr.replace(str(path), path.name)
    without_notices = _RECORDER.sub("", _NOTICE.sub("", errors))
    return done.returncode, done.stdout, re.sub(r"line \d+, in", "in", without_notices)


@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_if_untraced(tmp_path: Path, end: str) -> None:
    """The same output, exit code and traceback: with a place to record to, a bad one, none."""
    (tmp_path / "file").touch()
    traced = "import clustertrace\n" + HEAD + ENDS[end]
    nowhere = {"CLUSTERTRACE_DB": str(tmp_path / "file" / "traces.db")}
    nobody = {"CLUSTERTRACE_ENDPOINT": "http://127.0.0.1:9"}
    ways = [(UNTRACED + HEAD + ENDS[end], {}), (traced, {}), (traced, nowhere), (traced, nobody)]
    with ThreadPoolExecutor() as pool:
        plain, *others = pool.map(lambda way: run(way[0], tmp_path, **way[1]), ways)
    assert others == [plain] * 3


def test_a_subinterpreter_records_as_well(tmp_path: Path, recorded: Recorded) -> None:
    """It has a recorder, and so a segment, of its own; nothing of one is the other's."""
    program = """
try: import _interpreters as interpreters  # from Python 3.13
except ImportError: import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, '''
import clustertrace
@clustertrace.trace
def inner(): return "inner"
print(inner(), flush=True)
''')
interpreters.destroy(one)
import clustertrace
@clustertrace.trace
def outer(): return "outer"
print(outer())
"""
    code, out, err = run(program, tmp_path)
    assert (code, out, err) == (0, "inner\nouter\n", "")
    assert [trace.name for trace in recorded.traces()] == ["inner", "outer"]
