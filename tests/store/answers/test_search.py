"""What a search found: a passage that a run repeats is shown once."""

from __future__ import annotations

from dataclasses import replace

from clustertrace.store.answers import Hit, HitPage
from clustertrace.telling.words import found_in

CALL = Hit("aa", "01", "agent", "chat", "llm", False, 1, "input", "…You \x02refund\x03 orders.")


def test_a_conversation_that_grows_is_one_passage() -> None:
    """Each call has all messages before it: the first is shown, with how many follow."""
    calls = [
        replace(CALL, span_id=f"{at:02}", start_ns=at, snippet=f"{'…' * at}\x02refund\x03 orders.")
        for at in (4, 3, 2)
    ]
    tool = replace(CALL, span_id="09", kind="tool", span_name="pay", start_ns=5)
    page = HitPage((tool, *calls), more=False, behind=0)
    assert [(passage.first.span_id, passage.later) for passage in page.passages] == [
        ("09", 0),
        ("02", 2),
    ]
    assert [found_in(passage) for passage in page.passages] == [
        "input",
        "input, and in 2 later steps",
    ]


def test_other_words_runs_and_fields_are_passages_of_their_own() -> None:
    """Nothing is hidden but what is there to read already."""
    others = (
        replace(CALL, trace_id="bb"),
        replace(CALL, field="output"),
        replace(CALL, span_name="other"),
        replace(CALL, snippet="…You \x02refund\x03 nothing."),
    )
    assert len(HitPage((CALL, *others), more=True, behind=0).passages) == 5


def test_nothing_found_has_no_passages() -> None:
    """An empty page stays empty."""
    assert HitPage((), more=False, behind=0).passages == ()
