"""What holds for every text: places, languages, quotations, limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.prompts.findings import LEVELS, at_least
from clustertrace.prompts.lint import MAX_PER_RULE, RULES, lint_document, review_draft

PIECES = st.sampled_from(
    [
        *("fix it", "maybe", "etc.", "improve", "`code`", "```\nblock\n```", '"quoted"', "!!!"),
        *("in detail", "be brief", "the error", "everything", "add tests", "and", "\n\n", "- "),
        *(
            "1. ",
            "src/a.py",
            "don't touch",
            "as discussed",
            "TODO",
            "é",
            "错误",
            "\u202e",
            "ß",
            "İ",
        ),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=9))).map(" ".join))


@given(TEXTS)
def test_offsets_name_the_words(text: str) -> None:
    """Places lie inside the text, around words that the message quotes; or there is none."""
    for found in review_draft(text).findings:
        assert found.level in LEVELS
        if found.start is None or found.end is None:
            assert found.start is found.end
            continue
        assert 0 <= found.start < found.end <= len(text)
        words = text[found.start : found.end]
        assert words == words.strip()
        assert " ".join(words.split())[:40] in found.message


@given(TEXTS)
def test_the_same_text_is_judged_the_same(text: str) -> None:
    """A review has no memory, and its parts are in the order of the text, absences last."""
    review = review_draft(text)
    assert review == review_draft(text)
    places = [one.start for one in review.findings if one.start is not None]
    assert places == sorted(places)
    assert [one.start for one in review.findings[: len(places)]] == places


@pytest.mark.parametrize(
    "text",
    [
        "请修复登录页面的错误，然后改进所有测试等等。",
        "ログインの問題を直して、テストを追加してください。",
        "Исправь ошибку в парсере и добавь тесты и так далее.",
        "أصلح الخطأ في صفحة الدخول",
        "Bitte verbessere den Parser und mach alles schöner und so weiter.",
        "Corrige le bug dans la page de connexion et améliore les tests, etc.",
        "Mejora el analizador y arregla los errores de la página, etc.",
        "🙂🙂🙂",
        "12 + 30 = 42",
        "",
    ],
)
def test_other_languages_are_not_misjudged(text: str) -> None:
    """Rules for English say nothing about a text that is none."""
    review = review_draft(text)
    assert review.language is None
    assert review.findings == ()
    assert review.unread > len(RULES) // 2


@pytest.mark.parametrize(
    "text", ["Fix it", "fix the bug", "Add a test for 登录 to the suite", "What are tides?"]
)
def test_short_english_is_known(text: str) -> None:
    """A few words are enough, names in other scripts among them."""
    assert review_draft(text).language == "en"


def test_quotations_are_not_judged() -> None:
    """Code, quoted words and quoted lines are not the user's own asking."""
    text = 'Explain the line `maybe fix it`, the title "improve things etc" and:\n> perhaps\n'
    assert {one.rule for one in review_draft(text).findings} <= {"no-reason", "no-acceptance"}


def test_one_rule_says_so_much_and_no_more() -> None:
    """A text of nothing but bad habits gets a readable answer."""
    found = review_draft("maybe " * 1000 + "the parser").findings
    assert sum(1 for one in found if one.rule == "hedging") == MAX_PER_RULE


def test_the_document_has_the_promised_keys() -> None:
    """The JSON form is the one that users build on."""
    document = lint_document(review_draft("Maybe add a cache.").findings)
    assert list(document) == ["findings"]
    assert document["findings"][0] == {
        "rule": "hedging",
        "level": "low",
        "message": "“Maybe” leaves open whether you want it.",
        "suggestion": "Decide: ask for it, or leave it out.",
        "start": 0,
        "end": 5,
    }
    assert document["findings"][-1]["start"] is None


def test_levels_are_ordered() -> None:
    """Low is below medium, medium below high."""
    [medium] = [one for one in review_draft("Fix it").findings if one.rule == "pronoun"]
    assert [at_least(medium, level) for level in LEVELS] == [True, True, False]
