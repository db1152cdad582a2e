"""A number that is a link leads to as many traces as it says."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from clustertrace.filters import both, parse
from clustertrace.model import REPLAY_OF, Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.queries import failing
from clustertrace.telling.addresses import FILTER

SECOND = 10**9
START = 1_762_000_000 * SECOND

LINK = re.compile(r'<a[^>]*href="(/\?[^"]*)"[^>]*>(.*?)</a>')
OF = re.compile(r"[\d,]+ of ([\d,]+) runs? failed")


def run(rng: random.Random, number: int) -> Batch:
    """A run of a few steps: of two kinds with one name, with agents, ended in any way or not."""
    trace_id = f"{number:032x}"
    status = rng.choice(["ok", "ok", "ok", "error", "running", "incomplete"])
    start = START + number * SECOND
    end = None if status in ("running", "incomplete") else start + SECOND
    root = Span(trace_id, f"{number << 8:016x}", None, "bot", "agent", status, start, end)
    spans = [root]
    for at in range(1, rng.randint(1, 5)):
        spans.append(
            Span(
                *(trace_id, f"{(number << 8) + at:016x}", rng.choice(spans).span_id),
                *rng.choice(
                    [
                        *(("search", "tool"), ("search", "retriever"), ("fetch", "tool")),
                        *(('odd "x" (!)', "tool"), ("Plan", "agent"), ("chat", "llm")),
                    ]
                ),
                rng.choice(["ok", "ok", "error"]),
                *(start + at, start + at + 5),
            )
        )
    outcome = rng.choice([None, None, "pass", "fail"])
    return Batch(spans, [TraceFacts(trace_id, outcome=outcome, tags={"v": rng.choice("ab")})])


@pytest.fixture
def runs(store: Store) -> Store:
    """Fill the database with a hundred runs, and with replays, which no number counts."""
    rng = random.Random(7)
    for number in range(1, 101):
        store.write(run(rng, number))
    for number in range(101, 111):
        again = run(rng, number)
        [facts] = again.facts
        tags = {**facts.tags, REPLAY_OF: f"{number - 100:032x}"}
        store.write(again._replace(facts=[facts._replace(tags=tags)]))
    store.refresh()
    return store


def numbers(page: str) -> Iterator[tuple[int, str, str]]:
    """The numbers that are links to a list: number, filter, and what the link says."""
    for address, text in LINK.findall(page):
        words = re.sub(r"<[^>]*>", "", text).strip()
        found = OF.search(words) or re.match(r"([\d,]+(?: \+ [\d,]+)?)(?!\w)", words)
        if found:
            where = parse_qs(urlsplit(html.unescape(address)).query).get(FILTER, [])
            number = sum(int(part.replace(",", "")) for part in found[1].split("+"))
            yield number, both(*where), words


@pytest.mark.parametrize("where", [[], ["tag.v:a"]])
@pytest.mark.parametrize(("page", "least"), [("failures", 12), ("clusters", 8)])
def test_numbers_lead_to_what_they_count(
    runs: Store, show: Callable[..., Any], page: str, least: int, where: list[str]
) -> None:
    """Whatever the filter, and whether or not some runs have not ended."""
    found = list(numbers(show(page, where=where).html))
    assert len(found) >= least
    with runs.read() as conn:
        wrong = [
            (words, number, listed, condition)
            for number, condition, words in found
            if (listed := queries.traces(conn, parse(condition), limit=1).total) != number
        ]
    assert wrong == []


@pytest.mark.parametrize("looked_at", [2_000, 5])
def test_how_failing_runs_begin_leads_to_as_many(
    store: Store, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    """Values of a tag that a condition can't tell apart, and those of the newest runs only, lead
    nowhere."""
    monkeypatch.setattr(failing, "MESSAGES", looked_at)
    values = ["gold", "Gold", 'a "b"', "a *b*", "plain", "plain"]
    for number, value in enumerate(values, 1):
        begin, end = START + number * SECOND, START + (number + 1) * SECOND
        root = Span(f"{number:032x}", "1" * 16, None, "bot", "agent", "error", begin, end)
        facts = TraceFacts(root.trace_id, tags={"v": value})
        store.write(Batch([root], [facts]))
    store.refresh()
    shown = show("failures").ran.selectbox(key="by").select("tag.v").run()
    page = "\n".join(piece.proto.body for piece in shown.get("html"))
    assert html.escape('a "b"') in page
    led = {condition: number for number, condition, _ in numbers(page) if "tag." in condition}
    assert led == ({"tag.v:plain failed:yes": 2} if looked_at > len(values) else {})
