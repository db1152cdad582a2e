"""Totals of money and tokens, held against the transcripts' own records, read in another way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrace.store import queries
from clustertrace.store.queries.costing import By
from clustertrace.store.store import Store
from clustertrace.transcripts.finding import Agent, find
from clustertrace.transcripts.importing import import_history
from clustertrace.understanding.spending import Measures

COMPLETE: tuple[By, ...] = ("session", "project", "model", "day")
"""What every call counts for exactly once; a tool or a skill has only some of them."""


class Tokens(NamedTuple):
    """Counts of tokens; those of the input include what was read from caches and written there."""

    input: int
    output: int
    cache_read: int
    cache_write: int


def summed(all_of: Iterable[Tokens]) -> Tokens:
    """The sum of each count."""
    return Tokens(*map(sum, zip(Tokens(0, 0, 0, 0), *all_of, strict=True)))


def recorded(records: Iterable[Mapping[str, Any]]) -> Tokens:
    """What Claude Code's records come to: each message once, by the last that tells of it."""
    last: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record.get("type") == "assistant" and record["message"]["model"] != "<synthetic>":
            last[record["message"]["id"]] = record["message"]["usage"]
    return summed(
        Tokens(
            used["input_tokens"]
            + used["cache_read_input_tokens"]
            + used["cache_creation_input_tokens"],
            used["output_tokens"],
            used["cache_read_input_tokens"],
            used["cache_creation_input_tokens"],
        )
        for used in last.values()
    )


def records_of(place: Path) -> list[dict[str, Any]]:
    """Every record of every file."""
    files = [place] if place.is_file() else sorted(place.rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def spent(store: Store, agent: Agent, place: Path) -> dict[str, list[Tokens]]:
    """After an import: the total, and the parts by each thing that takes in every call."""
    import_history(store, find(agent, place))
    store.refresh()
    with store.read() as conn:
        pages = {by: queries.spending(conn, by, limit=1000) for by in get_args(By)}
    parts = {by: [row.measures for row in pages[by].rows] for by in COMPLETE}
    parts |= {f"total by {by}": [page.total] for by, page in pages.items()}
    return {name: [tokens_of(one) for one in measures] for name, measures in parts.items()}


def tokens_of(measures: Measures) -> Tokens:
    """The counts among the measures."""
    cached = (measures.cache_read_tokens, measures.cache_write_tokens)
    return Tokens(measures.input_tokens, measures.output_tokens, *cached)


def check(counts: Mapping[str, Sequence[Tokens]], expected: Tokens) -> None:
    """Every way to count comes to the same."""
    assert {name: summed(parts) for name, parts in counts.items()} == dict.fromkeys(
        counts, expected
    )


def test_real_sessions_of_claude_code(store: Store, data: Path) -> None:
    """Sub-agents, a fork with its copies, failed calls and a refusal among them."""
    place = data / "claude-code"
    expected = recorded(records_of(place))
    assert expected.cache_write > 0
    check(spent(store, "claude-code", place), expected)


def test_a_session_with_a_sub_agent(store: Store, shared: Path, tmp_path: Path) -> None:
    """The sample of another machine, with its files where Claude Code has them."""
    place = shared / "otlp_samples" / "transcripts"
    name = records_of(place / "claude-code-subagent.session.jsonl")[0]["sessionId"]
    folder = tmp_path / "projects" / "x"
    (folder / name / "subagents").mkdir(parents=True)
    shutil.copy(place / "claude-code-subagent.session.jsonl", folder / f"{name}.jsonl")
    for path in place.glob("claude-code-subagent.agent-*"):
        copied = path.name.removeprefix("claude-code-subagent.")
        shutil.copy(path, folder / name / "subagents" / copied)
    check(spent(store, "claude-code", tmp_path), recorded(records_of(tmp_path / "projects")))


@pytest.mark.parametrize("shortened", [False, True])
def test_real_rollouts_of_codex(store: Store, data: Path, shared: Path, shortened: bool) -> None:
    """Codex adds up itself: the last total of each rollout."""
    place = shared / "otlp_samples/transcripts/codex-tool.rollout.jsonl"
    place = place if shortened else data / "codex"
    files = [place] if place.is_file() else sorted(place.rglob("*.jsonl"))
    totals = []
    for file in files:
        payloads = [record["payload"] for record in records_of(file)]
        infos = [one["info"] for one in payloads if one.get("type") == "token_count"]
        used = [info["total_token_usage"] for info in infos if info]
        totals += [
            Tokens(last["input_tokens"], last["output_tokens"], last["cached_input_tokens"], 0)
            for last in used[-1:]
        ]
    assert summed(totals).input > 0
    check(spent(store, "codex", place), summed(totals))


ANSWERS = st.tuples(
    st.integers(0, 6), st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans()
)


@settings(max_examples=15)
@given(talks=st.lists(st.lists(ANSWERS, max_size=6), min_size=1, max_size=4))
def test_generated_sessions(
    talks: list[list[Any]],
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    session: Any,
) -> None:
    """However often a message is logged, in whichever turn, with tools and models as they come."""
    folder = tmp_path_factory.mktemp("sessions")
    shutil.copy(empty_database, folder / "traces.db")
    for number, answers in enumerate(talks):
        name = f"5e55a0c8-0000-4000-8000-{number:012}"
        rows = [session.prompt(0)]
        for second, (key, count, asks, again, other) in enumerate(answers, 1):
            part = (f"t{number}-{second}", "Bash") if asks else "Well."
            row = session.answer(second, f"m{number}-{key}", part, n=count)
            row["message"]["model"] = "claude-opus-4-5" if other else "claude-sonnet-4-6"
            rows += [row] * (2 if again else 1)
            if asks:
                rows.append(session.result(second + 0.5, part[0]))
        # What bears the ids of another session's rows is a copy of them.
        own = {"sessionId": name, "promptId": f"p-{number}"}
        rows = [row | own | {"uuid": f"{number}-{row['uuid']}"} for row in rows]
        (folder / f"{name}.jsonl").write_bytes(session.lines(rows))
    with Store.open(folder / "traces.db") as store:
        check(spent(store, "claude-code", folder), recorded(records_of(folder)))
