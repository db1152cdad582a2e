from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import pytest

from clustertrace.ingest.ui import Pages, launch_command
from tests.processes import is_alive

SERVER = """
import http.server, os, sys, threading
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
def end():
    sys.stdin.buffer.read(); os._exit(0)
threading.Thread(target=end, daemon=True).start()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Pages).serve_forever()
"""


def run(script: str, work: Callable[[Pages], Awaitable[None]]) -> None:
    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-c", script, str(port)]

    async def all_of_it() -> None:
        pages = Pages(command)
        pages.start()
        try:
            async with asyncio.timeout(30):
                await work(pages)
        finally:
            await pages.stop()

    asyncio.run(all_of_it())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the process that it waits for has no events
        await asyncio.sleep(0.01)


def pid_of(pages: Pages) -> int:
    assert pages._process is not None
    return pages._process.pid


def test_the_pages_start_until_they_answer() -> None:
    """The pages are starting until they answer; stopping ends them."""
    seen: list[int] = []

    async def work(pages: Pages) -> None:
        assert (pages.state, pages.port()) == ("starting", None)
        await until(lambda: pages.state == "ready")
        assert pages.port()
        seen.append(pid_of(pages))

    run(SERVER, work)
    assert not is_alive(seen[0])


def test_nothing_runs_until_the_pages_are_started() -> None:
    """Nothing runs until the pages are started, and starting them twice starts one process."""

    async def work() -> None:
        made: list[int] = []

        def command(port: int) -> Sequence[str]:
            made.append(port)
            return [sys.executable, "-c", SERVER, str(port)]

        pages = Pages(command)
        assert (pages.state, pages.port(), made) == ("asleep", None, [])
        pages.start()
        pages.start()
        assert pages.state == "starting"
        async with asyncio.timeout(30):
            await until(lambda: pages.state == "ready")
        await pages.stop()
        assert len(made) == 1

    asyncio.run(work())


def test_pages_that_crash_are_started_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Pages that crash are started again."""

    async def work(pages: Pages) -> None:
        await until(lambda: pages.state == "ready")
        first = pid_of(pages)
        os.kill(first, signal.SIGKILL)
        await until(lambda: pages.state == "starting")
        await until(lambda: pages.state == "ready")
        assert pid_of(pages) != first

    run(SERVER, work)
    assert "start again" in capsys.readouterr().err


def test_pages_that_can_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    """Pages that end at once are started again after a pause, with a word on it."""
    told_of: list[str] = []

    async def work(pages: Pages) -> None:
        while not told_of:
            await asyncio.sleep(0.01)
            told_of.extend(capsys.readouterr().err.splitlines())
        assert pages.state == "starting"

    run("raise SystemExit(3)", work)
    assert "exit code 3" in told_of[0]


def test_pages_that_will_not_end() -> None:
    """Pages that ignore SIGTERM are killed."""
    seen: list[int] = []

    async def work(pages: Pages) -> None:
        await until(lambda: pages.state == "ready")
        seen.append(pid_of(pages))

    run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER, work)
    assert not is_alive(seen[0])


def test_launch_command() -> None:
    """The pages are started with their private port and the public one."""
    command = launch_command(1234, 7777)
    assert command[:3] == [sys.executable, "-m", "clustertrace.app.launch"]
    assert command[-4:] == ["--port", "1234", "--public-port", "7777"]
