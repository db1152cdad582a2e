"""What a run of the demo is made of: who asks which agent, and what they say to the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from clustertrace.demo.docs_assistant import answer_from_docs
from clustertrace.demo.model import Reply
from clustertrace.demo.order_desk import serve_customer
from clustertrace.demo.research import research

__all__ = ["AGENTS", "Agent", "Turn", "Visit"]


class Agent(NamedTuple):
    """An agent as it is deployed: its code, its model, and the version that went live last."""

    run: Callable[..., dict[str, Any]]
    model: str
    provider: str
    version: str
    old_version: str


AGENTS = {
    "research": Agent(research, "claude-sonnet-4-5", "anthropic", "1.4", "1.3"),
    "docs": Agent(answer_from_docs, "gpt-4o-mini", "openai", "2.1", "2.1"),
    "orders": Agent(serve_customer, "claude-haiku-4-5", "anthropic", "0.9", "0.8"),
}


class Turn(NamedTuple):
    """One run of an agent."""

    asks: str
    script: list[Reply]
    faults: tuple[tuple[str, Exception], ...] = ()
    outcome: Literal["pass", "fail"] | None = None
    reason: str | None = None


class Visit(NamedTuple):
    """What one person asks of one agent, turn by turn."""

    agent: str
    turns: tuple[Turn, ...]
    tier: str = "free"
    language: str = "en"
    late: bool = False
    """Whether it belongs to the last days, when the newest versions were live."""
