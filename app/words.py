"""The wording of facts on the pages; what commands share comes from clustertrace.telling.words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clustertrace.telling.plain import NO_NAME
from clustertrace.telling.words import (
    SMALLEST_USD,
    about_duration,
    chance,
    count,
    counted,
    duration,
    found_in,
    interval,
    money,
    points,
    share,
    times,
    to_be_indexed,
)

__all__ = [
    "KINDS",
    "State",
    "about_duration",
    "chance",
    "cost",
    "count",
    "counted",
    "day",
    "duration",
    "found_in",
    "in_line",
    "interval",
    "moment",
    "money",
    "points",
    "share",
    "short_count",
    "state",
    "states",
    "times",
    "to_be_indexed",
    "zone",
]


_LEFT_TO_RIGHT: Final = "\u200e"

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
"""The icon of each kind of span, by its name in Streamlit's symbol font."""


@dataclass(frozen=True, slots=True)
class State:
    """How a run ended, as a sign, a word and a sentence."""

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
    """The state of a run: from its outcome if there is one, else from its root span."""
    return _STATES[(outcome, "") if outcome else (None, status)]


def states() -> list[State]:
    """All states that a run can have."""
    return list(_STATES.values())


def in_line(name: str) -> str:
    """A name within a line; one written from right to left does not turn round what follows it.

    Where there is none, it says so.
    """
    name = name or NO_NAME
    turned = any(unicodedata.bidirectional(character) in ("R", "AL") for character in name)
    return name + _LEFT_TO_RIGHT if turned else name


def short_count(number: int) -> str:
    """1234 → 1,234; 45678 → 45.7k; 40969315 → 41.0M"""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.1f}k" if number < 999_950 else f"{number / 1e6:.1f}M"


def cost(usd: float, unpriced: int) -> str:
    """An amount, as a lower bound if some calls have no known cost."""
    if not unpriced:
        return money(usd)
    if usd >= SMALLEST_USD:
        return f"≥ {money(usd)}"
    return "> $0" if usd else "unpriced"


def zone(name: str | None) -> tzinfo:
    """The browser's time zone by name; UTC if it is unknown."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(ns: int, zone: tzinfo, now_ns: int) -> str:
    """A moment in short: the time if it is today, else with the date."""
    local, now = _clock(ns, zone), _clock(now_ns, zone)
    if local is None or now is None:
        return f"{ns} ns"
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    return (
        f"{local.day} {local:%b %H:%M}" if local.year == now.year else f"{local.day} {local:%b %Y}"
    )


def day(ns: int, zone: tzinfo) -> str:
    """A moment in full, with its zone: for tooltips and single traces."""
    local = _clock(ns, zone)
    if local is None:
        return f"{ns} ns"
    return f"{local.day} {local:%B %Y, %H:%M:%S} {local.tzname() or ''}".rstrip()


def _clock(ns: int, zone: tzinfo) -> datetime | None:
    """What a clock in the zone shows; None in years that no calendar has."""
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return None
