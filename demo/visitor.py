"""Who asks an agent something: what is known about them, and what they say to the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import clustertrace

__all__ = ["Visitor"]


class Visitor(NamedTuple):
    """One person's side of a run."""

    tags: Mapping[str, str]
    score: float | None = None
    """How an evaluation rates the answer, 0 to 1."""
    outcome: Literal["pass", "fail"] | None = None
    """The person's own verdict, if they gave one."""
    reason: str | None = None

    def arrive(self) -> None:
        """Say on the trace who this is."""
        for key, value in self.tags.items():
            clustertrace.tag(key, value)

    def leave(self) -> None:
        """Say on the trace what became of it."""
        if self.score is not None:
            clustertrace.metric("answer_score", self.score)
        if self.outcome:
            clustertrace.outcome(self.outcome, self.reason)
