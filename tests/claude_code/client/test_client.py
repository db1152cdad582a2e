"""From an empty home to a page: the real Claude Code, told of us by our own commands alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clustertrace.cli import main
from clustertrace.model import Trace
from clustertrace.store import Store, queries
from tests.claude_code.client.conftest import ANSWER, COMMAND, USAGE
from tests.processes import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.claude_code, pytest.mark.slow]

PROMPT = "Say hello with a tool."
READ = sum(USAGE.values()) - USAGE["output_tokens"]

Claude = Callable[..., dict[str, Any]]


@pytest.fixture
def reporting(started: Any, claude: Claude) -> Claude:
    """Claude Code in a home in which our two commands have run, and then a first session.

    That one starts the receiver. It leaves two seconds after its answer, which on a slow machine
    is too early for all of what it reports; so tests look at the sessions after it.
    """
    port = str(started.port)
    assert main(["claude-code", "--write", "--content", "--port", port]) == 0
    assert main(["claude-code-hook", "install", "--port", port]) == 0
    claude("Hello.")
    assert started.ready()["ui"] == "asleep"
    return claude


def database() -> Path:
    """Where the receiver that the hook starts stores."""
    return Path.home() / ".clustertrace" / "traces.db"


def turns(session: str) -> list[Trace]:
    """The turns of a session, in order."""
    if not database().exists():
        return []
    with Store.open(database()) as store:
        store.refresh()
        with store.read() as conn:
            found = [trace for trace in queries.export(conn) if trace.session_id == session]
    return [trace for trace in found if any(span.kind == "agent" for span in trace.spans)]


def test_a_turn_is_there_once(reporting: Claude) -> None:
    """With its tool, its tokens, its content, and the cost that Claude Code itself reckons."""
    result = reporting(PROMPT)
    session = result["session_id"]
    [turn] = until(lambda: turns(session))
    calls = [span for span in turn.spans if span.kind == "llm"]
    [tool] = [span for span in turn.spans if span.kind == "tool"]
    assert len(calls) == 2
    assert {(call.input_tokens, call.output_tokens) for call in calls} == {
        (READ, USAGE["output_tokens"])
    }
    assert {(call.cache_read_tokens, call.cache_write_tokens) for call in calls} == {(900, 30)}
    assert sum(call.cost_usd or 0 for call in calls) == pytest.approx(result["total_cost_usd"])
    assert (tool.name, tool.status) == ("Bash", "ok")
    assert COMMAND in str(tool.input)
    assert "hello-from-tool" in str(tool.output)
    assert ANSWER in " ".join(str(call.output) for call in calls)
    assert (turn.status, [span.input for span in turn.spans if span.kind == "agent"]) == (
        "ok",
        [PROMPT],
    )

    # The second turn of the same session is a trace of its own, and the first is as it was.
    reporting("And again.", "--resume", session)
    first, second = until(lambda: len(found := turns(session)) == 2 and found)
    assert (first.trace_id, len(first.spans)) == (turn.trace_id, len(turn.spans))
    assert [span.name for span in second.spans if span.kind == "tool"] == ["Bash"]

    # Its own record of them tells of the same two.
    assert main(["import", "--from", "claude-code"]) == 0
    assert [trace.trace_id for trace in turns(session)] == [first.trace_id, second.trace_id]


@pytest.mark.browser
def test_a_turn_is_on_the_pages(reporting: Claude, started: Any, page: Page) -> None:
    """The pages start when somebody opens one, and show the turn."""
    page.set_default_timeout(60_000)
    result = reporting(PROMPT)
    [turn] = until(lambda: turns(result["session_id"]))
    url = started.address.url
    page.goto(f"{url}/trace/{turn.trace_id}")
    page.get_by_text("Bash").first.wait_for()
    page.get_by_text(PROMPT).first.wait_for()
    page.get_by_text(ANSWER).first.wait_for()
    page.goto(f"{url}/clusters")
    page.get_by_text("Bash").first.wait_for()
