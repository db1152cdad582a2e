"""Sessions brought into a store: once, whatever is copied, and later what is new of them."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrace.store import queries
from clustertrace.store.answers import TraceRow
from clustertrace.store.store import Store
from clustertrace.transcripts.finding import Agent, find
from clustertrace.transcripts.importing import Imported, import_history

Bring = Callable[..., Imported]


@pytest.fixture
def bring(store: Store) -> Bring:
    """Import a folder."""

    def imported(place: Path, agent: Agent = "claude-code") -> Imported:
        done = import_history(store, find(agent, place))
        store.refresh()
        return done

    return imported


@pytest.fixture
def claude(data: Path, tmp_path: Path) -> Path:
    """A copy of the real sessions of Claude Code."""
    return Path(shutil.copytree(data / "claude-code", tmp_path / "projects"))


def all_turns(store: Store) -> list[TraceRow]:
    """Every turn, oldest first."""
    with store.read() as conn:
        return list(queries.traces(conn, descending=False, limit=500).rows)


def test_real_sessions(store: Store, claude: Path, bring: Bring) -> None:
    """Fifteen sessions, one of them a fork: every turn once, with what Claude Code says it cost."""
    done = bring(claude)
    assert (done.sessions, done.files, done.turns, done.copies) == (15, 16, 21, 2)
    turns = all_turns(store)
    assert len(turns) == 21
    assert [turn.tags["ended"] for turn in turns].count("answered") == 16
    assert {turn.tags["ended"] for turn in turns if turn.failed} == {"api_error", "refusal"}
    assert {turn.session_id for turn in turns} == {path.stem for path in claude.glob("*/*.jsonl")}
    spent = {row["sessionId"]: row["totalCostUSD"] for row in rows_of(claude, "cost-state")}
    for session, cost in spent.items():
        own = [turn for turn in turns if turn.session_id == session]
        if any(turn.tags["ended"] == "refusal" for turn in own) or len(own) == 0:
            continue  # what a refused call cost is told in no row of its own
        if session.startswith("c9f71918"):
            cost /= 3  # the fork counts its whole history
        assert sum(turn.cost_usd for turn in own) == pytest.approx(cost)


def rows_of(place: Path, kind: str) -> list[dict[str, Any]]:
    """The rows of one type, of all files."""
    lines = (line for path in place.rglob("*.jsonl") for line in path.read_text().splitlines())
    return [row for line in lines if (row := json.loads(line))["type"] == kind]


def test_a_sub_agent_stands_below_its_call(store: Store, claude: Path, bring: Bring) -> None:
    """It has a file of its own, and goes on after the turn that began it has ended."""
    bring(claude)
    [turn] = [row for row in all_turns(store) if "Agent" in (row.first_prompt or "")]
    with store.read() as conn:
        spans = queries.trace(conn, turn.trace_id).spans
    by_id = {span.span_id: span for span in spans}
    [agent] = [span for span in spans if span.name == "general-purpose"]
    assert by_id[agent.parent_span_id or ""].name == "Agent"
    inside = [span for span in spans if span.parent_span_id == agent.span_id]
    assert sorted(span.name for span in inside) == ["Bash", *["claude_code.llm_request"] * 2]
    assert (turn.llm_calls, len(spans)) == (4, 8)


def test_a_second_import_reads_what_is_new(
    store: Store, session: Any, tmp_path: Path, bring: Bring
) -> None:
    """Files as they were are not opened; one that has grown goes on where its last turn began."""
    path = tmp_path / "projects" / "x" / "s.jsonl"
    path.parent.mkdir(parents=True)
    rows = [session.prompt(0), session.answer(1, "m1", ("t1", "Bash"))]
    path.write_bytes(session.lines(rows)[:-20])
    assert bring(tmp_path / "projects").turns == 1
    path.write_bytes(session.lines(rows))
    assert bring(tmp_path / "projects").spans == 2
    rows += [session.result(2, "t1"), session.answer(3, "m2", "Done."), session.prompt(9)]
    path.write_bytes(session.lines(rows))
    done = bring(tmp_path / "projects")
    assert (done.turns, done.unchanged, done.bad_lines) == (1, 0, 0)
    assert [(turn.status, turn.span_count) for turn in all_turns(store)] == [
        ("ok", 4),
        ("running", 1),
    ]
    assert bring(tmp_path / "projects").unchanged == 1
    long_ago = time.time() - 7200
    os.utime(path, (long_ago, long_ago))
    bring(tmp_path / "projects")
    assert [turn.status for turn in all_turns(store)] == ["ok", "incomplete"]
    assert bring(tmp_path / "projects").unchanged == 1


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=4))
def test_reading_in_pieces_changes_nothing(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory, data: Path, empty_database: Path
) -> None:
    """However often a file was read while it grew, its turns are as if it was read once."""
    whole = next((data / "claude-code").glob("*/cb1fbd26*.jsonl")).read_bytes()
    folder = tmp_path_factory.mktemp("pieces")
    path = folder / "s.jsonl"
    for name in ("a.db", "b.db"):
        shutil.copy(empty_database, folder / name)
    with Store.open(folder / "a.db") as store, Store.open(folder / "b.db") as other:
        for cut in [*sorted(cuts), len(whole)]:
            path.write_bytes(whole[:cut])
            import_history(store, find("claude-code", path))
        import_history(other, find("claude-code", path))
        assert exported(store) == exported(other)


def exported(store: Store) -> list[Any]:
    """All that is known of the turns."""
    store.refresh()
    with store.read() as conn:
        return list(queries.export(conn))


def test_history_stays_when_files_go(store: Store, claude: Path, bring: Bring) -> None:
    """Agents delete old sessions; what was imported is kept, and a fork's copies stay copies."""
    [fork] = claude.glob("*/c9f71918*.jsonl")
    kept = fork.read_bytes()
    fork.unlink()
    bring(claude)
    shutil.rmtree(claude)
    fork.parent.mkdir(parents=True)
    fork.write_bytes(kept)
    done = bring(claude)
    assert (done.turns, done.copies) == (1, 2)
    assert len(all_turns(store)) == 21


