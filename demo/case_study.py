"""An agent that fails too often, what its runs show, and a fix of four lines.

    python -m clustertrace.demo.case_study [DATABASE]

A research agent answers the same questions with two versions of one decision: what to do next
after a search. The web, the time that passes and the words that the model picks for a query are
simulated with seeds; the loop, the decision and what follows from it are code that runs.
docs/case-study.md tells the story; its numbers are recomputed by a test.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import clustertrace
from clustertrace import testing
from clustertrace.demo.knowledge import web
from clustertrace.demo.knowledge.text import words
from clustertrace.demo.model import Call, Message, Reply, ScriptedModel, converse
from clustertrace.demo.simulation import network
from clustertrace.demo.timeline import START_NS

__all__ = ["QUESTIONS", "RUNS", "VERSIONS", "ask", "main", "record", "story"]

RUNS: Final = 180
"""Runs of each version: every question as often as the others."""

MAX_SEARCHES: Final = 6
_MODEL: Final = "claude-haiku-4-5"
_PICKED: Final = 2
"""Words of the question that the model puts into a query."""

Hit = dict[str, str]


class GaveUp(Exception):
    """The agent used up its searches without opening a page."""


class Question(NamedTuple):
    """What is asked, and the page that answers it."""

    task: str
    asks: str
    url: str


QUESTIONS: Final = (
    Question("heat", "Does a heat pump still work in a very cold winter?", web.PAGES[0].url),
    Question("size", "How large a heat pump should my old house get?", web.PAGES[1].url),
    Question("salt", "Why does the sea taste of salt although rivers are fresh?", web.PAGES[2].url),
    Question("tide", "How are the tide tables of a harbour made so far ahead?", web.PAGES[3].url),
    Question("dough", "What lifts sourdough when no baker's yeast is added?", web.PAGES[4].url),
    Question("stale", "Is the fridge a good place for bread to stay soft?", web.PAGES[5].url),
    Question("cell", "Are iron phosphate batteries safer for a family car?", web.PAGES[6].url),
    Question("dance", "How do bees tell each other where flowers are?", web.PAGES[8].url),
    Question(
        "heart", "Why does an octopus with three hearts rather crawl than swim?", web.PAGES[9].url
    ),
)


class State(NamedTuple):
    """What the agent knows when it decides."""

    question: str
    searches: Sequence[Sequence[Hit]]
    """What each search so far has found."""


def promising(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """Hits whose title shares two words with the question."""
    asked = words(question)
    return [hit for hit in hits if len(asked & words(hit["title"])) >= 2]


def decide_first(state: State) -> Hit | None:
    """The page to open next; None: search again, in other words."""
    good = promising(state.question, state.searches[-1])
    return good[0] if good else None


def decide_fixed(state: State) -> Hit | None:
    """As `decide_first`, but two searches are enough to read what they found."""
    good = promising(state.question, state.searches[-1])
    if not good and len(state.searches) >= 2:
        asked = words(state.question)
        found = [hit for hits in state.searches for hit in hits]
        return max(found, key=lambda hit: len(asked & words(hit["title"] + hit["snippet"])))
    return good[0] if good else None


VERSIONS: Final[dict[str, Callable[[State], Hit | None]]] = {
    "1.0": decide_first,
    "1.1": decide_fixed,
}


@clustertrace.trace(name="research_agent", kind="agent", skip=("chance",))
def ask(question: Question, version: str, chance: random.Random) -> str:
    """Answer a question from the web; the answer names the page that it rests on.

    Raises GaveUp.
    """
    clustertrace.tag("task", question.task)
    clustertrace.tag("version", version)
    searches: list[list[Hit]] = []

    @clustertrace.trace(kind="tool")
    def web_search(query: str) -> list[Hit]:
        network.request("search", seconds=0.6)
        searches.append(web.search(query))
        return searches[-1]

    @clustertrace.trace(kind="tool")
    def open_page(url: str) -> str:
        network.request("page", seconds=0.9)
        page = web.fetch(url)
        return page.text if page else ""

    def replies() -> Iterator[Reply]:
        """What the model says, turn by turn: queries of its choice, then a page, then an answer."""
        hit = None
        while hit is None:
            if len(searches) == MAX_SEARCHES:
                raise GaveUp(f"{MAX_SEARCHES} searches made, and no page opened")
            yield Reply(calls=(Call("web_search", {"query": _query(question, chance)}),))
            hit = VERSIONS[version](State(question.asks, searches))
        yield Reply(calls=(Call("open_page", {"url": hit["url"]}),))
        yield Reply(f"As {hit['url']} says.")

    model = ScriptedModel(_MODEL, "anthropic", replies())
    messages: list[Message] = [{"role": "user", "content": question.asks}]
    answer = converse(model, messages, {"web_search": web_search, "open_page": open_page})
    right = question.url in answer
    clustertrace.outcome("pass" if right else "fail", None if right else "rests on another page")
    return answer


def _query(question: Question, chance: random.Random) -> str:
    known = sorted(words(question.asks))
    return " ".join(chance.sample(known, min(_PICKED, len(known))))


def record(version: str) -> None:
    """Run a version on every question, again and again, within a day of its own."""
    day = list(VERSIONS).index(version)
    chance = random.Random(day)
    with testing.deterministic(clock_ns=network.clock_ns, seed=day):
        for number in range(RUNS):
            network.start(START_NS + (day * 86_400 + number * 400) * 10**9, day * RUNS + number)
            with suppress(GaveUp):
                ask(QUESTIONS[number % len(QUESTIONS)], version, chance)
        clustertrace.flush()


def story(database: Path) -> Iterator[tuple[str, str]]:
    """Record the runs into a database and ask it: each command, and what it answered."""
    os.environ["CLUSTERTRACE_DB"] = str(database)
    record("1.0")
    yield _asked("clusters")
    worst = json.loads(_asked("clusters --limit 1 --json")[1])["clusters"][0]
    yield _asked(f"why {worst['id']}")
    record("1.1")
    yield _asked("verdict --before tag.version:1.0 --after tag.version:1.1")


def _asked(command: str) -> tuple[str, str]:
    run = subprocess.run(
        [sys.executable, "-m", "clustertrace", *command.split()],
        env=os.environ | {"COLUMNS": "110"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return command, run.stdout


def main() -> None:
    """Tell the story; the database is kept if one is named."""
    with TemporaryDirectory(prefix="clustertrace-case-") as folder:
        named = len(sys.argv) > 1
        for command, answer in story(Path(sys.argv[1] if named else f"{folder}/case.db")):
            print(f"$ clustertrace {command}\n{answer}", flush=True)


if __name__ == "__main__":
    main()
