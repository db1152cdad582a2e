"""CLUSTERTRACE_ENDPOINT: what is recorded reaches a receiver, however it and the process fare."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from clustertrace.wire import parse_lines
from tests.record.conftest import Program

ONE_SPAN = """
import clustertrace
with clustertrace.span("run"): pass
"""


class Receiver:
    """Takes posted lines; `answers` are given first, one a request, then 200."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.refuses = b""
        """Requests with this in them are refused for good."""
        self.lines: list[bytes] = []
        self.paths: set[str] = set()
        self.keys: set[str | None] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.keys.add(self.headers["Authorization"])
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.path, body))
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def take(self, path: str, body: bytes) -> int:
        """Keep what is accepted; the status to answer with."""
        if self.answers:
            return self.answers.pop(0)
        if self.refuses and self.refuses in body:
            return 413
        self.paths.add(path)
        self.lines += body.splitlines()
        return 200

    def names(self) -> set[str]:
        """Names of the finished spans that have arrived."""
        parsed = parse_lines(self.lines)
        assert not parsed.bad
        return {one.name for one in parsed.batch.spans if one.status != "running"}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that programs of the test send to."""
    opened = Receiver()
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", opened.url + "/")
    yield opened
    opened.close()


def left_in(folder: Path) -> list[Path]:
    """Segments that wait to be sent."""
    return list((folder / "outbox").glob("*"))


def test_a_program_shows_the_key_where_it_has_one(
    receiver: Receiver, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLUSTERTRACE_KEY, which receivers on other machines ask for."""
    program(ONE_SPAN)
    assert receiver.keys == {None}
    monkeypatch.setenv("CLUSTERTRACE_KEY", "open-sesame")
    program(ONE_SPAN)
    assert receiver.keys == {None, "Bearer open-sesame"}


def test_a_password_in_the_address_is_shown_to_the_receiver_only(
    receiver: Receiver, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that asks for one gets it as browsers send it; no message and no log has it."""
    host = receiver.url.removeprefix("http://")
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", f"http://me:open%20sesame@{host}")
    assert program(ONE_SPAN).stderr == ""
    assert receiver.keys == {"Basic " + b64encode(b"me:open sesame").decode()}
    assert receiver.names() == {"run"}
    for place in ("127.0.0.1:9", "127.0.0.1:port"):
        monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", f"http://me:open/sesame@{place}")
        errors = program(ONE_SPAN).stderr
        assert f"http://{place}/v1/spans can't be reached" in errors
        assert "sesame" not in errors


def test_a_program_sends_what_it_records(
    receiver: Receiver, program: Program, tmp_path: Path
) -> None:
    """By its end all has arrived, nothing is left behind, and no database was touched."""
    done = program(ONE_SPAN)
    assert (done.returncode, done.stderr) == (0, "")
    assert receiver.names() == {"run"}
    assert receiver.paths == {"/v1/spans"}
    assert left_in(tmp_path) == []
    assert not (tmp_path / "traces.db.spool").exists()


def test_flush_waits_for_the_receiver(receiver: Receiver, program: Program) -> None:
    """It says yes once all was taken, also by a receiver that was busy at first."""
    receiver.answers = [429, 503]
    done = program(ONE_SPAN + "print(clustertrace.flush(30))\nimport os; os._exit(0)")
    assert done.stdout == "True\n"
    assert receiver.names() == {"run"}


def test_a_receiver_that_is_away_gets_it_later(
    receiver: Receiver, program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What can't be sent waits on the disk for the next process; the program is told once."""
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", "http://127.0.0.1:9")
    done = program(ONE_SPAN.replace("run", "first") + "print(clustertrace.flush(0.2))")
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert done.stderr.count("sent later") == 1
    assert len(left_in(tmp_path)) == 1
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", receiver.url)
    program(ONE_SPAN.replace("run", "second") + "clustertrace.flush(30)")
    assert receiver.names() == {"first", "second"}
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("then", "order"),
    [("", ["program", "sent later"]), (ONE_SPAN, ["sent later", "program"])],
    ids=["ends", "records"],
)
def test_a_notice_never_cuts_into_what_the_program_says(
    program: Program, then: str, order: list[str]
) -> None:
    """It waits until the program records again, or ends; a traceback is written in pieces."""
    done = program(f"""
import os, socket, sys, time
silent = socket.create_server(("127.0.0.1", 0))
os.environ["CLUSTERTRACE_ENDPOINT"] = f"http://127.0.0.1:{{silent.getsockname()[1]}}"
{ONE_SPAN}
silent.close()  # until now nothing could have failed
from clustertrace.record import notices
while not notices.held: time.sleep(0.01)
{then}
print("the program's own", file=sys.stderr)
""")
    words = [word for line in done.stderr.splitlines() for word in order if word in line]
    assert list(dict.fromkeys(words)) == order


