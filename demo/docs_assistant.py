"""A retrieval (RAG) agent: finds passages in a help centre and answers from them."""

from __future__ import annotations

from typing import Any

import clustertrace
from clustertrace.demo.knowledge.help_centre import Passage, closest
from clustertrace.demo.model import Message, ScriptedModel, converse
from clustertrace.demo.simulation import ToolError, network
from clustertrace.demo.visitor import Visitor

__all__ = ["IndexUnavailable", "answer_from_docs"]

EMBEDDING_MODEL = "text-embedding-3-small"
ATTEMPTS = 3
WEAK = 0.4
"""A best passage that shares less than this of the question's words is worth a second look."""

INSTRUCTIONS = (
    "You are the help desk of Tidepool Coffee. Answer from the passages, in one or two "
    "sentences, in the customer's language. Hand over to a person when you are asked to."
)


class IndexUnavailable(Exception):
    """The index of the help centre did not answer."""


@clustertrace.trace(name="docs_assistant", kind="agent", skip=("model", "history", "visitor"))
def answer_from_docs(
    question: str, model: ScriptedModel, history: tuple[Message, ...], visitor: Visitor
) -> dict[str, Any]:
    """Answer a customer's question; returns the answer and the articles that it rests on.

    Raises IndexUnavailable after three attempts.
    """
    visitor.arrive()
    passages = retrieve_with_retries(question)
    if passages and passages[0].score < WEAK:
        rewritten = model.ask(
            [{"role": "user", "content": f"Say this in the words of a help centre: {question}"}]
        )
        passages = retrieve_with_retries(rewritten.text)
    if passages:
        passages = rerank(question, passages)
    clustertrace.metric("passages_found", len(passages))
    context = "\n\n".join(f"[{passage.article}] {passage.text}" for passage in passages)
    messages: list[Message] = [
        {"role": "system", "content": f"{INSTRUCTIONS}\n\nPassages:\n{context}"},
        *history,
        {"role": "user", "content": question},
    ]
    answer = converse(model, messages, {"hand_over": hand_over})
    visitor.leave()
    return {"answer": answer, "articles": [passage.article for passage in passages]}


def retrieve_with_retries(question: str) -> list[Passage]:
    """Ask the index again when it does not answer. Raises IndexUnavailable."""
    for _ in range(ATTEMPTS):
        try:
            return retrieve(question)
        except ToolError as error:
            last = error
    raise IndexUnavailable(f"the help centre's index failed {ATTEMPTS} times: {last}")


@clustertrace.trace(kind="retriever")
def retrieve(question: str) -> list[Passage]:
    """The passages nearest to a question; none when nothing is near."""
    with clustertrace.span(f"embed {EMBEDDING_MODEL}", kind="embedding", input=question) as span:
        network.wait(0.09)
        span.set_usage(
            EMBEDDING_MODEL,
            provider="openai",
            input_tokens=max(1, len(question) // 4),
            output_tokens=0,
        )
    network.request("index", seconds=0.05)
    return closest(question)


@clustertrace.trace(kind="reranker")
def rerank(question: str, passages: list[Passage]) -> list[Passage]:
    """The best two passages, read together with the question."""
    network.wait(0.14)
    return sorted(passages, key=lambda passage: -passage.score)[:2]


@clustertrace.trace(kind="tool")
def hand_over(reason: str) -> dict[str, str]:
    """Put the conversation into the queue of the people at the help desk."""
    network.wait(0.2)
    return {"queue": "help-desk", "reason": reason}