def test_a_fork_without_its_origin(store: Store, claude: Path, bring: Bring) -> None:
    """Its history counts, turn by turn, though all of them bear one prompt's id."""
    [fork] = claude.glob("*/c9f71918*.jsonl")
    assert bring(fork).turns == 3
    assert bring(fork).unchanged == 1
    assert [turn.llm_calls for turn in all_turns(store)] == [1, 1, 1]


def test_older_layout_of_sub_agents(
    store: Store, session: Any, tmp_path: Path, bring: Bring
) -> None:
    """Their files lie among the sessions and name no prompt; the call's result names them."""
    folder = tmp_path / "projects" / "x"
    folder.mkdir(parents=True)
    main = [
        session.prompt(0),
        session.answer(1, "m1", ("t1", "Task", {"subagent_type": "finder", "prompt": "one"})),
        session.result(5, "t1", toolUseResult={"agentId": "abc"}),
        session.answer(6, "m3", "Done."),
    ]
    aside = {"isSidechain": True, "agentId": "abc"}
    side = [
        session.prompt(2, "one", promptId=None, **aside),
        session.answer(3, "m2", "Found.", **aside),
    ]
    (folder / f"{session.id}.jsonl").write_bytes(session.lines(main))
    (folder / "agent-abc.jsonl").write_bytes(session.lines(side))
    done = bring(tmp_path / "projects")
    assert (done.sessions, done.files, done.turns) == (1, 2, 1)
    [turn] = all_turns(store)
    with store.read() as conn:
        spans = {span.span_id: span for span in queries.trace(conn, turn.trace_id).spans}
    [agent] = [span for span in spans.values() if span.name == "finder"]
    assert spans[agent.parent_span_id or ""].name == "Task"


def test_codexs_turns_come_with_tools_and_cached_tokens(
    store: Store, data: Path, bring: Bring
) -> None:
    """Turns with their tools and tokens, cached ones included as Codex counts them."""
    done = bring(data / "codex", "codex")
    assert (done.sessions, done.turns) == (5, 5)
    turns = all_turns(store)
    assert [turn.tags["ended"] for turn in turns] == [
        *("answered", "answered", "api_error", "answered", "interrupted")
    ]
    assert [turn.llm_calls for turn in turns] == [1, 2, 0, 1, 0]
    assert (turns[1].input_tokens, turns[1].output_tokens) == (164, 34)
    assert turns[2].error is not None
    assert turns[2].error.startswith("Codex ran out of room")
    assert turns[1].first_prompt == "run it [[tools:shell_command,exec_command,shell]]"
    assert {turn.tags["folder"] for turn in turns} == {"~/project"}
    with store.read() as conn:
        spans = queries.trace(conn, turns[1].trace_id).spans
    assert {span.attributes["scope.name"] for span in spans} == {"codex.transcript"}
    assert {span.attributes["session.id"] for span in spans} == {turns[1].session_id}
    assert bring(data / "codex", "codex").unchanged == 5


def test_a_folder_that_was_taken_for_another_agents(store: Store, data: Path, bring: Bring) -> None:
    """Nothing is found in it then, and everything once the right agent is named."""
    assert bring(data / "codex", "claude-code").turns == 0
    assert bring(data / "codex", "codex").turns == 5
    assert bring(data / "claude-code", "codex").turns == 0
    assert bring(data / "claude-code", "claude-code").turns == 21


def test_a_codex_turn_has_the_id_of_its_telemetry(store: Store, shared: Path, bring: Bring) -> None:
    """The rollout names the trace that Codex exports."""
    path = shared / "otlp_samples" / "transcripts" / "codex-tool.rollout.jsonl"
    bring(path, "codex")
    assert [turn.trace_id for turn in all_turns(store)] == ["c7d0c4c64c57774b207a0693c7a0fd03"]


def test_a_file_that_cannot_be_read_costs_no_other(
    store: Store, claude: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that can't be read is named with the reason, and the others are imported."""
    [locked] = claude.glob("*/cb1fbd26*.jsonl")
    opened = Path.open

    def refuse(path: Path, *how: Any) -> Any:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return opened(path, *how)

    monkeypatch.setattr(Path, "open", refuse)
    done = bring(claude)
    assert done.unreadable == [f"{locked}: Permission denied"]
    assert done.turns == 17
