"""Prompts beside their runs, habits from them, and templates with what became of their runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.errors import NotFound, UsageError
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store
from clustertrace.store.queries.prompts import habits, prompt_texts
from clustertrace.store.queries.templates import template_uses, templates
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from clustertrace.store.user_entries.templates import (
    delete_template,
    restore_template,
    save_template,
)

Make = Callable[..., list[Span]]


@pytest.fixture
def say(store: Store, make_trace: Make) -> Callable[..., str]:
    """Store a run that began with a prompt; its id."""

    def stored(number: int, prompt: Any, **root: Any) -> str:
        outcome, session = root.pop("outcome", None), root.pop("session", None)
        [head] = make_trace(number, input=prompt, **root)
        facts = [TraceFacts(head.trace_id, outcome=outcome, session_id=session)]
        store.write(Batch([head], facts))
        store.refresh()
        return head.trace_id

    return stored


def kept(store: Store) -> list[tuple[Any, ...]]:
    """What is stored of prompts, oldest first."""
    with store.read() as conn:
        return conn.rows("SELECT hex(trace_id), dead_end, text FROM prompts ORDER BY start_ns")


def test_a_prompt_is_kept_once_a_run(store: Store, say: Callable[..., str]) -> None:
    """Each run's prompt is stored once, with how the run ended; no prompt, no row."""
    first = say(1, "Fix the login")
    say(2, None)
    third = say(3, "Fix the logout", failed=True)
    assert kept(store) == [
        (first.upper(), None, "Fix the login"),
        (third.upper(), "error", "Fix the logout"),
    ]


def test_news_of_a_run_reach_its_prompt(store: Store, say: Callable[..., str]) -> None:
    """A verdict that comes later, and the run's removal, count here too."""
    trace_id = say(1, "Fix the login")
    annotate_traces(store, [trace_id], TraceEdit(outcome="fail"))
    assert [row[1] for row in kept(store)] == ["fail"]
    annotate_traces(store, [trace_id], TraceEdit(outcome="pass"))
    assert [row[1] for row in kept(store)] == [None]
    store.remove(trace_id)
    assert kept(store) == []


def test_a_running_run_has_not_ended_yet(store: Store, make_trace: Make) -> None:
    """Its prompt is looked at once it no longer runs."""
    [head] = make_trace(1, input="Fix the login")
    store.write(Batch([head._replace(status="running", end_ns=None)], []))
    store.refresh()
    assert kept(store) == []
    store.write(Batch([head], []))
    store.refresh()
    assert len(kept(store)) == 1


def test_content_that_is_not_stored_leaves_no_prompt(
    store: Store, say: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under CLUSTERTRACE_CAPTURE=metadata there is nothing to read; secrets are cut before."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    say(1, "Fix the login")
    assert kept(store) == []
    monkeypatch.delenv("CLUSTERTRACE_CAPTURE")
    say(2, "Use sk-ant-api03-" + "a1B2" * 20)
    assert "a1B2" not in kept(store)[0][2]


@pytest.mark.sqlite("its query plans")
def test_habits_come_from_what_is_kept(store: Store, say: Callable[..., str]) -> None:
    """The comparison reads bits and not texts, newest first, and knows the runs."""
    for number in range(1, 25):
        dead = number % 2 == 0
        text = f"Maybe add cache {number}" if dead else f"Add cache {number} to `app.py`"
        say(number, text, failed=dead)
    with store.read() as conn:
        found = habits(conn)
        plan = conn.rows(
            "EXPLAIN QUERY PLAN SELECT trace_id, has, lacks, dead_end, kin, text_hash FROM prompts"
            " WHERE version = 1 ORDER BY start_ns DESC LIMIT 9"
        )
        dead_texts = prompt_texts(conn, dead=True, limit=2)
    assert [one.habit.name for one in found.drop] == ["hedging"]
    assert found.drop[0].examples_dead[0] == f"{24:032x}"
    assert "COVERING INDEX prompts_newest" in plan[0][-1]
    assert [one.text for one in dead_texts] == ["Maybe add cache 24", "Maybe add cache 22"]


def test_runs_of_one_text_count_once(store: Store, say: Callable[..., str]) -> None:
    """Thirty runs of one task are one observation a result, even in sessions of their own."""
    for number in range(1, 31):
        say(number, "Maybe  add cache" if number % 2 else "Maybe add cache", session=f"s{number}")
    with store.read() as conn:
        assert (habits(conn).prompts, habits(conn).independent) == (30, 1)


def test_templates_have_versions_and_come_back(store: Store) -> None:
    """An edit of the text is a new version, one of the name is not; deletion can be undone."""
    key = save_template(store, "Review", "Review the file {file}", ["code", " code ", ""])
    save_template(store, "Review it", "Review the file {file}", ["code"], key)
    save_template(store, "Review it", "Review the file {file} for bugs", ["code", "qa"], key)
    with store.read() as conn:
        [template] = templates(conn)
    assert (template.name, template.tags) == ("Review it", ("code", "qa"))
    assert [version.number for version in template.versions] == [2, 1]
    delete_template(store, key)
    with store.read() as conn:
        assert templates(conn) == ()
        assert [one.id for one in templates(conn, deleted=True)] == [key]
    with pytest.raises(NotFound):
        save_template(store, "x", "y", [], key)
    restore_template(store, key)
    with store.read() as conn:
        assert templates(conn) == (template,)


def test_uses_are_counted_by_version(store: Store, say: Callable[..., str]) -> None:
    """Prompts from before the template was made, and after it, with how their runs ended."""
    say(1, "Review the file a.py for bugs", failed=True)
    key = save_template(store, "Review", "Review the file {file} for bugs")
    say(2, "Review the file b.py for bugs")
    save_template(store, "Review", "Read {file}, then list its three worst bugs", [], key)
    say(3, "Read c.py, then list its three worst bugs")
    say(4, "Something else")
    with store.read() as conn:
        [template] = templates(conn)
        uses = template_uses(conn, template)
    assert [(use.version, use.ended.failed, use.ended.runs) for use in uses] == [
        (2, 0, 1),
        (1, 1, 2),
    ]
    assert uses[1].newest == (f"{2:032x}", f"{1:032x}")


@pytest.mark.parametrize(("name", "body"), [("", "text"), ("name", " \n"), ("x" * 201, "text")])
def test_templates_need_a_name_and_a_text(store: Store, name: str, body: str) -> None:
    """A template whose name or text is empty, or endless, is refused."""
    with pytest.raises(UsageError):
        save_template(store, name, body)


def test_templates_hold_no_secrets(store: Store) -> None:
    """What a recorder would cut is cut here too."""
    save_template(store, "Key", "Use sk-ant-api03-" + "a1B2" * 20)
    with store.read() as conn:
        assert "a1B2" not in templates(conn)[0].body
