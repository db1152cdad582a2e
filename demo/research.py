"""A research agent: searches the web, opens pages, notes sources, and answers a question."""

from __future__ import annotations

from typing import Any

import clustertrace
from clustertrace.demo.knowledge import web
from clustertrace.demo.model import Message, ScriptedModel, converse
from clustertrace.demo.simulation import ToolError, network
from clustertrace.demo.visitor import Visitor

__all__ = ["OutOfSearches", "research"]

MAX_SEARCHES = 6

INSTRUCTIONS = (
    "You answer questions from the web. Search, open the pages that look useful, note each "
    "source that you rely on with `cite`, then answer in two or three sentences."
)


class OutOfSearches(Exception):
    """The agent used up its searches without an answer."""


@clustertrace.trace(name="research_agent", kind="agent", skip=("model", "history", "visitor"))
def research(
    question: str, model: ScriptedModel, history: tuple[Message, ...], visitor: Visitor
) -> dict[str, Any]:
    """Answer a question; returns the answer and the addresses that it rests on.

    Raises OutOfSearches.
    """
    visitor.arrive()
    sources: list[str] = []
    searches = 0

    @clustertrace.trace(kind="tool")
    def web_search(query: str) -> list[dict[str, str]]:
        nonlocal searches
        searches += 1
        network.request("search", seconds=0.6)
        return web.search(query)

    @clustertrace.trace(kind="tool")
    def open_page(url: str) -> str:
        network.request("page", seconds=0.9)
        page = web.fetch(url)
        if page is None:
            raise ToolError(f"404: there is no page at {url}")
        return page.text

    @clustertrace.trace(kind="tool")
    def cite(url: str, quote: str) -> int:
        network.wait(0.002)
        sources.append(url)
        return len(sources)

    def search_within_budget(query: str) -> list[dict[str, str]]:
        if searches == MAX_SEARCHES:
            raise OutOfSearches(f"{MAX_SEARCHES} searches made, and the question is still open")
        return web_search(query)

    messages: list[Message] = [
        {"role": "system", "content": INSTRUCTIONS},
        *history,
        {"role": "user", "content": question},
    ]
    answer = converse(
        model, messages, {"web_search": search_within_budget, "open_page": open_page, "cite": cite}
    )
    clustertrace.metric("sources_cited", len(sources))
    visitor.leave()
    return {"answer": answer, "sources": sources}
