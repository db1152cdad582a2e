"""A review in sentences, Markdown and JSON: every number leads to what it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.filters import parse
from clustertrace.patterns.statistics import wilson
from clustertrace.review.commitments import Changes
from clustertrace.review.document import review_document
from clustertrace.review.layout import Cell, dates
from clustertrace.review.markdown import review_markdown
from clustertrace.review.record import DeadEnd, Review, SessionCost, WeekRuns
from clustertrace.review.sections import another_week, facts, headline, sections, week_sections
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import before, window

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = window(date(2025, 10, 20), BERLIN)
SUMS = Sums(20, 5, 21, 6, 1, 1000, 400, 300, 2, 0.5, 0.01)
NOTHING = Changes(WEEK.end_ns, WEEK, None, window(date(2025, 10, 27), BERLIN), None, (), (), 0)
PATTERN = PatternWeek("ab12", "agent", SUMS)
FULL = Review(
    window=WEEK,
    total=SUMS,
    patterns=1,
    dearest=(
        SessionCost("s 1", "a" * 32, "agent", "say | this\n# now", 3, 0.4, 1),
        SessionCost(None, "b" * 32, "agent", None, 1, 0.1, 0),
    ),
    cache=(PATTERN,),
    most_run=PATTERN,
    changes=NOTHING,
    trend=(WeekRuns(before(WEEK), 1, 0), WeekRuns(WEEK, 20, 5)),
    endings={"error": 4, "max_tokens": 2},
    dead_ends=(DeadEnd("s 1", "a" * 32, "agent", "why", "error", WEEK.start_ns, 2, True),),
    newest_ns=WEEK.start_ns,
    variants={},
)
EMPTY = replace(
    FULL,
    total=Sums(),
    patterns=0,
    dearest=(),
    cache=(),
    most_run=None,
    trend=(),
    endings={},
    dead_ends=(),
)


def cells(found: Review) -> list[Cell]:
    """Everything that a review shows as a number or name."""
    shown = [fact.cell for fact in facts(found)]
    for section in sections(found):
        shown += [fact.cell for fact in section.facts]
        shown += [cell for row in section.rows for cell in row]
    return shown


def test_one_is_not_many() -> None:
    """A number and its noun agree."""
    texts = [f"{one.cell.text} {one.label}" for one in facts(FULL)]
    assert texts[:3] == ["21 runs", "1 pattern", "5 failed of 20 finished (11–47 %)"]


def test_the_week_in_sentences() -> None:
    """Each question has its answer before its table."""
    assert headline(FULL) == (
        "20–26 October 2025: 21 runs of 1 pattern, 5 failed, at least $0.5000."
    )
    assert [section.sentence for section in week_sections(FULL)] == [
        "The most expensive session cost at least $0.4000, 80 % of what these days cost.",
        "40 % of the input was read from a cache.",
        "agent ran 20 times, 100 % of the finished runs; the week before once.",
        "6 runs came to a dead end, 28.6 % (14–50 %) of those that ended.",
    ]


def test_numbers_lead_to_their_traces() -> None:
    """Addresses hold filters that can be read, and say which days are meant."""
    shown = cells(FULL)
    numbers = [cell for cell in shown if cell.text[:1].isdigit() or "$" in cell.text]
    assert [cell for cell in numbers if not cell.href and "%" not in cell.text] == []
    listed = [cell.href for cell in shown if cell.href.startswith("/?")]
    assert len(listed) > 15
    for href in listed:
        filters = [value for name, value in parse_qsl(urlsplit(href).query) if name == "where"]
        for one in filters:
            parse(one)
        assert any(one.startswith("since:2025-10-") for one in filters)


def test_markdown_is_a_note_with_links() -> None:
    """What users and models wrote stays text, on its line."""
    text = review_markdown(FULL)
    assert text.startswith("# 20–26 October 2025: 21 runs of 1 pattern, 5 failed")
    assert "[at least \\$0.5000](http://localhost:7777/?where=since%3A2025-10-20T00%3A00" in text
    assert "| say \\| this \\# now |" in text
    assert text.count("\n## ") == 5
    assert text.endswith("\n")


@given(st.text(max_size=80))
def test_no_text_breaks_the_table(prompt: str) -> None:
    """A row has as many columns as its head, whatever a prompt holds."""
    first = replace(FULL, dearest=(FULL.dearest[0]._replace(first_prompt=prompt),))
    lines = review_markdown(first).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("| Cost"))
    assert lines[at + 2].replace("\\\\", "").replace("\\|", "").count("|") == lines[at].count("|")
    assert lines[at + 3] == ""


def test_json_says_the_same() -> None:
    """Numbers, rates and the filters that find the traces."""
    document = json.loads(json.dumps(review_document(FULL)))
    assert document["week"]["hours"] == 169
    assert (document["failure_rate"], document["cache_hit_rate"]) == (0.25, 0.4)
    assert document["failure_rate_interval"] == list(wilson(5, 20))
    assert document["dead_end_share_interval"] == list(wilson(6, 21))
    assert review_document(EMPTY)["failure_rate_interval"] is None
    assert document["dearest"][0]["filter"] == f'session:"s 1" {WEEK.filter}'
    assert document["dearest"][1]["filter"] == f"id:{'b' * 32}"
    assert document["dead_end_kinds"] == {
        "fail": 0,
        "error": 4,
        "max_tokens": 2,
        "refusal": 0,
        "interrupted": 0,
    }
    assert [week["finished"] for week in document["most_run"]["weeks"]] == [1, 20]


def test_days_without_runs() -> None:
    """Say so, and where runs are."""
    assert headline(EMPTY) == "No run that has ended began on 20–26 October 2025."
    assert sections(EMPTY) == []
    found = another_week(EMPTY)
    assert found == Cell("The newest run began on 20 October 2025.", "/review?week=2025-10-20")
    assert another_week(replace(EMPTY, newest_ns=None)) is None
    assert review_markdown(EMPTY).count("\n") == 1
    assert review_document(EMPTY)["most_run"] is None


def test_runs_that_told_little() -> None:
    """Without prices, tokens, finished runs or dead ends each section says what is missing."""
    bare = replace(EMPTY, total=Sums(ended=1), patterns=1)
    assert [section.sentence for section in week_sections(bare)] == [
        "No model call of these days has a price.",
        "No model call of these days reported how much it read.",
        "No run of these days has finished.",
        "No run of these days came to a dead end.",
    ]


def test_days_are_written_short() -> None:
    """Months and years once, where one holds all days."""
    assert dates(WEEK) == "20–26 October 2025"
    assert dates(window(date(2025, 10, 27), BERLIN)) == "27 October – 2 November 2025"
    assert dates(window(date(2025, 12, 29), BERLIN)) == "29 December 2025 – 4 January 2026"
