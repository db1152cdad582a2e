"""How facts read on the pages; what commands say too comes from their module of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clustertrace.telling.words import (
    SMALLEST_USD,
    chance,
    count,
    counted,
    duration,
    interval,
    money,
    points,
    share,
    times,
)

__all__ = [
    "KINDS",
    "State",
    "chance",
    "cost",
    "count",
    "counted",
    "day",
    "duration",
    "interval",
    "moment",
    "money",
    "points",
    "share",
    "short_count",
    "state",
    "states",
    "times",
    "zone",
]


Tone = Literal["failed", "uncertain", "good", "plain"]

KINDS: Final[Mapping[str, str]] = {
    "agent": "smart_toy",
    "llm": "auto_awesome",
    "tool": "build",
    "retriever": "manage_search",
    "embedding": "scatter_plot",
    "reranker": "sort",
    "guardrail": "shield",
    "evaluator": "fact_check",
    "chain": "link",
    "user": "person",
}
"""The sign of each kind of span: its name in the symbol font that Streamlit brings along."""


@dataclass(frozen=True, slots=True)
class State:
    """How a run ended, in a sign, a word and a sentence."""

    sign: str
    word: str
    tone: Tone
    reason: str

    @property
    def label(self) -> str:
        """Sign and word."""
        return f"{self.sign} {self.word}"


_STATES: Final[Mapping[tuple[str | None, str], State]] = {
    ("fail", ""): State("✕", "failed", "failed", "The outcome recorded for this run is a failure."),
    ("pass", ""): State("✓", "passed", "good", "The outcome recorded for this run is a pass."),
    (None, "error"): State(
        "✕", "error", "failed", "The root span ended in an error; no outcome is recorded."
    ),
    (None, "ok"): State(
        "○",
        "ended",
        "plain",
        "The root span ended without an error; no outcome is recorded, so whether the result was "
        "right is not known.",
    ),
    (None, "running"): State("…", "running", "uncertain", "The root span has not ended yet."),
    (None, "incomplete"): State(
        "?",
        "incomplete",
        "uncertain",
        "The process is gone and the root span never ended: it was killed, or it crashed.",
    ),
}


def state(outcome: str | None, status: str) -> State:
    """How a run stands: by its outcome where there is one, else by its root span."""
    return _STATES[(outcome, "") if outcome else (None, status)]


def states() -> list[State]:
    """Every way in which a run can stand."""
    return list(_STATES.values())


def short_count(number: int) -> str:
    """1234 → 1,234; 45678 → 45.7k; 40969315 → 41.0M"""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.1f}k" if number < 999_950 else f"{number / 1e6:.1f}M"


def cost(usd: float, unpriced: int) -> str:
    """Money, as a lower bound where some calls have no known cost."""
    if not unpriced:
        return money(usd)
    if usd >= SMALLEST_USD:
        return f"≥ {money(usd)}"
    return "> $0" if usd else "unpriced"


def zone(name: str | None) -> tzinfo:
    """The browser's time zone by its name; UTC if it has none that is known."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(ns: int, where: tzinfo, now_ns: int) -> str:
    """A moment as short as it stays clear: the time today, with the day before that."""
    try:
        at = datetime.fromtimestamp(ns / 1e9, UTC).astimezone(where)
    except (OverflowError, ValueError, OSError):
        return f"{ns} ns"
    now = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(where)
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at.day} {at:%b %H:%M}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def day(ns: int, where: tzinfo) -> str:
    """A moment in full, with its zone: for tooltips and single traces."""
    try:
        at = datetime.fromtimestamp(ns / 1e9, UTC).astimezone(where)
    except (OverflowError, ValueError, OSError):
        return f"{ns} ns"
    return f"{at.day} {at:%B %Y, %H:%M:%S} {at.tzname() or ''}".rstrip()
