"""Comments and last commas: read as blanks, and kept by an edit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.json_edits.comments import keeping_comments, without_comments
from clustertrace.json_edits.text import with_value

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a": 1} // end', {"a": 1}),
        ('{/* a\nb */"a": [1, 2,],}', {"a": [1, 2]}),
        ('{"a": "//no", "b": "/* no */"}', {"a": "//no", "b": "/* no */"}),
        ('{"a": ",}", "b": "\\",]"}', {"a": ",}", "b": '",]'}),
        ('{"a": 1, // last\n /* really */ }', {"a": 1}),
    ],
)
def test_what_is_read(written: str, value: object) -> None:
    """What is left is JSON of the same length, line by line."""
    plain = without_comments(written)
    assert json.loads(plain) == value
    assert [len(line) for line in plain.split("\n")] == [len(line) for line in written.split("\n")]


@given(values)
def test_plain_json_stays(value: object) -> None:
    """JSON without comments is left as it is."""
    written = json.dumps(value, indent=2)
    assert without_comments(written) == written


@given(st.dictionaries(st.text(), values, max_size=4), st.text(), values)
def test_an_edit_keeps_every_comment(before: dict[str, object], key: str, value: object) -> None:
    """One value is changed; all comments are there after it, and the rest means the same."""
    lines = (json.dumps(before, indent=2) + "\n").split("\n")
    written = "// first\n" + " // c\n".join(lines)
    after = keeping_comments(lambda text: with_value(text, (key,), value))(written)
    assert json.loads(without_comments(after)) == before | {key: value}
    if key not in before and before:
        assert after.count("// c") == written.count("// c")
    assert after.startswith("// first\n{")
