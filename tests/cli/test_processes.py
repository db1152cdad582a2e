"""The installed command as users start it: pipes, exit codes, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clustertrace.cli.supervisor import Address, health

COMMAND = (sys.executable, "-m", "clustertrace")


def started(*arguments: str, given: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a real process."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.usefixtures("filled")
def test_traces_go_through_a_pipe(tmp_path: Path) -> None:
    """export | import, then export again: the same bytes."""
    other = str(tmp_path / "other.db")
    with subprocess.Popen([*COMMAND, "export", "--all"], stdout=subprocess.PIPE) as export:
        piped = subprocess.run(
            [*COMMAND, "import", "--db", other],
            stdin=export.stdout,
            capture_output=True,
            check=True,
        )
    assert piped.stdout.startswith(b"3 traces with 15 spans added")
    assert started("export", "--all", "--db", other) == started("export", "--all")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error(unbuffered: str) -> None:
    """`export --all | head -1` ends quietly, however much was left to say."""
    spans = [
        {"span_id": f"{n:016x}", "name": "s", "start_time_unix_nano": 1, "output": "x" * 4000}
        for n in range(1, 200)
    ]
    record = {"format": "clustertrace/1", "trace_id": f"{7:032x}", "spans": spans}
    assert started("import", given=json.dumps(record).encode())[0] == 0
    reader, writer = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "export", "--all"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    ) as export:
        os.close(writer)
        assert os.read(reader, 10) == b'{"format":'
        os.close(reader)
        assert export.stderr is not None
        assert export.stderr.read() == b""
    assert export.returncode == 141


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [["stats"], ["clusters", "--json"], ["export", "--all"]])
@pytest.mark.usefixtures("filled")
def test_a_full_disk_is_one_sentence(command: list[str], unbuffered: str) -> None:
    """Output that can't be written is told, once."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert (done.returncode, done.stderr) == (2, b"error: no space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("command", [["stats"], ["stats", "--json"], ["import"]])
@pytest.mark.usefixtures("filled")
def test_closed_streams_are_no_trouble(command: list[str], closed: str) -> None:
    """As cron and daemons may start a command: it does what it should, and nobody is told."""
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *command]
    done = subprocess.run(shell, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    errors = done.stderr.decode()
    assert (done.returncode, "error" in errors) == (0, False), errors


@pytest.mark.usefixtures("filled")
def test_a_plain_terminal_is_enough() -> None:
    """Where the output knows no lines and arrows, they are replaced and nothing breaks."""
    code, out, err = started("inspect", "--latest", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (code, err) == (0, "")
    assert "fetch" in out
    assert out.isascii()


def test_wrong_use_has_no_traceback() -> None:
    """A typing mistake is one line and exit code 2."""
    code, out, err = started("inspekt")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: no such command 'inspekt'")
    assert err.endswith("; see `clustertrace --help`.\n")


def test_the_dashboard_serves_and_leaves(database: str, tmp_path: Path) -> None:
    """It says where it is, answers there, and takes its receiver along when it ends."""
    with subprocess.Popen(
        [*COMMAND, "dashboard", "--port", "0", "--grpc-port", "0", "--no-browser"],
        stderr=subprocess.PIPE,
        text=True,
    ) as dashboard:
        assert dashboard.stderr is not None
        line = dashboard.stderr.readline()
        assert line.startswith(f"clustertrace serves {database} at http://localhost:")
        port = int(line.split("http://localhost:")[1].split()[0])
        address = Address("localhost", port)
        deadline = time.monotonic() + 60
        while (answer := health(address)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert answer["db"] == database
        while answer["grpc"] is None:
            assert time.monotonic() < deadline
            answer = health(address) or answer
        again = started("dashboard", "--port", str(port), "--no-browser")
        assert again == (0, "", f"clustertrace is already running at http://localhost:{port}.\n")
        other = started("dashboard", "--port", str(port), "--db", str(tmp_path / "other.db"))
        assert other[0] == 2
        assert "taken by a clustertrace with another database" in other[2]
        dashboard.send_signal(signal.SIGINT)
        assert dashboard.wait(30) == 0
    assert health(address) is None


def test_a_dashboard_in_the_background_is_found(tmp_path: Path) -> None:
    """`dashboard` says that one runs already, and for how long."""
    command = [sys.executable, "-m", "clustertrace.ingest", "--no-ui", "--port", "0"]
    with subprocess.Popen(
        [*command, "--idle-shutdown-minutes", "15"], stderr=subprocess.PIPE, text=True
    ) as receiver:
        assert receiver.stderr is not None
        port = receiver.stderr.readline().strip().rpartition(":")[2]
        messages = started("dashboard", "--port", port, "--no-browser")
        receiver.terminate()
    url = f"http://localhost:{port}"
    until = "until nothing has come in for 15 min"
    assert messages == (0, "", f"clustertrace is already running at {url} {until}.\n")
