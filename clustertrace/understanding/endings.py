"""How a run came to a dead end: what stopped it, as far as its spans and its user say; pure.

A run that failed in passing and went on has not ended that way: only the root and the last model
call are asked. The user's word comes first, then the reason that a model or an agent gave, then the
root's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from clustertrace.model import Span

__all__ = ["DEAD_ENDS", "ENDS_BADLY", "dead_end", "ending_of_call"]

DEAD_ENDS: Final[Mapping[str, str]] = {
    "fail": "the recorded outcome is a failure",
    "error": "ended in an error",
    "max_tokens": "ran out of tokens",
    "refusal": "the model refused",
    "interrupted": "was interrupted",
}
"""Every way, with its words."""

ENDS_BADLY: Final = {
    "max_tokens": "The answer was cut at the limit of output tokens.",
    "refusal": "The model refused to answer.",
}
"""Reasons for which a coding agent's last call ended that leave its turn without an answer."""

_FINISH_REASONS: Final = {
    "max_tokens": "max_tokens length max_output_tokens model_context_window_exceeded "
    "context_length_exceeded token_limit",
    "refusal": "refusal content_filter content_filtered safety blocked recitation spii blocklist "
    "prohibited_content guardrail_intervened",
    "interrupted": "interrupted cancelled canceled denied aborted user_stop",
}
_ENDING_BY_REASON: Final = {
    reason: ending for ending, reasons in _FINISH_REASONS.items() for reason in reasons.split()
}


def dead_end(outcome: str | None, status: str, root: Span, models: Sequence[Span]) -> str | None:
    """The key of `DEAD_ENDS` for a run; None: it came to its end, or still runs.

    `models` are its model calls in the order of their start.
    """
    if outcome is not None:
        return None if outcome == "pass" else "fail"
    if status == "running":
        return None
    for span in (root, *models[-1:]):
        ending = ending_of_call(span.finish_reason)
        if ending is not None:
            return ending
    return {"error": "error", "incomplete": "interrupted"}.get(status)


def ending_of_call(finish_reason: str | None) -> str | None:
    """The key of `DEAD_ENDS` for the reason for which a model call ended; None: it ended well."""
    return _ENDING_BY_REASON.get((finish_reason or "").lower())
