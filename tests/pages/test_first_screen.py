"""What an empty database offers where coding agents have left their sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clustertrace.store import queries
from clustertrace.store.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

WHEN = "2026-01-05T10:00:0{}.000Z"


@pytest.fixture
def left_behind() -> Path:
    """A session of Claude Code in the test's home: one turn that ran a command."""
    folder = Path.home() / ".claude" / "projects" / "-home-me-project"
    folder.mkdir(parents=True)
    shared = {"sessionId": "s-1", "cwd": "/home/me/project", "version": "2.0.0", "uuid": "u"}
    usage = {"input_tokens": 100, "output_tokens": 20}
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "a.py"}
    answers = [
        {"id": f"m{number}", "role": "assistant", "model": "claude-sonnet-4-5", "usage": usage}
        for number in (1, 2)
    ]
    content = [{"type": "text", "text": "There is a.py."}]
    records = [
        {"type": "user", "message": {"role": "user", "content": "What is here?"}},
        {"type": "assistant", "requestId": "r1", "message": answers[0] | {"content": [call]}},
        {"type": "user", "message": {"role": "user", "content": [result]}},
        {
            "type": "assistant",
            "requestId": "r2",
            "message": answers[1] | {"content": content, "stop_reason": "end_turn"},
        },
    ]
    before = None
    lines = []
    for number, record in enumerate(records):
        own = {"uuid": f"u{number}", "parentUuid": before, "timestamp": WHEN.format(number)}
        lines.append(json.dumps(shared | record | own))
        before = own["uuid"]
    path = folder / "s-1.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.usefixtures("left_behind")
def test_sessions_are_offered_and_read_at_a_click(store: Store, show: Callable[..., Any]) -> None:
    """Nothing is read before; afterwards the turn is there with its tool and money."""
    shown = show("traces")
    assert "1 session of Claude Code on this machine" in shown.html
    assert "~/.claude/projects" in shown.html
    with store.read() as conn:
        assert queries.traces(conn).rows == ()
    [button] = [one for one in shown.ran.button if one.label == "Look at them"]
    button.click().run()
    assert not shown.ran.exception
    with store.read() as conn:
        [row] = queries.traces(conn).rows
        whole = queries.trace(conn, row.trace_id)
    assert row.first_prompt == "What is here?"
    assert "Bash" in [span.name for span in whole.spans]


def test_nothing_is_offered_where_nothing_was_left(store: Store, show: Callable[..., Any]) -> None:
    """A machine without coding agents is told how traces get in, and no more."""
    html = show("traces").html
    assert "on this machine" not in html
    assert "There are no traces yet" in html


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.usefixtures("left_behind")
def test_from_an_empty_database_to_its_patterns(
    page: Page, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """One click reads the sessions and leads to the clusters; their money is a click away."""
    db = tmp_path / "empty.db"
    Store.open(db).close()
    page.set_default_timeout(30_000)
    url = dashboard(db)
    page.goto(url)
    page.get_by_role("button", name="Look at them").click()
    page.wait_for_url(f"{url}/clusters")
    page.get_by_role("link", name="Sessions").click()
    page.get_by_role("link", name="What is here?").click()
    page.get_by_role("heading", name="1 turn, none failed: What is here?").wait_for()
