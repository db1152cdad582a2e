"""What was JSON is JSON without its secrets too."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.redaction import Redactor
from tests.redaction.texts import BEGUN, NAMED, PLACED, SECRETS

cut = Redactor()


@given(
    st.recursive(
        st.text()
        | st.sampled_from([*SECRETS, *(text for text, _ in NAMED), *PLACED, *BEGUN])
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.none(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text() | st.sampled_from(["password", "token", 'api_key"', "a\\", *BEGUN]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_json_stays_json(value: Any) -> None:
    """Whatever is cut, the text parses, nested JSON included, and a second pass cuts nothing."""
    text, _ = cut.json(json.dumps(value, separators=(",", ":")))
    json.loads(text)
    assert cut.json(text)[0] == text


_ODD = st.text("ab'\"\\\n, ]", max_size=6)


@given(st.lists(_ODD, max_size=3) | _ODD, _ODD, st.integers(1, 4), st.sampled_from([None, 2]))
def test_only_the_secrets_go_however_deep(
    secret: str | list[str], other: str, depth: int, indent: int | None
) -> None:
    """Whatever quotes are in a secret: all of it is cut, and what stands beside it stays."""
    text: Any = {"password": secret, "other": other}
    for _ in range(depth):
        text = json.dumps(text, indent=indent)
    text, _ = cut.json(text)
    for _ in range(depth):
        text = json.loads(text)
    mark = "[redacted: by its name]"
    expected = mark if secret else secret
    left = [mark if item else item for item in secret] if isinstance(secret, list) else expected
    assert text == {"password": left, "other": other}


@pytest.mark.parametrize("begun", BEGUN)
def test_a_name_without_a_value_breaks_nothing(begun: str) -> None:
    """What a string ends with can't reach into what follows it."""
    for value in (
        {begun: None, "n": 1},
        {begun: 12345},
        {begun: 1.5e300},
        [begun, 12345],
        [[begun]],
    ):
        text, _ = cut.json(json.dumps(value, separators=(",", ":")))
        left = json.loads(text)
        assert type(left) is type(value)
        assert len(left) == len(value)


def test_a_pattern_that_breaks_json_cuts_strings() -> None:
    """A pattern of the user's may match anything; what was JSON is JSON afterwards."""
    own = Redactor([re.compile(r'"a.*b"')])
    text = '{"x":"a","password":"hunter2","secret":["hunter2",["hunter3"]],"z":"b"}'
    mark = "[redacted: by its name]"
    assert json.loads(own.json(text)[0]) == {
        "x": "a",
        "password": mark,
        "secret": [mark, [mark]],
        "z": "b",
    }
