"""The spool: nothing finished is ever lost, and nothing that goes wrong reaches the program."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

import clustertrace
from clustertrace.record import spool as spooling
from clustertrace.record.spool import spool
from tests.record.conftest import Program, Recorded


@clustertrace.trace
def work(n: int) -> int:
    """Do a little."""
    return n


def test_a_killed_process_loses_nothing(program: Program, recorded: Recorded) -> None:
    """A thousand spans and then SIGKILL: a thousand spans, and the open root is incomplete."""
    done = program("""
import clustertrace, os, signal
@clustertrace.trace
def step(n): return n
with clustertrace.span("agent", kind="agent"):
    for n in range(1000): step(n)
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert done.returncode == -9
    trace = recorded.trace()
    assert len([one for one in trace.spans if one.name == "step"]) == 1000
    assert trace.status == "incomplete"


def test_processes_and_threads_lose_and_double_nothing(
    program: Program, recorded: Recorded
) -> None:
    """Eight processes of eight threads each: every span is there once."""
    done = program("""
import clustertrace, os, threading
@clustertrace.trace
def step(n): return n
def thread():
    for n in range(100): step(n)
children = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        threads = [threading.Thread(target=thread) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        os._exit(0)
    children.append(pid)
for pid in children: assert os.waitpid(pid, 0)[1] == 0
""")
    assert done.returncode == 0, done.stderr
    traces = recorded.traces()
    assert len(traces) == len({one.trace_id for one in traces}) == 6400
    assert all(len(one.spans) == 1 for one in traces)


def test_a_forked_child_goes_on_in_its_own_segment(program: Program, recorded: Recorded) -> None:
    """After a fork both sides record, the child under the span that it was born in."""
    done = program("""
import clustertrace, os
@clustertrace.trace
def step(who): return who
with clustertrace.span("parent"):
    step("before")
    if (pid := os.fork()) == 0:
        step("child")
        os._exit(0)
    os.waitpid(pid, 0)
    step("after")
""")
    assert done.returncode == 0, done.stderr
    trace = recorded.trace()
    steps = [one for one in trace.spans if one.name == "step"]
    assert sorted(one.input["who"] for one in steps) == ["after", "before", "child"]
    assert len({one.span_id for one in trace.spans}) == 4
    assert trace.status == "ok"


def test_a_running_trace_is_seen(recorded: Recorded) -> None:
    """While its root is open, a trace is there and running."""
    with clustertrace.span("agent"):
        work(1)
        assert recorded.trace().status == "running"
    assert recorded.trace().status == "ok"


def test_the_spool_is_private() -> None:
    """Nobody else may read what was recorded."""
    work(1)
    assert spool.segment is not None
    segment = Path(spool.segment)
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600
    assert stat.S_IMODE(segment.parent.stat().st_mode) == 0o700


def test_a_full_segment_makes_room_for_another(
    monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """Past its size a segment ends and the next begins; nothing is lost between."""
    monkeypatch.setattr(spooling, "SEGMENT_BYTES", 2000)
    for n in range(30):
        work(n)
    assert len(list(recorded.store.spool.glob("*.jsonl"))) > 3
    assert len(recorded.traces()) == 30


def test_a_folder_that_goes_away_is_made_again(recorded: Recorded) -> None:
    """Traces that begin after the spool was removed are recorded anew."""
    work(1)
    shutil.rmtree(recorded.store.spool)
    work(2)
    assert [one.spans[0].input for one in recorded.traces()] == [{"n": 2}]


def test_a_place_that_cannot_be_written_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The program runs on at once, with one line in its log."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLUSTERTRACE_DB", str(tmp_path / "file" / "t.db"))
    assert [work(n) for n in range(100)] == list(range(100))
    assert len(caplog.records) == 1
    assert "CLUSTERTRACE_DB" in caplog.text


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, "No space left on device"), 5])
def test_a_full_disk_is_survived(
    full: OSError | int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    recorded: Recorded,
) -> None:
    """Whether a write fails or takes only a part, other spans are kept and no line is torn."""
    write = os.write
    work(1)
    broken = spool._fd

    def sometimes(fd: int, data: bytes) -> int:
        if fd != broken:
            return write(fd, data)
        if isinstance(full, OSError):
            raise full
        return write(fd, data[:full])

    monkeypatch.setattr(os, "write", sometimes)
    monkeypatch.setattr(spooling, "_RETRY_SECONDS", 0.0)
    work(2)
    monkeypatch.setattr(os, "write", write)
    work(3)
    spool.close()
    kept = [one.spans[0].input["n"] for one in recorded.traces()]
    assert kept == [1, 2, 3]
    assert "lost a span" in caplog.text


def test_flush_says_that_all_is_safe() -> None:
    """With a working disk everything recorded is safe at once."""
    work(1)
    assert clustertrace.flush() is True


def test_disabled_records_nothing(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLUSTERTRACE_DISABLED leaves no trace, and everything works."""
    monkeypatch.setenv("CLUSTERTRACE_DISABLED", "1")
    with clustertrace.span("a") as step:
        step.set_output(work(1))
        clustertrace.tag("a", "b")
    assert not recorded.store.spool.exists()


def test_metadata_only_keeps_no_content(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLUSTERTRACE_CAPTURE=metadata records shape and time, not a word of content."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")

    @clustertrace.trace
    def tell(words: str) -> str:
        raise ValueError(words)

    with pytest.raises(ValueError, match="confidential"):
        tell("confidential")
    raw = b"".join(path.read_bytes() for path in recorded.store.spool.glob("*"))
    assert b"confidential" not in raw
    (only,) = recorded.trace().spans
    assert (only.status, only.error_type, only.input) == ("error", "ValueError", None)


def test_a_clock_that_jumps_back_turns_no_span_round(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock is read once a trace; ends come after starts whatever it does."""
    from clustertrace.record.clock import source

    walls = iter([10**18, 10**17, 10**16, 10**15])
    monkeypatch.setattr(source, "wall_ns", lambda: next(walls))
    with clustertrace.span("a"):
        work(1)
    trace = recorded.trace()
    assert all((one.end_ns or 0) >= one.start_ns for one in trace.spans)
    assert trace.spans[1].start_ns >= trace.spans[0].start_ns
