"""A recorded run, run again: what is answered from the recording, and what is not."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

import clustertrace
from clustertrace.errors import CannotReplay, NotFound, UsageError
from clustertrace.record import playback
from clustertrace.replay.arguments import parse_change
from clustertrace.replay.checking import replayed
from clustertrace.replay.repro import slim_recording
from clustertrace.replay.running import REPLAY_OF, entry_of, rerun
from clustertrace.testing import capture_traces

Recorded = Callable[..., Any]


class SearchDown(Exception):
    """A tool's error whose constructor wants more than a message."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Hit:
    """What a search finds."""

    title: str
    day: date


CALLS: list[str] = []
"""What was called for real."""


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


@clustertrace.trace(kind="tool")
def search(query: str, limit: int = 3) -> list[Hit]:
    """A tool whose answers differ from call to call."""
    CALLS.append(query)
    if query == "down":
        raise SearchDown("no route to the index", 7)
    return [Hit(f"{query} {len(CALLS)}", date(2026, 1, len(CALLS)))]


@clustertrace.trace(kind="llm")
async def think(thought: str) -> str:
    """A model of the program's own making."""
    CALLS.append(thought)
    return f"{thought} {len(CALLS)}"


@clustertrace.trace(kind="retriever")
def pages(query: str) -> Iterator[str]:
    """A tool that yields."""
    for number in range(2):
        CALLS.append(query)
        yield f"{query} {number} {len(CALLS)}"


@clustertrace.trace(kind="tool")
async def feed(query: str) -> AsyncIterator[str]:
    """A tool that yields and is awaited."""
    CALLS.append(query)
    yield f"{query} {len(CALLS)}"


@clustertrace.trace(kind="agent")
def agent(question: str, rounds: int = 2) -> list[str]:
    """Uses every sort of call."""
    seen: list[str] = []
    for at in range(rounds):
        seen += [f"{hit.title} of {hit.day.isoformat()}" for hit in search(f"{question}{at}")]
        seen += list(pages(question))
        seen.append(asyncio.run(think(question)))
        seen += asyncio.run(_all(feed(question)))
    return seen


async def _all(items: AsyncIterator[str]) -> list[str]:
    return [item async for item in items]


def test_all_stubbed(recorded: Recorded) -> None:
    """Every sort of call is answered as it was, in the types that are annotated; none is made."""
    before = recorded(agent, "why")
    CALLS.clear()
    with capture_traces() as traces:
        result = rerun(agent, before, stub="all")
    assert CALLS == []
    assert (result.played, result.differing, result.left, result.error) == (8, (), None, None)
    after = traces.one()
    assert after.spans[0].output == before.spans[0].output
    assert [span.name for span in after.spans] == [span.name for span in before.spans]
    assert after.tags[REPLAY_OF] == before.trace_id


def test_nothing_stubbed(recorded: Recorded) -> None:
    """Without stubs everything is called for real, with the recorded arguments."""
    before = recorded(agent, "why", rounds=1)
    CALLS.clear()
    with capture_traces() as traces:
        rerun(agent, before)
    assert CALLS == ["why0", "why", "why", "why", "why"]
    assert traces.one().spans[0].input == {"question": "why", "rounds": 1}


def test_until_a_step(recorded: Recorded) -> None:
    """The recording answers up to the step that is named, and the program's own calls follow."""
    before = recorded(agent, "why")
    CALLS.clear()
    with capture_traces():
        result = rerun(agent, before, stub="all", until="search#2")
    assert result.played == 4
    assert CALLS == ["why1", "why", "why", "why", "why"]


def test_unknown_step(recorded: Recorded) -> None:
    """A step that the recording does not have is refused, with those that it has."""
    before = recorded(agent, "why", rounds=1)
    with pytest.raises(NotFound, match=r"no step 'search#2'.*1 search, 2 pages"):
        rerun(agent, before, stub="all", until="search#2")


def test_changed_argument(recorded: Recorded) -> None:
    """A changed question is asked, and steps whose recorded arguments differed are told."""
    before = recorded(agent, "why", rounds=1)
    with capture_traces() as traces:
        result = rerun(agent, before, stub="tools", changes=[parse_change("question=how")])
    assert traces.one().spans[0].input == {"question": "how", "rounds": 1}
    assert result.differing == (1, 2, 3)
    assert CALLS[-1] == "how"


@pytest.mark.parametrize(("code", "error"), [(0, None), (3, "SystemExit: 3")])
def test_an_entry_that_exits_ends_its_run_only(
    recorded: Recorded, code: int, error: str | None
) -> None:
    """An entry that exits ends its run, not the program that repeats it."""

    @clustertrace.trace
    def exits(code: int) -> None:
        sys.exit(code)

    with pytest.raises(SystemExit), capture_traces() as traces:
        exits(code)
    with capture_traces():
        assert rerun(exits, traces.one()).error == error


