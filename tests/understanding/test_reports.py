"""What several reports of one call have in common."""

from __future__ import annotations

import pytest

from clustertrace.understanding.reports import same_model, undated


@pytest.mark.parametrize(
    ("answered", "asked"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4-0613", "gpt-4"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"),
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("gemini-2.5-flash-latest", "gemini-2.5-flash"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("-0613", "-0613"),
        ("", ""),
    ],
)
def test_an_undated_model_is_the_one_that_was_asked_for(answered: str, asked: str) -> None:
    """A date or version behind the name goes, whatever belongs to the name stays."""
    assert undated(answered) == asked
    assert same_model(answered, asked) or not answered
