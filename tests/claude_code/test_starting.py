"""The hook's script, run as Claude Code runs it."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clustertrace.claude_code import starting
from clustertrace.claude_code.hook import command

SCRIPT = starting.__file__


def hook(port: int, minutes: float = 15, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the hook's command to its end, with what it prints."""
    return subprocess.run(
        ["sh", "-c", command(sys.executable, port, minutes, None)],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_it_starts_one_receiver(started: Any, tmp_path: Path) -> None:
    """Five sessions at once make one, on the session's database, with the pages asleep."""
    line = command(sys.executable, started.port, 15, None)
    at_once = [subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE) for _ in range(5)]
    assert [process.communicate(timeout=60)[0] for process in at_once] == [b""] * 5
    health = started.ready()
    assert [process.returncode for process in at_once] == [0] * 5
    assert health["db"] == str(tmp_path / "traces.db")
    assert (health["ui"], health["idle_shutdown_minutes"]) == ("asleep", 15)
    assert len(started.processes) == 1
    assert hook(started.port).returncode == 0
    assert len(started.processes) == 1
    assert "taken" not in Path(starting.log_path()).read_text()


def test_it_takes_grpc_where_the_hook_says(started: Any) -> None:
    """Port 0 is any that is free."""
    pytest.importorskip("grpc")
    line = command(sys.executable, started.port, 15, None, 0)
    assert subprocess.run(["sh", "-c", line], check=False).returncode == 0
    assert started.grpc_port() > 0


def test_it_starts_again_what_was_killed(started: Any) -> None:
    """The lock goes with its process, however that ended."""
    hook(started.port)
    started.ready()
    [first] = started.processes
    os.kill(first, 9)
    started.gone()
    hook(started.port)
    started.ready()
    assert started.processes != [first]


def test_it_leaves_when_nothing_happens(started: Any) -> None:
    """After so many minutes the receiver ends by itself."""
    hook(started.port, 0.02)
    started.ready()
    started.gone()
    assert "nothing has come in for 0.02 min" in Path(starting.log_path()).read_text()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_receiver_knows_nothing_of_the_session(started: Any, tmp_path: Path) -> None:
    """No token of the session's, none of its folder; our own settings are passed on."""
    hook(started.port, SECRET_TOKEN="sk-1", CLUSTERTRACE_CAPTURE="metadata", LC_ALL="C")
    started.ready()
    [process] = started.processes
    environment = Path(f"/proc/{process}/environ").read_text()
    assert "SECRET_TOKEN" not in environment
    assert "CLUSTERTRACE_CAPTURE=metadata" in environment
    # A database's URL may hold a password, and every user of the machine can read a command line.
    assert b"--db" not in Path(f"/proc/{process}/cmdline").read_bytes()
    assert f"CLUSTERTRACE_DB={tmp_path / 'traces.db'}" in environment
    assert Path(f"/proc/{process}/cwd").resolve() == Path.home() / ".clustertrace"
    # Its streams, the lock, and nothing that it was given besides.
    streams = [os.readlink(f"/proc/{process}/fd/{number}") for number in range(4)]
    assert streams[0] == "/dev/null"
    assert streams[1] == streams[2] == starting.log_path()
    assert streams[3].endswith(f"receiver-{started.port}.lock")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "PATH": ""},
        {"PYTHONSTARTUP": "/nowhere", "PYTHONWARNINGS": "error", "PYTHONVERBOSE": "1"},
    ],
)
def test_a_broken_environment_is_no_matter(started: Any, environment: dict[str, str]) -> None:
    """Nothing is printed, all is well, and the receiver is there."""
    line = ["/bin/sh", "-c", command(sys.executable, started.port, 15, None)]
    done = subprocess.run(
        line, capture_output=True, check=False, env={**os.environ, **environment}, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    started.ready()


def test_a_home_that_can_not_be_written_is_no_matter(started: Any, tmp_path: Path) -> None:
    """With a home that can't be written nothing is started, and the session hears nothing of it."""
    (tmp_path / "file").touch()
    done = hook(started.port, HOME=str(tmp_path / "file"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert started.processes == []


def test_a_python_that_is_gone_is_no_matter() -> None:
    """An environment that was deleted leaves a hook that does nothing."""
    line = command("/nowhere/python", 7777, 15, None)
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_another_program_keeps_its_port(started: Any) -> None:
    """No receiver is started on a port that something listens on."""
    with socket.create_server(("127.0.0.1", started.port)):
        assert hook(started.port).returncode == 0
        assert started.processes == []


def test_it_loads_next_to_nothing() -> None:
    """Which is what makes it fast: none of the modules that cost as much as all of it."""
    program = (
        f"import sys; sys.argv = ['x', '--port', 'x']; before = set(sys.modules); "
        f"exec(open({SCRIPT!r}).read(), {{'__name__': 'x'}}); "
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    costly = {"argparse", "enum", "pathlib", "re", "socket", "subprocess", "typing"}
    assert not costly & set(done.stdout.split())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {}),
        ("--port 1 --db x --idle-shutdown-minutes .5", {"port": 1, "db": "x", "idle_minutes": 0.5}),
        ("--port", None),
        ("--port x", None),
        ("--help 1", None),
    ],
)
def test_options_are_all_understood_or_none(given: str, expected: Any) -> None:
    """Pairs that are understood, or nothing at all."""
    assert starting.options(shlex.split(given)) == expected