@pytest.mark.parametrize("name", ["aside", "brisk"])
def test_entry_among_other_roots(recorded: Recorded, name: str) -> None:
    """The new run is the entry's, whatever else it begins in threads, and of whatever name."""

    @clustertrace.trace(name=name)
    def aside() -> None: ...

    @clustertrace.trace
    def brisk() -> int:
        threads = [threading.Thread(target=aside) for _ in range(3)]
        for thread in threads:
            thread.start()
            thread.join()
        return 7

    with capture_traces() as traces:
        brisk()
    before = next(trace for trace in traces if trace.spans[0].output == 7)
    with capture_traces() as traces:
        result = rerun(brisk, before)
    (new,) = [trace for trace in traces if trace.trace_id == result.trace_id]
    assert (len(traces), new.spans[0].output) == (4, 7)
    again = replayed(brisk, slim_recording(before), stub=None, until=None)
    assert again.trace is not None
    assert again.trace.spans[0].output == 7


def test_left_recording(recorded: Recorded) -> None:
    """A call that the recording does not hold ends the run, whatever the program catches."""

    @clustertrace.trace(kind="agent")
    def stubborn(rounds: int) -> str:
        for _ in range(rounds):
            try:
                search("why")
            except Exception:
                return "went on"
        return "done"

    before = recorded(stubborn, 2)
    with capture_traces():
        result = rerun(stubborn, before, stub="all", changes=[parse_change("rounds=3")])
    assert result.left == "search"
    assert result.played == 2


def test_errors_come_again(recorded: Recorded) -> None:
    """A recorded exception is raised again as its own class, whatever its constructor wants."""
    caught: list[BaseException] = []

    @clustertrace.trace(kind="agent")
    def careful() -> None:
        try:
            search("down")
        except SearchDown as error:
            caught.append(error)

    before = recorded(careful)
    CALLS.clear()
    with capture_traces():
        rerun(careful, before, stub="tools")
    assert CALLS == []
    assert [str(error) for error in caught] == ["no route to the index"] * 2


def test_threads_get_their_own_answers(recorded: Recorded) -> None:
    """Calls from several threads, in any order, get what was recorded for their arguments."""
    turn = threading.Lock()

    @clustertrace.trace(kind="tool")
    def double(number: int) -> int:
        with turn:
            CALLS.append(str(number))
        return number * 2

    @clustertrace.trace(kind="agent")
    def parallel(numbers: list[int]) -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(clustertrace.carry(double), numbers))

    before = recorded(parallel, list(range(20)))
    CALLS.clear()
    with capture_traces() as traces:
        result = rerun(parallel, before, stub="tools")
    assert CALLS == []
    assert result.differing == ()
    assert traces.one().spans[0].output == [number * 2 for number in range(20)]


def test_named_steps(recorded: Recorded) -> None:
    """Steps of any kind can be stubbed by their names."""
    before = recorded(agent, "why", rounds=1)
    CALLS.clear()
    with capture_traces():
        rerun(agent, before, stub="search,think")
    assert CALLS == ["why", "why", "why"]


@pytest.mark.parametrize("stub", ["serch", "all,serch", "agent"])
def test_unknown_stub(recorded: Recorded, stub: str) -> None:
    """A name that no step has is refused, with those that it has, before anything is called."""
    before = recorded(agent, "why", rounds=1)
    CALLS.clear()
    with pytest.raises(NotFound, match=r"no step '\w+' to stub; it has: search, pages, think"):
        rerun(agent, before, stub=stub)
    assert CALLS == []


@pytest.mark.parametrize("size", [40_000])
def test_cut_answer(recorded: Recorded, size: int) -> None:
    """An answer that was too large to keep is refused with its step, before anything runs."""

    @clustertrace.trace(kind="tool")
    def page() -> str:
        CALLS.append("page")
        return "x" * size

    @clustertrace.trace(kind="agent")
    def reader() -> int:
        return len(page())

    before = recorded(reader)
    CALLS.clear()
    with pytest.raises(CannotReplay, match="step 1, 'page', gave was too large"):
        rerun(reader, before, stub="all")
    assert CALLS == []


def test_untraced_entry(recorded: Recorded) -> None:
    """An entry that is not traced itself is recorded under the recorded name."""
    before = recorded(agent, "why", rounds=1)

    def plain(question: str, rounds: int) -> int:
        return len(question) + rounds

    with capture_traces() as traces:
        rerun(plain, before)
    assert (traces.one().name, traces.one().spans[0].output) == ("agent", 4)


def test_model_argument(recorded: Recorded) -> None:
    """Another model goes into an argument of that name, where the entry has one."""

    @clustertrace.trace(kind="agent")
    def asks(question: str, model: str) -> str:
        return model

    before = recorded(asks, "why", model="small")
    with capture_traces() as traces:
        rerun(asks, before, model="large")
    assert traces.one().spans[0].output == "large"


def test_player_leaves(recorded: Recorded) -> None:
    """After a replay, and after one that failed, the program's calls are its own again."""
    before = recorded(agent, "why", rounds=1)
    with capture_traces():
        rerun(agent, before, stub="all", changes=[parse_change("rounds=9")])
    assert playback.player is None


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("nowhere", "expects module:function"),
        ("no_such_module_here:run", "can't be imported"),
        ("json:no_such", "has no function 'no_such'"),
    ],
)
def test_bad_entry(entry: str, sentence: str) -> None:
    """An entry that can't be called is refused with what is wrong with it."""
    with pytest.raises(UsageError, match=sentence):
        entry_of(entry)
