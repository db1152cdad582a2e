"""The page of prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from clustertrace.app.prompting import critique, deepen, template_rows
from clustertrace.asking.models import Answer
from clustertrace.errors import ModelError
from clustertrace.store.queries.templates import templates
from clustertrace.store.store import Store
from clustertrace.store.user_entries.templates import save_template
from tests.pages.conftest import HOSTILE, run

DRAFT = "Critique a draft"
TEMPLATES = "Templates"


@pytest.fixture
def written(store: Store) -> Store:
    """Forty runs whose prompts hedge where they failed, and name a file where they did not."""
    for number in range(1, 41):
        dead = number % 2 == 0
        text = f"Maybe add parser {number}" if dead else f"Add parser {number} to `app.py`"
        batch = run(number, "search", input=text, status="error" if dead else "ok")
        store.write(batch)
    store.refresh()
    return store


@pytest.fixture
def page() -> Callable[..., AppTest]:
    """Open the page on one of its tabs."""

    def opened(tab: str) -> AppTest:
        def script() -> None:
            from clustertrace.app.guard import guarded
            from clustertrace.pages import prompts

            guarded(prompts.draw)()

        app = AppTest.from_function(script, default_timeout=30)
        app.query_params["tab"] = tab
        return app.run()

    return opened


def html(app: AppTest) -> str:
    """All hand-made HTML."""
    assert not app.exception, app.exception
    return "\n".join(piece.proto.body for piece in app.get("html"))


def test_habits_stand_with_their_evidence(written: Store, show: Callable[..., Any]) -> None:
    """The sentence, what to keep and drop, interval, and examples that lead to runs."""
    shown = show("prompts").html
    assert (
        "come to dead ends more often: 100\u00a0% of the dead ends, 0\u00a0% of the successes."
        in shown
    )
    assert "<b>Hedge</b>: 20 of 20 dead ends, 0 of 20 successes; difference +100 points" in shown
    assert "<b>Name a file or a symbol</b>" in shown
    assert f'href="/trace?id={40:032x}"' in shown
    assert "No prompt that counts does any of these: " in shown


def test_no_prompts_is_said(store: Store, show: Callable[..., Any]) -> None:
    """An empty database is a sentence, and what counts as a prompt; no table of zeros."""
    shown = show("prompts").html
    assert "No prompt of yours has been seen yet." in shown
    assert "user messages of OpenTelemetry" in shown
    assert "not enough data" not in shown


def test_a_draft_is_marked_and_explained(written: Store, page: Callable[..., AppTest]) -> None:
    """The words are marked in the text; each finding has a suggestion and its effect here."""
    app = page(DRAFT)
    app.text_area[0].set_value("Maybe add a cache <b>now</b>")
    app = app.button[0].click().run()
    shown = html(app)
    assert "<mark" in shown
    assert ">Maybe</mark><sup>1</sup> add a cache &lt;b&gt;now&lt;/b&gt;" in shown
    assert "Decide: ask for it, or leave it out." in shown
    assert "In your data: goes along with dead ends; 100 % of 20 dead-ended prompts" in shown


def test_templates_are_made_edited_deleted_and_brought_back(
    store: Store, page: Callable[..., AppTest]
) -> None:
    """The whole life of a template, versions kept."""
    app = page(TEMPLATES)
    app = app.button(key="new template").click().run()
    app.text_input[1].set_value("Review")
    app.text_input[2].set_value("code, qa")
    app.text_area[0].set_value("Review the file {file}")
    app = next(one for one in app.button if one.label == "Save").click().run()
    with store.read() as conn:
        [template] = templates(conn)
    assert (template.name, template.tags, template.body) == (
        "Review",
        ("code", "qa"),
        "Review the file {file}",
    )

    app = app.button(key=f"edit {template.id}").click().run()
    app.text_area[0].set_value("Review the file {file} for bugs")
    app = next(one for one in app.button if one.label == "Save").click().run()
    app = app.button(key=f"use {template.id}").click().run()
    app.text_input(key=f"value {template.id} file").set_value("a.py")
    app = app.run()
    assert app.code[0].value == "Review the file a.py for bugs"
    assert "Version 2: not used yet" in html(app)

    app = app.button(key=f"delete {template.id}").click().run()
    assert "There are no templates yet" in html(app)
    app = app.button(key="undo").click().run()
    with store.read() as conn:
        assert [len(one.versions) for one in templates(conn)] == [2]


def test_a_template_goes_to_the_critique(store: Store, page: Callable[..., AppTest]) -> None:
    """One click, and its text is reviewed on the other tab."""
    key = save_template(store, "Vague", "Maybe improve it")
    app = page(TEMPLATES).button(key=f"critique {key}").click().run()
    assert app.session_state["tab"] == DRAFT
    assert app.session_state[critique.DRAFT] == "Maybe improve it"
    assert ">Maybe</mark>" in html(app)


def test_search_narrows_the_list(store: Store, page: Callable[..., AppTest]) -> None:
    """Templates are found by name, text or tag, in upper or lower case."""
    save_template(store, "Review", "Look at {file}", ["qa"])
    save_template(store, "Release", "Write the notes", [])
    app = page(TEMPLATES)
    app.text_input[0].set_value("LOOK")
    shown = html(app.run())
    assert "<b>Review</b>" in shown
    assert "<b>Release</b>" not in shown


def test_hostile_texts_stay_text(store: Store, page: Callable[..., AppTest]) -> None:
    """Names, tags, bodies and prompts become no elements."""
    save_template(store, HOSTILE[:190], HOSTILE, [HOSTILE[:60]])
    store.write(run(1, "search", input=HOSTILE))
    store.refresh()
    assert "<script" not in html(page(TEMPLATES))
    app = page(DRAFT)
    app.text_area[0].set_value(f"maybe fix it {HOSTILE}")
    assert "<script" not in html(app.button[0].click().run())


def test_without_a_key_nothing_can_be_sent(written: Store, page: Callable[..., AppTest]) -> None:
    """The variable to set is named, and there is no button."""
    app = page("Patterns from your data")
    assert "set ANTHROPIC_API_KEY" in html(app)
    assert not [one for one in app.button if one.label == "Send it"]


class FakeModel:
    """A model that answers in two pieces, or with an error."""

    def __init__(self, error: str | None = None) -> None:
        self.asked: list[str] = []
        self._error = error

    def stream(self, system: str, prompt: str, max_tokens: int) -> Iterator[str | Answer]:
        self.asked.append(prompt)
        yield "![x](http://evil.invalid/a.png) "
        if self._error:
            raise ModelError(self._error)
        yield "Name the file."
        yield Answer("…", 1200, 34, 0.0123)


@pytest.mark.parametrize("error", [None, "The model is asked too often."])
def test_deepen_sends_once_and_shows_text(
    written: Store,
    page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    error: str | None,
) -> None:
    """What goes and its price are shown first; the click sends it once; the answer stays text."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    model = FakeModel(error)
    monkeypatch.setattr(deepen, "model_of", lambda name: model)
    app = page("Patterns from your data")
    assert "to claude-haiku-4-5, once, with your key: about $" in html(app)
    assert "Maybe add parser 40" in app.code[0].value
    assert model.asked == []
    app = next(one for one in app.button if one.label == "Send it").click().run()
    shown = html(app)
    assert len(model.asked) == 1
    assert "![x](http://evil.invalid/a.png)" in shown
    if error:
        assert error in shown
    else:
        assert "Name the file." in shown
        assert "1,200 tokens read, 34 written: $0.0123." in shown


def test_tabs_and_modules_agree() -> None:
    """The page's tabs are those that templates lead to."""
    from clustertrace.pages import prompts

    assert prompts._TABS[1] == DRAFT
    assert template_rows.__all__ == ["draw"]
