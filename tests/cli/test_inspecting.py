"""`inspect`: the trace that is meant, its tree over time, and one span of it whole."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.exchange.native import SPAN_KEYS, TRACE_KEYS
from clustertrace.model import Batch, Span
from clustertrace.store import Store

pytestmark = pytest.mark.usefixtures("filled")

OK, BROKEN, TOLD = (f"{number:032x}" for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("arguments", "trace_id"),
    [([], TOLD), (["--latest"], TOLD), (["--failed"], TOLD), ([BROKEN], BROKEN), ([OK], OK)],
)
def test_the_trace_that_is_meant(run: Any, arguments: list[str], trace_id: str) -> None:
    """By id, or the newest, or the newest that failed; as JSON it is the native record."""
    ran = run("inspect", *arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.answer["trace_id"] == trace_id
    assert tuple(ran.answer)[: len(TRACE_KEYS)] == TRACE_KEYS
    assert len(ran.answer["spans"]) == 5


def test_nothing_failed_is_an_answer(run: Any, tmp_path: Any) -> None:
    """Where nothing matches the exit code is 1, and a sentence says so."""
    passed = run("export", OK).out
    run("import", "--db", tmp_path / "good.db", given=passed.encode())
    ran = run("inspect", "--failed", "--db", tmp_path / "good.db")
    assert (ran.code, ran.out, ran.err) == (1, "", "No trace has failed.\n")
    ran = run("inspect", "--latest", "--db", tmp_path / "none.db")
    assert (ran.code, ran.out) == (1, "")
    assert f"no traces yet: there is no database at {tmp_path / 'none.db'}. Run " in ran.err


def test_who_says_that_it_failed(run: Any) -> None:
    """A failure by outcome, one by status, and an end without either are told apart."""
    assert "failed (its outcome says so: no source named)" in run("inspect", TOLD).out
    assert "failed (its root span ended in an error)" in run("inspect", BROKEN).out
    assert "ended without an error (no outcome was set)" in run("inspect", OK).out


def test_the_whole_picture(run: Any) -> None:
    """Tree, bars, tokens and cost stand in one row; errors are told below."""
    out = run("inspect", BROKEN).out
    rows = [line for line in out.splitlines() if line.startswith(("research !  ", "├─", "└─"))]
    names = [row.split("0000")[0].rstrip() for row in rows]
    assert names == ["research !", "├─ plan", "├─ search", "├─ search", "└─ fetch !"]
    assert "1,200 → 80  $0.0125" in out
    assert out.count("! fetch 00000002 TimeoutError: no answer") == 1
    assert "1 model call · 1,200 tokens read, 80 written · $0.0125" in out
    assert "\nSee one in full: clustertrace inspect 00000000" in out


def test_embeddings_alone_cost_something_too(run: Any, store: Store) -> None:
    """A run that only filled an index called no model for an answer, and still was not free."""
    span = Span("9" * 32, "9" * 16, None, "index", "embedding", "ok", 1, 9)
    store.write(Batch([span._replace(input_tokens=1_200, cost_usd=0.0125)], []))
    out = run("inspect", "9" * 32).out
    assert "\n1,200 tokens read, 0 written · $0.0125\n" in out
    assert "model call" not in out


def test_calls_without_token_counts(run: Any, store: Store) -> None:
    """A call that reports no tokens has not read none."""
    store.write(Batch([Span("9" * 32, "9" * 16, None, "chat", "llm", "ok", 1, 9)], []))
    assert "1 model call · no token counts · " in run("inspect", "9" * 32).out


def test_what_was_told_about_the_trace(run: Any) -> None:
    """Session, tags and metrics are part of the picture."""
    out = run("inspect", TOLD).out
    for expected in ("session talk-7", "tags prompt=v2", "metrics score 0.25"):
        assert expected in out


def test_a_span_whole(run: Any) -> None:
    """A span is found by its id, a beginning of it, or its name, and shown without its nulls."""
    by_name = run("inspect", OK, "--expand", "fetch")
    assert by_name.out == run("inspect", OK, "--expand", f"{1:08x}{4:08x}").out
    assert "parent_span_id: 0000000100000000" in by_name.out
    assert "model" not in by_name.out
    answer = run("inspect", OK, "--expand", "fetch", "--json").answer
    assert tuple(answer) == SPAN_KEYS
    assert answer["input"] == "[bold]moon[/bold]\x1b[31m"


def test_contents_cannot_drive_the_terminal(run: Any) -> None:
    """Control characters are shown as unknown ones, markup as it is written."""
    out = run("inspect", OK, "--expand", "fetch").out
    assert "input: [bold]moon[/bold]\ufffd[31m" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("turn", ["\u202e", "\u2066", "\u202b"])
def test_a_name_cannot_turn_what_stands_behind_it(run: Any, filled: Store, turn: str) -> None:
    """Characters that change the direction of writing are shown as unknown ones."""
    span = Span("9" * 32, "9" * 16, None, f"a{turn}b", "agent", "ok", 1, 2)
    filled.write(Batch([span], []))
    assert run("inspect", "9" * 32).out.startswith("a\ufffdb ")


def test_a_name_of_two_lines_is_told_in_one(run: Any, filled: Store) -> None:
    """A name that holds a line's end leaves the headline whole."""
    filled.write(Batch([Span("9" * 32, "9" * 16, None, "a\nb", "agent", "ok", 1, 2)], []))
    assert run("inspect", "9" * 32).out.startswith("a b ended without an error")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("nobody", "has no span 'nobody'"),
        ("", "has no span ''"),
        ("search", "2 spans match 'search'; name one by its id (00000001, 00000001)"),
    ],
)
def test_a_span_that_is_not_meant_clearly(run: Any, wanted: str, sentence: str) -> None:
    """No span, or several: a sentence, and exit code 2."""
    ran = run("inspect", OK, "--expand", wanted)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_where_a_failed_run_may_have_broken(run: Any) -> None:
    """The suspicious steps end the picture, with their reasons; a run that passed has none."""
    shown = run("inspect", BROKEN).out
    assert "Where it may have broken, most suspicious first:" in shown
    assert "failed and never worked afterwards" in shown
    (first, *_) = run("inspect", BROKEN, "--json").answer["suspects"]
    assert {"span_id", "step", "place", "score", "reasons"} == set(first)
    assert first["reasons"][0]["what"] == "not recovered"
    assert run("inspect", OK, "--json").answer["suspects"] == []
    assert "may have broken" not in run("inspect", OK).out


