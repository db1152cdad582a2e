"""Pages that start when somebody looks, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_wakes_them_and_a_tab_does_not_keep_them(start_receiver: Any, page: Page) -> None:
    """They sleep until one is opened, which waits in words; an open tab alone holds nothing up."""
    with start_receiver("--idle-shutdown-minutes", "0.1") as receiver:
        assert receiver.health()["ui"] == "asleep"
        page.goto(receiver.url)
        assert page.title() == "clustertrace is starting"
        page.get_by_test_id("stAppViewContainer").wait_for(timeout=30_000)
        assert receiver.health()["ui"] == "ready"
        # The tab stays open, with parts that renew themselves every few seconds.
        assert receiver.process.wait(60) == 0
        assert "nothing has come in for 0.1 min" in receiver.process.stderr.read().decode()
