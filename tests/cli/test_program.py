"""The edge of the command line: help, versions, and how everything that goes wrong reads."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from clustertrace import opening
from clustertrace.errors import StoreBusy
from clustertrace.store import Store


def test_alone_it_shows_its_help(run: Any) -> None:
    """`clustertrace` without a command is a question, not a mistake."""
    ran = run()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == run("--help").out
    assert "Exit codes: 0 done" in ran.out


def test_it_tells_its_version(run: Any) -> None:
    """The version is that of the installed package."""
    assert run("--version").out == f"clustertrace {importlib.metadata.version('clustertrace')}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope"], "error: no such command 'nope'; see `clustertrace --help`.\n"),
        (["stats", "--nope"], "error: no such option: --nope; see `clustertrace stats --help`.\n"),
        (["inspect", "--expand"], "argument; see `clustertrace inspect --help`.\n"),
        (["assert", "list", "extra"], "error: 'extra' is too much; only `remove` takes "),
        (["stats", "extra"], "see `clustertrace stats --help`.\n"),
        (["clusters", "--limit", "x"], "error: invalid value for '--limit': "),
        (["clusters", "--limit", "0"], "error: invalid value for '--limit': "),
        (["inspect", "zz"], "error: 'zz' is not a trace id"),
        pytest.param(
            ["inspect", "abcd"],
            "error: There is no database at ",
            marks=pytest.mark.sqlite("a database that is not there"),
        ),
        (["inspect", "abcd", "--latest"], "error: Name one trace, or ask for --latest"),
        (["export"], "error: Name the traces to export, or use --where FILTER or --all"),
        (
            ["export", "abcd", "--all"],
            "error: Name the traces to export, or use --where FILTER or --all",
        ),
        pytest.param(
            ["export", "abcd"],
            "error: There is no database at ",
            marks=pytest.mark.sqlite("a database that is not there"),
        ),
        (["import", "nowhere.jsonl"], "error: There is no file nowhere.jsonl; check its name.\n"),
        (
            ["import", "--from", "nobody", "x"],
            "error: invalid value for '--from': 'nobody' is not one of ",
        ),
        (["stats", "--db", "mysql://host/db"], "error: CLUSTERTRACE_DB is mysql://"),
        (["dashboard", "--port", "70000"], "error: invalid value for '--port'"),
    ],
)
def test_wrong_use_is_one_sentence(run: Any, arguments: list[str], sentence: str) -> None:
    """Exit code 2, nothing on standard output, one line that says what to do."""
    if arguments[:2] == ["inspect", "zz"]:
        run("import", given=b"")  # makes the database
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")


@pytest.mark.parametrize("command", [["stats"], ["clusters"], ["inspect"], ["export", "--all"]])
def test_a_damaged_database_is_one_sentence(run: Any, tmp_path: Path, command: list[str]) -> None:
    """A file that is no database is named and left as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a database. " * 100)
    ran = run(*command, "--db", path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert str(path) in ran.err
    assert path.read_text().startswith("my notes")


def test_an_own_error_is_shown_as_it_is(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's errors are sentences already."""

    def busy(db: str | None) -> bool:
        raise StoreBusy("Another program holds the database; try again.")

    monkeypatch.setattr("clustertrace.cli.facts.has_database", busy)
    ran = run("stats")
    assert (ran.code, ran.err) == (2, "error: Another program holds the database; try again.\n")


def test_the_unexpected_hides_its_traceback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours is one sentence with the way to its details, which then are shown."""

    def wrong(db: str | None) -> bool:
        raise KeyError("oops")

    monkeypatch.setattr("clustertrace.cli.facts.has_database", wrong)
    ran = run("stats")
    assert ran.code == 2
    assert ran.err.startswith("error: something unexpected happened (KeyError: 'oops'); run ")
    assert "Traceback" not in ran.err
    monkeypatch.setenv("CLUSTERTRACE_DEBUG", "1")
    assert "Traceback" in run("stats").err


def test_ctrl_c_is_quiet(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command says nothing and ends with the code that shells expect."""

    def interrupted(db: str | None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("clustertrace.cli.facts.has_database", interrupted)
    assert run("stats") == type(run())(130, "", "")


def test_help_loads_little() -> None:
    """A help page loads neither rich nor the store: it is what people wait for most often."""
    import subprocess

    program = (
        "import sys; from clustertrace.cli import main; main(['stats', '--help']); "
        "sys.exit(any(name in sys.modules for name in ('rich', 'sqlite3', 'orjson', 'sqlmodel')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0


def test_a_command_loads_no_other_and_checks_what_was_given() -> None:
    """Of the commands one is loaded, and pydantic only where a value is to be checked."""
    import subprocess

    program = (
        "import sys; from clustertrace.cli import main; main(sys.argv[1:]); "
        "loaded = {name for name in sys.modules if 'clustertrace.cli.' in name}; "
        "print('pydantic' in sys.modules, 'clustertrace.cli.inspecting' in loaded, "
        "'clustertrace.record.spans' in sys.modules, file=sys.stderr)"
    )
    for words, expected in (
        (["stats", "--where", "failed:yes", "--json"], "False False False"),
        (["--help"], "False False False"),
        (["clusters", "--limit", "7", "--json"], "True False False"),
    ):
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1] == expected


def test_a_question_loads_no_reader_of_what_does_not_come(tmp_path: Path) -> None:
    """With nothing new to take in, `stats` loads no reader of records and no rule of prompts."""
    import subprocess

    program = (
        "import sys; from clustertrace.cli import main; main(['stats', '--db', sys.argv[1]]); "
        "print(*{'clustertrace.joining.filling', 'clustertrace.prompts.lint'} "
        "& set(sys.modules), 'clustertrace.store.queries' in sys.modules, file=sys.stderr)"
    )
    path = tmp_path / "a.db"
    Store.open(path).close()
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "True"


def test_where_there_is_a_database(tmp_path: Path) -> None:
    """Spans that wait in a spool are something to read, even before there is a database."""
    path = tmp_path / "new.db"
    assert not opening.has_database(str(path))
    (tmp_path / "new.db.spool").mkdir()
    assert opening.has_database(str(path))
    assert not path.exists()
