"""`replay`: a run again, and what is different."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import clustertrace
from clustertrace.cli import main
from clustertrace.store import Store, queries

AGENT = """\
import clustertrace


@clustertrace.trace(kind="tool")
def search(query):
    return [query]


@clustertrace.trace(kind="agent")
def run(question, times=2):
    return [search(question) for _ in range(times)]
"""


@pytest.fixture
def trace_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The id of a recorded run of an agent in the current folder."""
    (tmp_path / "searching_agent.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import searching_agent  # type: ignore[import-not-found]

    searching_agent.run("why")
    with Store.open() as store:
        store.refresh()
        with store.read() as conn:
            yield queries.latest(conn)
    sys.modules.pop("searching_agent", None)


def test_same_again(trace_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The new run is stored, linked to the old one by a tag, and compared with it."""
    command = ["replay", trace_id, "--entry", "searching_agent:run", "--stub", "all", "--json"]
    assert main(command) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["played"], answer["same_steps"], answer["same_output"]) == (2, True, True)
    with Store.open() as store, store.read() as conn:
        assert queries.trace(conn, answer["trace_id"]).tags == {"replay_of": trace_id}


def test_counted_nowhere(trace_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No number counts the new run, nor does a conversation that it was begun in; who looks at it
    is told."""
    command = ["replay", trace_id, "--entry", "searching_agent:run", "--json"]
    with clustertrace.session("conversation"):
        assert main(command) == 0
    again = json.loads(capsys.readouterr().out)["trace_id"]
    assert main(["stats"]) == 0
    numbers = capsys.readouterr().out
    assert "and 1 replay, not counted" in numbers
    assert main(["stats", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [facts[name] for name in ("traces", "replays", "sessions", "spans")] == [1, 1, 0, 3]
    assert main(["stats", "--where", "tag.replay_of:*"]) == 0
    assert capsys.readouterr().err == "No trace but 1 replay, which no number counts.\n"
    assert main(["inspect", again]) == 0
    assert f"A replay of {trace_id}, so no figure counts it." in capsys.readouterr().out


def test_what_a_change_made_is_said_in_words(
    trace_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a change made of the run is said in words."""
    command = ["replay", trace_id, "--entry", "searching_agent:run", "--set", "question=how"]
    assert main(command) == 0
    answer = capsys.readouterr().out
    assert "It answered something else." in answer
    assert "other input, other output" in answer


def test_a_run_ends_where_it_leaves_its_recording(
    trace_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that goes beyond its recording ends there, with exit code 1."""
    command = ["replay", trace_id, "--entry", "searching_agent:run", "--stub", "all"]
    assert main([*command, "--set", "times=3"]) == 1
    assert "asked for 'search', which is not recorded" in capsys.readouterr().out


def test_other_roots(trace_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A thread that the entry starts is a run of its own, and not what is compared."""
    import searching_agent

    def run(question: str, times: int = 2) -> list[list[str]]:
        found = [searching_agent.search(question) for _ in range(times)]
        thread = threading.Thread(target=searching_agent.search, args=["aside"])
        thread.start()
        thread.join()
        return found

    searching_agent.run = clustertrace.trace(kind="agent")(run)
    command = ["replay", trace_id, "--entry", "searching_agent:run", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["same_output"]
    assert main([*command[:-1], "--stub", "all"]) == 0
    assert "It answered something else" not in capsys.readouterr().out


def test_model_without_effect(trace_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that asks no model is not passed off as the answer of another one."""
    command = ["replay", trace_id, "--entry", "searching_agent:run"]
    assert main([*command, "--model", "large"]) == 0
    assert "--model changed nothing: no call asked large." in capsys.readouterr().err
    assert main(command) == 0
    assert "--model" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--entry", "searching_agent:gone"], "has no function 'gone'"),
        (["--entry", "searching_agent:run", "--until", "2"], "say which calls with --stub"),
        (["--entry", "searching_agent:run", "--stub", "serch"], "it has: search."),
        (["--entry", "searching_agent:run", "--set", "no"], "--set expects"),
        (["--entry", "searching_agent:run", "--prompt-file", "none.txt"], "can't be read"),
    ],
)
def test_wrong_use(
    trace_id: str, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be done is said in a sentence, with exit code 2."""
    assert main(["replay", trace_id, *options]) == 2
    assert sentence in capsys.readouterr().err
