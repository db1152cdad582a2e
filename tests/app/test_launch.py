"""The pages' process: however it is ended, it leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from clustertrace.ingest.ui import launch_command
from tests.processes import free_port


@pytest.mark.slow
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda pages: pages.terminate(), id="told to end"),
        pytest.param(lambda pages: pages.stdin.close(), id="the receiver is gone"),
    ],
)
def test_the_empty_folder_that_the_pages_run_in_goes_with_them(
    end: Callable[[subprocess.Popen[bytes]], None], tmp_path: Path
) -> None:
    """A dashboard that is started each day would fill the disk's folder for temporary files."""
    folders = tmp_path / "temporary"
    folders.mkdir()
    port = free_port()
    pages = subprocess.Popen(
        launch_command(port, port),
        stdin=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folders)},
    )
    try:
        while pages.poll() is None and not listens(port):
            time.sleep(0.05)
        assert [each.name.startswith("clustertrace-pages-") for each in folders.iterdir()] == [True]
        end(pages)
        assert pages.wait(30) == 0
    finally:
        pages.kill()
        pages.communicate()
    assert list(folders.iterdir()) == []


def listens(port: int) -> bool:
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
