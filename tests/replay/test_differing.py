"""What a repeated run did otherwise than its recording."""

from __future__ import annotations

from collections.abc import Callable

import clustertrace
from clustertrace.model import Trace
from clustertrace.replay.differing import asked_model

Recorded = Callable[..., Trace]


def test_asked_model(recorded: Recorded) -> None:
    """A model was asked if an argument named it, or a call's request did."""

    @clustertrace.trace(kind="agent")
    def asks(question: str, model: str = "small") -> str:
        return question + model

    @clustertrace.trace(kind="agent")
    def calls(question: str) -> str:
        with clustertrace.span("chat", **{"gen_ai.request.model": "large"}):
            return question

    assert asked_model(recorded(asks, "why", model="large"), "large")
    assert asked_model(recorded(calls, "why"), "large")
    assert not asked_model(recorded(asks, "why", model="small"), "large")
    assert not asked_model(recorded(calls, "why"), "small")
