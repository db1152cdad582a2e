"""Each rule on prompts that have its habit, and on prompts that only look like it."""

from __future__ import annotations

import pytest

from clustertrace.prompts.lint import RULES, STRENGTHS, review_draft

POINTING = {
    "vague-verb": (
        [("Please improve the search.", "improve"), ("Clean up the tests", "Clean up")],
        [
            "Fix `check_password` so that it returns False.",
            "Fix tests/test_login.py",
            "Don't fix the search.",
        ],
    ),
    "vague-quality": (
        [
            ("Write a cleaner parser.", "cleaner"),
            ("Make the page more user-friendly", "user-friendly"),
        ],
        ["Make the page faster: under 200 ms.", "Write a clean-room parser."],
    ),
    "hedging": (
        [("Maybe add a cache.", "Maybe"), ("Try to add it.", "Try to")],
        ["Add a cache.", 'Print "maybe" to the log.'],
    ),
    "open-end": (
        [("Support csv, json etc.", "etc"), ("Handle dates and so on.", "and so on")],
        ["Support csv and json.", "Edit /etc/hosts."],
    ),
    "pronoun": (
        [("Fix it.", "it"), ("Please make this faster", "this"), ("Why is that?", "that")],
        [
            "Rename the parser and test it.",
            "Read src/app.py and explain it.",
            "Explain this function.",
            "It is raining. Add an umbrella.",
            "Call Anna and thank them.",
        ],
    ),
    "unseen-context": (
        [
            ("Add the field as discussed.", "as discussed"),
            ("Format it like last time", "like last time"),
        ],
        ["Add the field that docs/plan.md names.", "Discuss the field."],
    ),
    "placeholder": (
        [
            ("Write to <insert name here>.", "<insert name here>"),
            ("Deploy to [your server].", "[your server]"),
            ("The limit is TBD.", "TBD"),
        ],
        ["Remove every TODO comment.", "Build a todo list.", "Write `<insert x>` to the file."],
    ),
    "shouting": (
        [
            ("Fix the login!!!", "!!!"),
            ("NEVER DO THAT again", "NEVER DO THAT"),
            ("This is IMPORTANT.", "IMPORTANT"),
            ("快修好!!", "!!"),
        ],
        ["Fix the login!", "Use the HTTP API of NASA.", "Set MAX_RETRIES to 3."],
    ),
    "many-asks": (
        [
            ("Refactor the parser, add tests and update the docs.", "update"),
            ("Add a cache. Then write tests. Also deploy the app.", "deploy"),
        ],
        [
            "Add a cache and test it.",
            "1. Add a cache.\n2. Write tests.\n3. Update the docs.",
            "The tests update the docs and add a list.",
        ],
    ),
    "contradiction": (
        [
            ("Be brief. Explain in detail how it works.", "in detail"),
            ("Be brief, but explain every detail.", "every detail"),
            ("Don't touch the parser. Refactor the parser.", "Refactor"),
            ("Add tests, but without tests for the parser.", "without tests"),
        ],
        [
            "Be brief, not detailed.",
            "Don't touch the parser. Refactor the printer.",
            "Explain in detail.",
        ],
    ),
    "error-not-quoted": (
        [("The build crashes on start.", "crashes"), ("Login doesn't work.", "doesn't work")],
        [
            "The build crashes with `KeyError: 'x'` and ```Traceback```",
            "It fails with ValueError.",
            "Add error handling to load().",
            "The server answers 500 and fails.",
        ],
    ),
    "unbounded-output": (
        [
            ("List all possible causes.", "all possible"),
            ("Explain the entire codebase", "the entire codebase"),
        ],
        [
            "List at most five of all possible causes.",
            "List the causes.",
            "Not everything, please.",
        ],
    ),
    "only-negative": (
        [
            ("Don't use classes.", "Don't use classes"),
            ("Never log passwords. Avoid prints.", "Never log passwords"),
        ],
        ["Don't use classes, use functions instead.", "Add a cache. Don't use classes."],
    ),
    "wall-of-text": (
        [("one two three " * 100, ("one two three " * 100).strip())],
        ["one two three\n" * 100, "x" * 2000],
    ),
}
"""Of each rule: prompts with the words that it points at, and prompts that it passes over."""

ABSENT = {
    "no-target": (
        ["Fix the bug in the login form.", "Refactor the parser class."],
        ["Fix the bug in `login.py`.", "Write a poem about rain.", "Refactor app.Parser."],
    ),
    "no-acceptance": (
        [
            "Add a cache to the parser.",
            "Add a cache; it should probably work.",
            "Add a cache, and ideally make sure of it.",
        ],
        ["Add a cache so that a second call returns at once.", "What is a cache?"],
    ),
    "no-example": (
        ["Convert the dates."],
        ['Convert the dates, for example "1 May" to 2024-05-01.', "Explain the dates."],
    ),
    "no-scope": (
        ["Add a cache to src/parser.py."],
        ["Add a cache to src/parser.py and leave the rest alone.", "Explain src/parser.py."],
    ),
    "no-check": (
        ["Add a cache to src/parser.py."],
        ["Add a cache to src/parser.py and run the tests.", "Write a poem."],
    ),
    "no-reason": (
        ["Add a cache."],
        ["Add a cache because parsing takes a minute.", "Is there a cache?"],
    ),
}
"""Of each absence: prompts that lack it, and prompts that have it or don't need it."""

PRESENT = {
    "target": "Fix check_password in app/login.py.",
    "acceptance": "Done when the tests pass.",
    "example": "Format dates like this: 2024-05-01.",
    "scope": "Change only the parser.",
    "check": "Run the tests.",
    "reason": "We need this because the page is slow.",
    "quoted-error": "It says KeyError: 'x'.",
    "steps": "- one\n- two\n- three",
}


@pytest.mark.parametrize("rule", POINTING)
def test_a_rule_points_at_the_words(rule: str) -> None:
    """Where the habit shows, the finding's offsets are those of the words."""
    for prompt, words in POINTING[rule][0]:
        found = [one for one in review_draft(prompt).findings if one.rule == rule]
        assert found, prompt
        assert prompt[found[0].start : found[0].end] == words


@pytest.mark.parametrize("rule", [*POINTING, *ABSENT])
def test_a_rule_passes_over_what_is_fine(rule: str) -> None:
    """A prompt that only looks like it is left alone."""
    for prompt in (POINTING.get(rule) or ABSENT[rule])[1]:
        assert rule not in [one.rule for one in review_draft(prompt).findings], prompt


@pytest.mark.parametrize("rule", ABSENT)
def test_an_absence_is_said_without_a_place(rule: str) -> None:
    """What is missing where it would help is a finding that points nowhere."""
    for prompt in ABSENT[rule][0]:
        [found] = [one for one in review_draft(prompt).findings if one.rule == rule]
        assert (found.start, found.end) == (None, None)
        assert found.suggestion


@pytest.mark.parametrize("strength", PRESENT)
def test_a_strength_is_seen(strength: str) -> None:
    """What a prompt does well is told too, and then not missed."""
    review = review_draft(PRESENT[strength])
    assert strength in [one.name for one in review.strengths]
    assert f"no-{strength}" not in [one.rule for one in review.findings]


def test_every_rule_is_tried_here() -> None:
    """No rule is without examples of both kinds, and no two share a name."""
    assert sorted(POINTING) == sorted(rule.name for rule in RULES)
    assert sorted(PRESENT) == sorted(strength.name for strength in STRENGTHS)
    pointed_at = {"no-quoted-error", "no-steps"}
    assert set(ABSENT) == {strength.rule for strength in STRENGTHS} - pointed_at
