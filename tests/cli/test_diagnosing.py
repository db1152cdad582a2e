"""`doctor`, on machines with this and that wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustertrace.claude_code import starting, user_settings
from clustertrace.store import Store, queries
from clustertrace.store.upkeep import copying
from tests.processes import free_port


@pytest.fixture
def port() -> int:
    """A port that nothing listens on."""
    return free_port()


@pytest.fixture
def receiver(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A receiver on that port, with the test's database."""
    command = [sys.executable, "-m", "clustertrace.ingest", "--no-ui", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ})
    assert process.stderr is not None
    process.stderr.readline()
    yield process
    process.terminate()
    process.communicate(timeout=30)


def findings(ran: Any) -> dict[str, Any]:
    """The findings by topic."""
    return {finding["topic"]: finding for finding in ran.answer["findings"]}


def test_a_new_machine_is_well(run: Any, port: int, tmp_path: Path) -> None:
    """Nothing is there yet, nothing is made, and nothing is wrong."""
    ran = run("doctor", "--port", str(port), "--json")
    assert (ran.code, ran.answer["ok"]) == (0, True)
    assert findings(ran)["last span"]["state"] == "note"
    assert findings(ran)["Claude Code"]["sentence"] == "There is none here."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite("a file that the test names")
@pytest.mark.usefixtures("filled", "receiver")
def test_a_test_span_makes_the_way_and_goes(run: Any, port: int, tmp_path: Path) -> None:
    """It is sent, found, and taken away again: the database is what it was."""
    ran = run("doctor", "--send-test", "--port", str(port), "--json")
    assert (ran.code, findings(ran)["test span"]["state"]) == (0, "ok")
    assert findings(ran)["receiver"]["state"] == "ok"
    with Store.open(tmp_path / "traces.db") as store:
        store.refresh()
        with store.read() as conn:
            assert queries.overview(conn).traces == 3
            assert queries.search(conn, "doctor").hits == ()


def test_without_a_receiver_nothing_can_be_sent(run: Any, port: int) -> None:
    """A test span that no receiver takes is a finding, with how to start one."""
    ran = run("doctor", "--send-test", "--port", str(port))
    assert ran.code == 1
    assert "✗ test span" in ran.out
    assert "→ `clustertrace dashboard`" in ran.out
    assert ran.err == "1 of these needs you.\n"


