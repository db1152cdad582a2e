"""What traces say can't drive a terminal or a page."""

from __future__ import annotations

import pytest

from clustertrace.telling.plain import plain


@pytest.mark.parametrize("text", ["\x1b[31m", "a\rb", "\x9b", "\u202e", "\u2066", "\ud800", "\x00"])
def test_controls_are_shown_as_unknown_characters(text: str) -> None:
    """Each control, half of a character or change of direction becomes one unknown character."""
    assert plain(text).count("\ufffd") == 1


def test_lines_stay() -> None:
    """Ends of lines, tabs and every script stay as they are."""
    text = "a\tb\r\nc\n東京 שלום 🛠️"
    assert plain(text) == text
