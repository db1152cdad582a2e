"""Watching over the receiver: a stand-in that answers, dies or refuses as it is told."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clustertrace.cli import supervisor
from clustertrace.cli.supervisor import Address, health, supervise
from clustertrace.errors import ServeError
from tests.processes import free_port, is_alive, until

STAND_IN = """
import http.server, json, os, signal, sys
port, manner, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
starts = len(os.listdir(folder))
open(os.path.join(folder, str(os.getpid())), "w").close()
if manner == "refuses":
    sys.exit(2)
if manner == "dies":
    sys.exit(1)
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        ui = "starting" if Handler.asked == 1 else "ready"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"ui": ui, "pid": os.getpid()}).encode())
        if manner == "crashes once" and starts == 0 and ui == "ready":
            self.wfile.flush()
            os._exit(9)
    def log_message(self, *args):
        pass

http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Receiver:
    """The stand-in's command and address, and the ids of the processes that were started."""

    def __init__(self, folder: Path, port: int) -> None:
        self.address = Address("127.0.0.1", port)
        self._starts = folder / "starts"
        self._starts.mkdir()
        self._script = folder / "stand_in.py"
        self._script.write_text(STAND_IN)

    def command(self, manner: str) -> list[str]:
        port = str(self.address.port)
        return [sys.executable, str(self._script), port, manner, str(self._starts)]

    @property
    def pids(self) -> list[int]:
        return [int(name) for name in os.listdir(self._starts)]


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    """Prepare a stand-in on a free port."""
    return Receiver(tmp_path, free_port())


def ask_to_stop() -> None:
    """What `kill`, or a closing terminal, does to the command."""
    os.kill(os.getpid(), signal.SIGTERM)


def nothing(_text: str) -> None:
    """Take no notes."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_serves_until_asked_to_stop(receiver: Receiver, number: signal.Signals) -> None:
    """The receiver is ready first, and gone when the command is."""
    before = signal.getsignal(signal.SIGTERM)
    answers = []

    def ready() -> None:
        answers.append(health(receiver.address))
        os.kill(os.getpid(), number)

    supervise(receiver.command("serves"), receiver.address, ready, nothing)
    (pid,) = receiver.pids
    assert answers == [{"ui": "ready", "pid": pid}]
    assert not is_alive(pid)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_crash_is_mended(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that dies is started again, the user is told, and the browser is left alone."""
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE_S", 0.01)
    notes: list[str] = []
    opened: list[bool] = []

    def stop_when_back() -> None:
        try:
            until(lambda: len(receiver.pids) == 2 and health(receiver.address))
        finally:
            ask_to_stop()

    watcher = threading.Thread(target=stop_when_back)
    watcher.start()
    command = receiver.command("crashes once")
    supervise(command, receiver.address, lambda: opened.append(True), notes.append)
    watcher.join()
    assert len(receiver.pids) == 2
    assert opened == [True]
    assert notes == ["The receiver ended unexpectedly (exit code 9); it starts again in 0.01 s."]


def test_a_refusal_is_final(receiver: Receiver) -> None:
    """A receiver that says why it can't serve is not asked again."""
    with pytest.raises(ServeError, match="The receiver could not start at http://localhost:"):
        supervise(receiver.command("refuses"), receiver.address, ask_to_stop, nothing)
    assert len(receiver.pids) == 1


def test_false_starts_come_to_an_end(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that never answers is given up, after pauses that double."""
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE_S", 0.01)
    notes: list[str] = []
    with pytest.raises(ServeError, match="could not start"):
        supervise(receiver.command("dies"), receiver.address, ask_to_stop, notes.append)
    assert len(receiver.pids) == 3
    assert [note.split(" in ")[1] for note in notes] == ["0.01 s.", "0.02 s."]


def test_a_stubborn_receiver_is_killed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays behind, even if it won't go by itself."""
    monkeypatch.setattr(supervisor, "_ENDING_S", 0.1)
    supervise(receiver.command("stubborn"), receiver.address, ask_to_stop, nothing)
    assert [is_alive(pid) for pid in receiver.pids] == [False]


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[Address]:
    """Somebody else's program on a port, which answers each caller so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    caller, _ = server.accept()
                    with caller:
                        caller.recv(65536)
                        answer(caller)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address("127.0.0.1", server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_another_program_on_the_port_is_named(answer: bytes) -> None:
    """Whatever it speaks, the user is told to choose another port."""
    with (
        answering(lambda caller: caller.sendall(answer)) as address,
        pytest.raises(ServeError, match=f"Port {address.port} is taken by another program"),
    ):
        health(address)


def test_nobody_there_is_no_error() -> None:
    """A free port has no health."""
    assert health(Address("127.0.0.1", free_port())) is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:7777"),
        ("0.0.0.0", "http://localhost:7777"),
        ("10.0.0.5", "http://10.0.0.5:7777"),
    ],
)
def test_the_address_that_a_browser_opens(host: str, url: str) -> None:
    """This machine is called localhost; others by their address."""
    assert Address(host, 7777).url == url
