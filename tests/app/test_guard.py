"""No page shows a Python exception."""

from __future__ import annotations

import logging

import pytest
from streamlit.testing.v1 import AppTest


def _own_error() -> None:
    from clustertrace.app.guard import guarded
    from clustertrace.errors import StoreBusy

    @guarded
    def draw() -> None:
        raise StoreBusy("Another program <b>holds</b> it; try again.")

    draw()


def _other_error() -> None:
    from clustertrace.app.guard import guarded

    @guarded
    def draw() -> None:
        raise KeyError("a secret")

    draw()


def test_our_own_errors_are_sentences() -> None:
    """What the library says is shown, as text."""
    app = AppTest.from_function(_own_error).run()
    [piece] = app.get("html")
    assert "Another program &lt;b&gt;holds&lt;/b&gt; it; try again." in piece.proto.body
    assert not app.exception


def test_other_errors_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The page says that something went wrong; what it was stands in the log."""
    with caplog.at_level(logging.ERROR):
        app = AppTest.from_function(_other_error).run()
    [piece] = app.get("html")
    assert "Something went wrong" in piece.proto.body
    assert "secret" not in piece.proto.body
    assert "a secret" in caplog.text
    assert not app.exception
