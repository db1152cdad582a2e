"""A draft with the words of its findings marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.prompts.findings import Finding
from clustertrace.prompts.lint import review_draft
from clustertrace.prompts.marking import pieces


@given(st.text(), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_pieces_are_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    """However findings overlap, joined pieces are the text, and each finding ends once."""
    inside = [(a, b) for a, b in spans if a < b <= len(text)]
    findings = [Finding("r", "low", "m", "s", a, b) for a, b in inside]
    made = pieces(text, findings)
    assert "".join(piece.text for piece in made) == text
    ends = sorted(number for piece in made for number in piece.ending)
    assert ends == list(range(1, len(findings) + 1))
    for number, (start, end) in enumerate(inside, 1):
        assert "".join(piece.text for piece in made if number in piece.about) == text[start:end]


def test_absences_mark_nothing() -> None:
    """What is not there has no piece."""
    text = "Add a cache to the parser."
    assert [piece.text for piece in pieces(text, review_draft(text).findings)] == [text]
