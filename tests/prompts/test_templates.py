"""Templates: variables, and finding them again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.prompts.templates import Template, Used, Version, filled, matches, used, variables

BODY = "Review {file} for bugs.\n\nReport at most {count} of them, worst first, in {file}."


def test_variables_are_named_once_in_order() -> None:
    """Names between single braces; what is no name is text."""
    assert variables(BODY) == ("file", "count")
    assert variables('{"json": {}} {0} {a-b} { c }') == ()


def test_a_form_fills_them() -> None:
    """Every place of a variable gets its value as it is; one without a value stays."""
    text = filled(BODY, {"file": "{count}", "count": "3"})
    assert text.startswith("Review {count} for bugs.")
    assert text.endswith("in {count}.")
    assert filled(BODY, {"file": "", "count": "3"}).endswith(
        "Report at most 3 of them, worst first, in {file}."
    )


WORD = st.text("ab {}c", min_size=1).filter(str.strip)


@given(WORD, WORD)
def test_what_was_filled_is_found_again(one: str, other: str) -> None:
    """Whatever stands in place of the variables, and however the text is wrapped."""
    text = filled(BODY, {"file": one, "count": other})
    assert matches(BODY, text)
    assert matches(BODY, text.replace(" ", "\n"))
    assert not matches(BODY, text + " And more")


@pytest.mark.parametrize(
    ("body", "text", "fits"),
    [
        ("{anything}", "whatever it is", False),
        ("Summarise this page: {page}", "Summarise this page: https://x", True),
        ("Summarise this page: {page}", "Please summarise this page: https://x", False),
        ("Write the release notes", "Write the release notes", True),
        ("Write the release notes", "Write the release notes now", False),
        ("{a} and then deploy it to {b}", "build and then deploy it to x", True),
        ("long enough {a} long enough", "long enough long enough", True),
        ("long enough {a} long enough", "long enough", False),
    ],
)
def test_texts_are_told_from_a_template(body: str, text: str, fits: bool) -> None:
    """Literal pieces in their order, beginning and end included, none used twice."""
    assert matches(body, text) is fits


def test_a_cut_text_may_go_on() -> None:
    """What was stored in part matches as far as it goes."""
    assert matches(BODY, filled(BODY, {"file": "x", "count": "3"})[:30], cut=True)
    assert not matches(BODY, "Something else altogether", cut=True)


def test_a_template_without_variables_is_all_of_a_text() -> None:
    """A cut text that goes on behind it was not written with it."""
    fixed = "Fix the failing test in the login form, and say why it failed."
    assert matches(fixed, fixed)
    assert matches(fixed, fixed[:30], cut=True)
    assert not matches(fixed, f"{fixed} And then", cut=True)


def test_the_most_telling_template_wins() -> None:
    """Of several that fit, the one with the most text of its own, the newest version of it."""
    wide = Template("wide", "w", (), (Version(1, "Review the file {rest}", 0),))
    close = Template(
        "close",
        "c",
        (),
        (
            Version(2, "Review the file {f} for bugs", 0),
            Version(1, "Review the file {f} for bugs", 0),
        ),
    )
    assert used([wide, close], "Review the file a.py for bugs") == Used("close", 2)
    assert used([wide, close], "Review the file a.py") == Used("wide", 1)
    assert used([wide, close], "Something else") is None
