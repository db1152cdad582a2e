"""`search`: steps by their texts."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store import Store


@pytest.mark.usefixtures("filled")
def test_words_are_found(run: Any) -> None:
    """With the run, the step and the words in what is around them, newest first."""
    shown = run("search", "moon")
    assert shown.code == 0
    assert "search in research, input" in shown.out
    assert "«moon»" in shown.out
    answer = run("search", "moon", "--json").answer
    assert (answer["more"], answer["not_yet_searchable"]) == (False, 0)
    assert {span["span_name"] for span in answer["spans"]} == {"search", "fetch"}
    starts = [span["start_ns"] for span in answer["spans"]]
    assert starts == sorted(starts, reverse=True)
    assert answer["spans"][0]["trace_id"][:12] == shown.out[:12]


@pytest.mark.usefixtures("filled")
def test_all_words_and_no_more_than_asked_for(run: Any) -> None:
    """Several words are one question; a limit says that there is more."""
    assert run("search", "moon", "tides").code == 1
    assert len(run("search", "moon", "OR", "tides", "--json").answer["spans"]) > 1
    limited = run("search", "moon OR tides", "--limit", "1")
    assert limited.out.count("«") == 1
    assert "There are more; --limit shows more." in limited.err


@pytest.mark.usefixtures("filled")
def test_nothing_found_is_an_answer(run: Any) -> None:
    """Exit code 1 and what to try; without a word the question is wrong."""
    shown = run("search", "nowhere")
    assert (shown.code, shown.out) == (1, "")
    assert "remove a word" in shown.err
    assert run("search", "nowhere", "--json").answer["spans"] == []
    assert run("search", " ").code == 2


def test_long_names_fill_no_screen(run: Any, filled: Store) -> None:
    """Names of several lines, or made of a whole prompt, are told in one and by their beginning."""
    name = "a\nb " + "n" * 3_000
    filled.write(Batch([Span("9" * 32, "9" * 16, None, name, "agent", "ok", 1, 2, "venus")], []))
    shown = run("search", "venus").out
    assert "a b nnn" in shown
    assert "«venus»" in shown
    assert len(shown.splitlines()) < 6


@pytest.mark.usefixtures("filled")
def test_a_search_for_a_whole_page_is_refused(run: Any) -> None:
    """A repeated word costs the index its square; a person who pasted a log hears so at once."""
    shown = run("search", "a b " * 60)
    assert shown.code == 2
    assert "More than 100 words are too many to search for" in shown.err
    assert run("search", "moon " * 100).code == 0


def test_more_than_may_be_shown_needs_another_word(run: Any, filled: Store) -> None:
    """At the highest limit nobody is told to raise it."""
    spans = [
        Span("9" * 32, f"{n:016x}", None, "a", "tool", "ok", n, n, "mars") for n in range(1001)
    ]
    filled.write(Batch(spans, []))
    assert "more; add a word" in run("search", "mars", "--limit", "1000").err