def test_another_program_on_the_port(run: Any, port: int) -> None:
    """A port that another program has taken is a finding, with what to type."""
    with socket.create_server(("127.0.0.1", port)) as other:
        other.settimeout(30)
        script = "import sys; from clustertrace.cli import main; sys.exit(main())"
        words = [sys.executable, "-c", script, "doctor", "--port", str(port), "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as asking:
            while asking.poll() is None:
                try:
                    caller, _ = other.accept()
                except TimeoutError:
                    break
                with caller:
                    caller.recv(4096)
                    caller.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                break
            assert asking.stdout is not None
            report = json.loads(asking.stdout.read())
        assert asking.returncode == 1
    found = {finding["topic"]: finding for finding in report["findings"]}
    assert "taken by another program" in found["receiver"]["sentence"]
    assert f"lsof -i :{port}" in found["receiver"]["advice"]


@pytest.mark.usefixtures("filled", "receiver")
def test_a_receiver_of_another_database(run: Any, port: int, tmp_path: Path) -> None:
    """What is received would not be where commands look for it."""
    ran = run("doctor", "--port", str(port), "--db", tmp_path / "other.db", "--json")
    assert (ran.code, findings(ran)["receiver"]["state"]) == (1, "wrong")


def test_a_copy_that_is_not_whole(run: Any, port: int, filled: Store, tmp_path: Path) -> None:
    """A database that lacks a part of what it is to be is wrong, with what to type."""
    to = tmp_path / "copy.db"

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with Store.open(to) as target, pytest.raises(KeyboardInterrupt):
        copying.copy(filled, target, stop)
    command = ("doctor", "--db", to, "--port", port, "--json")
    ran = run(*command)
    assert (ran.code, findings(ran)["copy"]["state"]) == (1, "wrong")
    assert "clustertrace db copy" in findings(ran)["copy"]["advice"]
    assert run("db", "copy", "--to", to).code == 0
    assert "copy" not in findings(run(*command))


def test_a_database_that_is_none(run: Any, port: int, tmp_path: Path) -> None:
    """A file that is no database is a finding that gives the reason."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a database. " * 100)
    ran = run("doctor", "--port", str(port), "--db", path, "--json")
    assert (ran.code, findings(ran)["database"]["state"]) == (1, "wrong")
    assert str(path) in findings(ran)["database"]["sentence"]


def test_claude_code_as_its_settings_have_it(run: Any, port: int) -> None:
    """Well after our own commands; without the beta switch, or a receiver, not."""
    run("claude-code", "--write", "--port", str(port))
    ran = run("doctor", "--port", str(port), "--json")
    assert "its spans are lost" in findings(ran)["receiver"]["sentence"]
    run("claude-code-hook", "install", "--port", str(port))
    ran = run("doctor", "--json")
    assert (ran.code, findings(ran)["hook"]["state"]) == (0, "ok")
    assert "the hook starts it" in findings(ran)["receiver"]["sentence"]
    path = Path.home() / ".claude" / "settings.json"
    settings = json.loads(path.read_text())
    del settings["env"]["CLAUDE_CODE_ENHANCED_TELEMETRY_BETA"]
    path.write_text(json.dumps(settings))
    ran = run("doctor", "--json")
    assert (ran.code, "silently" in findings(ran)["Claude Code"]["sentence"]) == (1, True)


def test_managed_settings_have_the_last_word(
    run: Any, port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A drop-in of the machine's wins over the user's settings, and who can mend it is told."""
    more = tmp_path / "managed" / "managed-settings.d"
    more.mkdir(parents=True)
    (more.parent / "managed-settings.json").write_text('{"env": {"A": "1"}}')
    monkeypatch.setattr(user_settings, "_MANAGED", {sys.platform: str(more.parent)})
    run("claude-code", "--write", "--port", str(port))
    run("claude-code-hook", "install", "--port", str(port))
    assert run("doctor", "--json").code == 0
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://corp:4318"}
    settings = {"env": telemetry, "allowManagedHooksOnly": True}
    (more / "10-telemetry.json").write_text(json.dumps(settings))
    ran = run("doctor", "--json")
    found = findings(ran)["Claude Code"]
    assert (ran.code, "reports to https://corp:4318" in found["sentence"]) == (1, True)
    assert "Managed settings set OTEL_EXPORTER_OTLP_ENDPOINT, and win." in found["sentence"]
    assert str(more.parent) in found["advice"]
    assert "managed settings forbid your hooks" in findings(ran)["hook"]["sentence"]
    assert run("claude-code-hook", "status").code == 1
    wins = "set OTEL_EXPORTER_OTLP_ENDPOINT differently, and win"
    assert wins in run("claude-code", "--write", "--port", str(port)).err


def test_grpc_is_well_where_the_hook_will_take_it(run: Any, port: int) -> None:
    """Though nobody listens yet; without the hook's port for it, it is not."""
    run("claude-code", "--protocol", "grpc", "--port", "4400", "--write")
    run("claude-code-hook", "install", "--port", str(port), "--grpc-port", "4400")
    assert run("doctor", "--json").code == 0
    run("claude-code-hook", "install", "--port", str(port), "--grpc-port", "4401")
    ran = run("doctor", "--json")
    assert (ran.code, findings(ran)["Claude Code"]["state"]) == (1, "wrong")


def test_what_else_may_be_wrong(run: Any, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken settings of either program are findings, not failures of the doctor."""
    path = Path.home() / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text("{")
    monkeypatch.setenv("CLUSTERTRACE_SAMPLE_RATE", "lots")
    ran = run("doctor", "--port", str(port), "--json")
    assert ran.code == 1
    assert str(path) in findings(ran)["Claude Code"]["sentence"]
    assert "CLUSTERTRACE_SAMPLE_RATE" in findings(ran)["recording"]["sentence"]


def test_a_receiver_that_could_not_start(run: Any, port: int) -> None:
    """What it said in the background is told here, as long as none has started since."""
    run("claude-code-hook", "install", "--port", str(port))
    log = Path(starting.log_path())
    log.parent.mkdir()
    log.write_text("clustertrace receives at http://localhost:1\nError: The disk is full.\n")
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert findings(ran)["receiver"]["sentence"].endswith("ended: The disk is full.")
    log.write_text("Error: The disk is full.\nclustertrace receives at http://localhost:1\n")
    assert run("doctor", "--json").code == 0


def test_a_recount_says_whether_the_totals_are_those_of_the_spans(
    run: Any, filled: Store, port: int
) -> None:
    """Sound at first; and once a roll-up is off, where, and how to keep what is there."""
    ran = run("doctor", "--recount", "--port", str(port), "--json")
    contents = findings(ran)["contents"]
    assert (ran.code, contents["state"]) == (0, "ok")
    assert "3 traces with 15 spans" in contents["sentence"]
    with filled.writing() as conn:
        conn.run("UPDATE variant_days SET failed = failed + 1")
        conn.run("UPDATE spans SET name = 'another' WHERE seq = 1")
    ran = run("doctor", "--recount", "--port", str(port), "--json")
    contents = findings(ran)["contents"]
    assert (ran.code, contents["state"]) == (1, "wrong")
    assert "of variant_days" in contents["sentence"]
    assert "the text index" in contents["sentence"]
    assert "export --all" in contents["advice"]