def test_no_program_ends_later_for_a_receiver_that_is_not_there(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end it asks once, and never sleeps to ask again."""
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", "http://127.0.0.1:9")
    done = program(f"""
import atexit, threading, time
slept, sleep = [], time.sleep
def noted(seconds):
    slept.append(threading.current_thread().name)
    sleep(seconds)
time.sleep = noted
atexit.register(lambda: print("MainThread" in slept))
{ONE_SPAN}
""")
    assert (done.returncode, done.stdout) == (0, "False\n")


def test_a_killed_process_is_sent_by_the_next(
    receiver: Receiver, program: Program, tmp_path: Path
) -> None:
    """A thousand spans and then SIGKILL: all arrive, though their process is gone."""
    program("""
import clustertrace, os, signal
for n in range(1000):
    with clustertrace.span(f"step {n}"): pass
os.kill(os.getpid(), signal.SIGKILL)
""")
    program(ONE_SPAN + "clustertrace.flush(30)")
    assert receiver.names() == {"run"} | {f"step {n}" for n in range(1000)}
    assert left_in(tmp_path) == []


def test_forked_children_send_too(receiver: Receiver, program: Program) -> None:
    """A fork leaves the parent's thread behind and starts one of its own; only Python says so."""
    done = program("""
import clustertrace, os, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
with clustertrace.span("parent"):
    if (pid := os.fork()) == 0:
        with clustertrace.span("child"): pass
        os._exit(0 if clustertrace.flush(30) else 1)
    assert os.waitpid(pid, 0)[1] == 0
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert receiver.names() == {"parent", "child"}


def test_one_refused_span_does_not_hold_up_the_rest(
    receiver: Receiver, program: Program, tmp_path: Path
) -> None:
    """A line that the receiver will never take is dropped with a word; its neighbours arrive."""
    receiver.refuses = b"poison"
    done = program("""
import clustertrace
for name in ["a", "b", "poison", "c"]:
    with clustertrace.span(name): pass
clustertrace.flush(30)
""")
    assert receiver.names() == {"a", "b", "c"}
    assert "refuses a span" in done.stderr
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("answer", [400, 401, 404, 500])
def test_a_stranger_costs_no_span(
    answer: int, receiver: Receiver, program: Program, tmp_path: Path
) -> None:
    """What refuses everything is not our receiver: all stays for when the address is right."""
    receiver.answers = [answer] * 1000
    done = program(ONE_SPAN + "print(clustertrace.flush(0.2))")
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert f"HTTP {answer}" in done.stderr
    assert len(left_in(tmp_path)) == 1
    receiver.answers = []
    program(ONE_SPAN.replace("run", "later") + "clustertrace.flush(30)")
    assert receiver.names() == {"run", "later"}


@pytest.mark.parametrize("url", ["127.0.0.1:7", "http://127.0.0.1:99999", "nonsense"])
def test_an_address_that_is_none_is_survived(
    url: str, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program runs as ever, and its log names the address."""
    monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", url)
    done = program(ONE_SPAN + "print(clustertrace.flush(0.2))")
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert "Traceback" not in done.stderr
    assert url in done.stderr


def test_something_else_that_answers_is_survived(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that speaks no HTTP is like one that is away."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        over = Event()

        def answer() -> None:
            server.settimeout(0.05)
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = Thread(target=answer)
        thread.start()
        monkeypatch.setenv("CLUSTERTRACE_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        done = program(ONE_SPAN + "print(clustertrace.flush(0.3))")
        over.set()
        thread.join()
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert "Traceback" not in done.stderr
