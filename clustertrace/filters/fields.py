"""What a filter can ask about: every field, and what it is."""

from __future__ import annotations

from typing import Final

from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["CHOICES", "NUMBERS", "TEXTS", "TIMES"]

TEXTS: Final = {
    "name": "the root span's name",
    "status": "how the root ended: ok, error, running, incomplete",
    "outcome": "your verdict or the run's own: pass, fail, none",
    "failed": "yes or no, by outcome, or without one by status",
    "finished": "yes or no: whether it is known how the run went; figures count only finished runs",
    "ending": "the kind of dead end that the run came to, or none",
    "model": "any model that was called",
    "session": "the conversation",
    "pattern": "the start of a pattern's id",
    "family": "the start of the id of a family of patterns",
    "id": "the start of the trace's id",
    "error": "the error message",
    "starred": "yes or no",
    "note": "your note on it",
    "expected": "whether you expect failures of its pattern: yes, no",
    "priority": "the priority you gave its pattern: high, normal, low",
}
"""Fields that are compared as text, `field:value`, with what they mean."""

NUMBERS: Final = {
    "cost": "US dollars",
    "duration": "time from start to end: ms, s, m, h",
    "tokens": "tokens read and written",
    "input_tokens": "tokens read, cached ones included",
    "output_tokens": "tokens written",
    "spans": "spans",
    "errors": "spans that ended in error",
    "calls": "model calls",
    "missed": "tokens that had been in a cache and were paid for again",
    "lost": "what that cost, US dollars",
}
"""Fields that are compared as numbers, `field>value`, with their unit."""

CHOICES: Final = {
    "status": ("ok", "error", "running", "incomplete"),
    "outcome": ("pass", "fail", "none"),
    "failed": ("yes", "no"),
    "finished": ("yes", "no"),
    "ending": (*DEAD_ENDS, "none"),
    "starred": ("yes", "no"),
    "expected": ("yes", "no"),
    "priority": ("high", "normal", "low"),
}
"""Fields that have no other values than these."""

TIMES: Final = ("since", "until")
"""Fields that are compared with a trace's start."""
