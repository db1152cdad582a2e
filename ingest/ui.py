"""Supervise the pages' process: start it, restart it when it exits, and stop it with us."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from clustertrace.keys import DOOR_HEADER, DOOR_VARIABLE, new_key

__all__ = ["Pages", "launch_command"]

_PROBE_SECONDS: Final = 0.1
_PROBE_PATIENCE_SECONDS: Final = 5.0
_ENDING_SECONDS: Final = 3.0
_STEADY_SECONDS: Final = 30.0
"""After running this long, an exit counts as the first again."""
_MAX_PAUSE_SECONDS: Final = 30.0


def launch_command(port: int, public_port: int) -> list[str]:
    """The command that starts the pages of CLUSTERTRACE_DB on a private port.

    They exit when their standard input is closed. The database is not an argument, as others could
    see it, and its URL may hold a password.
    """
    return [
        *(sys.executable, "-m", "clustertrace.app.launch", "--stop-at-eof"),
        *("--port", str(port), "--public-port", str(public_port)),
    ]


class Pages:
    """Keeps a process with the pages running; `command` builds its command line for a free port."""

    def __init__(self, command: Callable[[int], Sequence[str]]) -> None:
        self._command = command
        self.key = new_key()
        """The key that the pages require, since other local users can reach their port."""
        self._port: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """`asleep` until they are started, then `starting`, and `ready` when they answer."""
        if self._task is None:
            return "asleep"
        return "starting" if self._port is None else "ready"

    def port(self) -> int | None:
        """The port of the pages on 127.0.0.1, once they answer."""
        return self._port

    def start(self) -> None:
        """Start the pages, and restart them whenever they exit; further calls do nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Stop the pages."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._end()

    async def _keep_running(self) -> None:
        quick_ends = 0
        while True:
            started = time.monotonic()
            code = await self._run_once()
            quick_ends = 1 if time.monotonic() - started > _STEADY_SECONDS else quick_ends + 1
            pause = min(_MAX_PAUSE_SECONDS, 0.25 * 2**quick_ends)
            print(  # noqa: T201 - the receiver's log
                f"clustertrace: the pages ended (exit code {code}); they start again in "
                f"{pause:g} s.",
                file=sys.stderr,
            )
            await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        port = _free_port()
        self._process = await asyncio.create_subprocess_exec(
            *self._command(port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, DOOR_VARIABLE: self.key},
        )
        exit_task = asyncio.create_task(self._process.wait())
        try:
            while not await _answers(port, self.key):
                done, _ = await asyncio.wait([exit_task], timeout=_PROBE_SECONDS)
                if done:
                    return await exit_task
            self._port = port
            return await exit_task
        finally:
            self._port = None
            exit_task.cancel()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _ENDING_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _answers(port: int, key: str) -> bool:
    """Whether the pages answer."""
    try:
        async with asyncio.timeout(_PROBE_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                head = f"Host: 127.0.0.1\r\n{DOOR_HEADER}: {key}\r\n\r\n"
                writer.write(b"GET /_stcore/health HTTP/1.0\r\n" + head.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200" in status


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
