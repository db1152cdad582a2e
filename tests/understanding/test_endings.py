"""How runs come to dead ends."""

from __future__ import annotations

import pytest

from clustertrace.model import Span
from clustertrace.understanding.endings import DEAD_ENDS, dead_end

ROOT = Span("0" * 32, "0" * 16, None, "agent", "agent", "ok", 1, 2)
CALL = ROOT._replace(kind="llm", span_id="1" * 16)


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        *(("max_tokens", "max_tokens"), ("length", "max_tokens"), ("MAX_TOKENS", "max_tokens")),
        *(("refusal", "refusal"), ("content_filter", "refusal"), ("SAFETY", "refusal")),
        *(("interrupted", "interrupted"), ("stop", None), ("end_turn", None), (None, None)),
    ],
)
def test_the_last_call_says_why(reason: str | None, ending: str | None) -> None:
    """The reason of the last model call, or of the agent's own span, in any dialect's words."""
    last = CALL._replace(finish_reason=reason)
    assert dead_end(None, "ok", ROOT, [CALL, last]) == ending
    assert dead_end(None, "ok", ROOT._replace(finish_reason=reason), []) == ending


def test_what_was_recovered_from_is_no_dead_end() -> None:
    """Only a run's last call makes a dead end, not one that it recovered from."""
    cut = CALL._replace(finish_reason="max_tokens")
    assert dead_end(None, "ok", ROOT, [cut, CALL]) is None


def test_the_state_speaks_where_nobody_gave_a_reason() -> None:
    """An error is an error, a vanished process an interruption; what runs has not ended."""
    assert dead_end(None, "error", ROOT, []) == "error"
    assert dead_end(None, "incomplete", ROOT, []) == "interrupted"
    assert dead_end(None, "running", ROOT, []) is None
    assert dead_end(None, "error", ROOT._replace(finish_reason="refusal"), []) == "refusal"


def test_the_users_word_comes_first() -> None:
    """A pass is none, whatever happened; a failure is one."""
    cut = [CALL._replace(finish_reason="max_tokens")]
    assert dead_end("pass", "error", ROOT, cut) is None
    assert dead_end("fail", "ok", ROOT, []) == "fail"
    assert set(DEAD_ENDS) >= {"fail", "error", "max_tokens", "refusal", "interrupted"}