@pytest.mark.parametrize("command", [("inspect", "1" * 32), ("clusters",)])
def test_long_names_fill_no_screen(run: Any, store: Store, command: tuple[str, ...]) -> None:
    """A name that an agent made of a whole prompt is shown by its beginning."""
    store.write(
        Batch(
            [
                Span("1" * 32, "1" * 16, None, "n" * 3_000, "agent", "error", 1, 9),
                Span("1" * 32, "2" * 16, "1" * 16, "s" * 3_000, "tool", "error", 2, 3),
            ],
            [],
        )
    )
    ran = run(*command)
    assert len(ran.out.splitlines()) < 25
    assert "nnn…" in ran.out


def test_what_has_no_name_is_called_so(run: Any, store: Store) -> None:
    """No heading, step or error begins with nothing; a name of several lines stays in its line."""
    for number, name in ((8, ""), (9, "a\nb")):
        trace_id = str(number) * 32
        root = Span(trace_id, "1" * 16, None, name, "agent", "error", 1, 9, error_message="boom")
        store.write(
            Batch([root, root._replace(span_id="2" * 16, parent_span_id="1" * 16, kind="tool")], [])
        )
    store.refresh()
    shown = run("inspect", "8" * 32).out
    assert shown.startswith("(no name) ")
    assert "! (no name) 11111111 boom" in shown
    assert run("inspect", "9" * 32).out.startswith("a b ")
    assert "(no name): (no name)!" in run("clusters").out
    assert "a b: a b!" in run("clusters").out
    compared = run("compare", "8" * 32, "9" * 32).out
    assert "(no name) 888888888888" in compared
    assert "a b 999999999999" in compared
