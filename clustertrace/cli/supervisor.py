"""Start the receiver as a process of its own, watch over it, and end it with us.

The receiver (`python -m clustertrace.ingest`) owns the public port and serves the pages behind
it. If it dies, it is started again after a pause that doubles with each early death.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from clustertrace.errors import ServeError

__all__ = ["Address", "health", "receiver_command", "supervise"]

Note = Callable[[str], None]

_POLL_S: Final = 0.1
_ANSWER_S: Final = 5.0
"""How long a receiver that has just taken its port may need to answer."""
_ENDING_S: Final = 10.0
"""How long the receiver may take to end when asked, before it is killed."""
_STEADY_S: Final = 60.0
"""A receiver that lived this long was well: its death counts as the first again."""
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_FALSE_STARTS: Final = 3
"""Deaths before the receiver ever answered, after which it is not started again."""
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REFUSED: Final = 2
"""Exit code of a receiver that has said itself why it can't serve."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the receiver listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What a browser on this machine opens."""
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host
        return f"http://{host}:{self.port}"

    @property
    def _reachable(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)


class _StopAsked(BaseException):
    """One of the signals that end a server arrived."""


def health(address: Address) -> dict[str, Any] | None:
    """What `/healthz` says, or None where nobody listens.

    Raises ServeError where something else than clustertrace answers.
    """
    connection = http.client.HTTPConnection(address._reachable, address.port, timeout=_ANSWER_S)
    with closing(connection):
        try:
            connection.connect()
        except OSError:
            return None
        try:
            connection.request("GET", "/healthz")
            answer = json.loads(connection.getresponse().read(65536))
            if isinstance(answer, dict) and "ui" in answer:
                return answer
        except (OSError, http.client.HTTPException, ValueError):
            pass
    raise ServeError(
        f"Port {address.port} is taken by another program; choose another one with --port."
    )


def receiver_command(
    address: Address, grpc_port: int | None = None, url: str | None = None
) -> list[str]:
    """What starts the receiver of CLUSTERTRACE_DB, with OTLP/gRPC if that is given a port.

    `url` is where a proxy makes it known.
    """
    return [
        *(sys.executable, "-m", "clustertrace.ingest"),
        *("--host", address.host, "--port", str(address.port)),
        *(() if grpc_port is None else ("--grpc-port", str(grpc_port))),
        *(() if url is None else ("--url", url)),
    ]


def supervise(
    command: list[str], address: Address, on_ready: Callable[[], None], note: Note
) -> None:
    """Serve until asked to stop (Ctrl-C, SIGTERM, SIGHUP); `on_ready` once the pages answer.

    Raises ServeError if the receiver can't be started.
    """
    with _signals_raise():
        try:
            _restart_until_stopped(command, address, on_ready, note)
        except _StopAsked:
            return


def _restart_until_stopped(
    command: list[str], address: Address, on_ready: Callable[[], None], note: Note
) -> NoReturn:
    deaths = 0
    answered = False
    while True:
        started = time.monotonic()
        with _child_process(command) as process:
            for ready in _until_ready(process, address):
                answered = True
                if ready:
                    on_ready()
                    on_ready = _do_nothing
            code = process.wait()
        deaths = 1 if time.monotonic() - started > _STEADY_S else deaths + 1
        if not answered and (code == _REFUSED or deaths >= _FALSE_STARTS):
            raise ServeError(f"The receiver could not start at {address.url}; see above for why.")
        pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (deaths - 1))
        note(f"The receiver ended unexpectedly (exit code {code}); it starts again in {pause:g} s.")
        time.sleep(pause)


def _until_ready(process: subprocess.Popen[bytes], address: Address) -> Iterator[bool]:
    """Whether the pages are ready, whenever the receiver answers; ends with True or its death."""
    while process.poll() is None:
        try:
            answer = health(address)
        except ServeError:
            # Another program took the port just now; the receiver will say so and end.
            answer = None
        if answer is not None:
            ready = answer["ui"] in ("ready", "off")
            yield ready
            if ready:
                return
        time.sleep(_POLL_S)


def _do_nothing() -> None:
    """The browser is opened once, not after each restart."""


@contextmanager
def _child_process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own: Ctrl-C reaches us, and we end it in order."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_ENDING_S)
            except BaseException:
                # Too slow, or a second Ctrl-C: the user wants it gone.
                process.kill()
                process.wait()


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Signals unwind the stack, so that the receiver never stays behind.

    SIGINT too: a shell script's background jobs begin with it ignored.
    """

    def stop(_number: int, _frame: Any) -> NoReturn:
        raise _StopAsked

    previous_handlers = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
