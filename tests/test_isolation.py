"""What keeps tests apart from the machine that they run on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

import clustertrace

OUTSIDE = "192.0.2.1"
"""An address that is reserved for documentation."""


def test_no_other_host_can_be_reached() -> None:
    """Connecting to, or looking up, any host but this one is refused at once."""
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError, match="loopback only"):
        sock.connect((OUTSIDE, 80))
    with pytest.raises(ConnectionRefusedError, match="loopback only"):
        socket.getaddrinfo("example.org", 80)


def test_child_processes_are_sent_to_a_dead_proxy() -> None:
    """A program that a test starts can't fetch anything from outside either."""
    program = f"import urllib.request; urllib.request.urlopen('http://{OUTSIDE}/', timeout=5)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "Connection refused" in done.stderr


def test_loopback_is_open() -> None:
    """Servers that a test starts can be reached, without the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("localhost", port)) as sock:
            assert sock.getpeername()[1] == port
    with pytest.raises(URLError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)


def test_recording_goes_into_the_tests_own_folder(tmp_path: Path) -> None:
    """What a test records lies in its own folder, and its home is not the user's."""
    assert clustertrace.get_db_path() == tmp_path / "traces.db"
    assert not (Path.home() / ".clustertrace").exists()
    assert [name for name in os.environ if name.startswith("CLUSTERTRACE_")] == ["CLUSTERTRACE_DB"]
