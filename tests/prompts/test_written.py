"""What counts as written by the user."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.prompts.written import LONGEST, written

CHAT = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "First question"},
    {"role": "assistant", "content": "An answer"},
    {"role": "user", "content": [{"type": "text", "text": "Second question"}]},
]


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        ("user", "hello", "hello"),
        ("user", {"content": "hello"}, "hello"),
        ("agent", "fix the login", "fix the login"),
        ("agent", {"messages": CHAT}, "Second question"),
        ("llm", CHAT, "Second question"),
        ("llm", {"messages": CHAT, "model": "m"}, "Second question"),
        ("llm", '[{"role": "user", "content": "in a string"}]', "in a string"),
        ("llm", [{"role": "user", "parts": [{"text": "of Gemini"}]}], "of Gemini"),
        ("llm", {"input": "of Responses"}, "of Responses"),
        ("agent", {"messages": [{"type": "human", "data": {"content": "of a graph"}}]},
         "of a graph"),
        ("llm", CHAT[:1], None),
        ("llm", [{"role": "tool", "content": "result"}], None),
        ("llm", [*CHAT, {"role": "user", "content": [{"type": "tool_result", "content": "x"}]}],
         "Second question"),
        ("chain", {"question": "an argument"}, None),
        ("tool", "search", None),
        ("agent", "<REDACTED>", None),
        ("agent", "<task-notification>done</task-notification>", None),
        ("agent", "<system-reminder>a</system-reminder>real<system-reminder>b", "real"),
        ("agent", "[Request interrupted by user]", None),
        ("llm", None, None),
        ("llm", 7, None),
        ("agent", "   ", None),
    ],
)  # fmt: skip
def test_only_the_users_own_words_count(kind: str, given: Any, text: str | None) -> None:
    """System text, tools' results, programs' arguments and a client's own marks are left out."""
    assert written(kind, given, None) == text


def test_a_user_turn_may_hold_its_words_in_either_place() -> None:
    """Some instrumentations put what was said into the output."""
    assert written("user", None, "hello") == "hello"


def test_long_prompts_are_cut() -> None:
    """No more than the first part of a long prompt is looked at."""
    assert len(written("user", "x" * 100_000, None) or "") == LONGEST
