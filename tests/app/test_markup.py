"""Hand-made HTML: what is text stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.app import markup
from clustertrace.store.answers import Step


class Elements(HTMLParser):
    """Collects the elements, attribute names and text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
def test_no_text_becomes_an_element_or_an_attribute(child: str, attribute: str) -> None:
    """Whatever the text, the elements and attributes are the ones that were asked for."""
    found = Elements(markup.tag("p", child, cls="a", title=attribute))
    assert found.elements == ["p"]
    assert found.attributes == {"class", "title"}


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"])))
def test_text_is_shown_as_it_is(text: str) -> None:
    """Escaping loses nothing that can be seen."""
    assert Elements(markup.tag("p", text)).text == text


@given(st.text())
def test_what_comes_out_can_be_sent(text: str) -> None:
    """Lone surrogates and control characters are replaced, so that a page can't break on them."""
    markup.tag("p", text).encode()
    assert "\x00" not in markup.tag("p", text)


def test_markup_is_not_escaped_again() -> None:
    """Elements nest; only plain text is escaped."""
    inner = markup.tag("b", "<")
    assert markup.tag("p", inner, "<") == "<p><b>&lt;</b>&lt;</p>"


def test_elements_without_content_are_not_closed() -> None:
    """`<br></br>` would be two line breaks."""
    assert markup.tag("br") == "<br>"


def test_links_carry_only_the_address_they_were_given() -> None:
    """Quotes in an address can't end the attribute."""
    found = Elements(markup.link("x", '/?a="><script>'))
    assert found.elements == ["a"]


def step(name: str, *, failed: bool = False, count: str = "1") -> Step:
    """One step of a pattern."""
    return Step((name,), (failed,), ("tool",), count)


def test_chips_name_kind_count_and_failure() -> None:
    """A chip has an icon, the name, how often, and a sign where it broke."""
    html = markup.chips([step("search", count="2-3"), step("fetch", failed=True)])
    assert "ct-kind-tool" in html
    assert "×2–3" in html
    assert html.count("ct-broke") == 1
    assert markup.chips([]) == '<span class="ct-muted">no steps</span>'


def test_long_patterns_keep_their_first_and_last_steps() -> None:
    """How a run began and how it ended is what matters; the middle is counted."""
    html = markup.chips([step(f"s{n}") for n in range(40)], limit=14)
    assert Elements(html).text.startswith("s0")
    assert Elements(html).text.endswith("s39")
    assert "… 27 more …" in html


def test_a_kind_that_nobody_knows_has_an_icon_too() -> None:
    """Kinds of other versions don't break a page."""
    assert "ct-kind-chain" in markup.icon("<other>")


def test_the_bar_of_failures_has_a_link_a_segment() -> None:
    """Each segment is as wide as its share and leads to its pattern; the rest looks pale."""
    html = markup.segments(
        [
            markup.Segment(6, "a", "A", "/pattern?id=1"),
            markup.Segment(4, "b", "B", "/pattern?id=2"),
            markup.Segment(2, "rest", "R", "/", is_rest=True),
        ]
    )
    assert html.count("<a ") == 3
    assert html.count("ct-rest") == 1
    assert "flex-grow:6" in html


def test_no_part_of_the_bar_is_too_pale_for_its_words() -> None:
    """White on red has a contrast of 4.5 to 1 down to nine tenths of the red."""
    html = markup.segments([markup.Segment(1, "a", "A", "/") for _ in range(8)])
    assert min(map(int, re.findall(r"--shade:(\d+)%", html))) >= 90


def test_a_table_leaves_out_its_empty_columns() -> None:
    """A title over nothing says nothing; each cell knows its title for narrow screens."""
    html = markup.rows([("a", "", 1), ("b", "", 0)], ("Name", "Project", "Runs"))
    assert Elements(html).text == "NameRunsa1b0"
    assert html.count('data-title="Runs"') == 2
