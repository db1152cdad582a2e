"""Secrets are cut wherever they show; ordinary text is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.redaction import MARK, Redactor
from clustertrace.redaction.cutting import STEPS, cut_secrets
from clustertrace.redaction.marks import mark
from clustertrace.redaction.scan import places
from tests.redaction.texts import (
    INNOCENT,
    NAMED,
    OTHER_NAMES,
    PARTS,
    PLACED,
    PLACES,
    SECRETS,
    SPELLINGS,
    WORDS,
)

cut = Redactor()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "key is {} ok", '["{}"]', "a={};"])
def test_secrets_show_by_their_form(secret: str, around: str) -> None:
    """Keys of the usual vendors are cut in any surroundings."""
    text, times = cut(around.replace("{}", secret))
    assert secret[12:] not in text
    assert times >= 1
    assert MARK in text


@pytest.mark.parametrize(("text", "secret"), NAMED)
def test_secrets_show_by_the_name_in_front(text: str, secret: str) -> None:
    """Values under the usual names are cut, in JSON, headers, shells and addresses."""
    clean, times = cut(text)
    assert secret not in clean
    assert times >= 1


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_one_however_it_is_spelled(place: str, spelling: str) -> None:
    """Every name of a secret is known in every usual spelling, at every usual place."""
    names = [SPELLINGS[spelling](word.split("_")) for word in WORDS]
    left = {name: cut(place.replace("NAME", name))[0] for name in names}
    assert [name for name, text in left.items() if "hunter2z" in text] == []


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_resembles_one_keeps_its_value(place: str, spelling: str) -> None:
    """An outcome, a round, a table's key and what is said of a secret stay at every place."""
    names = [SPELLINGS[spelling](word.split("_")) for word in OTHER_NAMES]
    texts = [place.replace("NAME", name) for name in names]
    assert [text for text in texts if cut(text) != (text, 0)] == []


@pytest.mark.parametrize(
    "text",
    ["u%3Dann%26password%3DSECRET%26page%3D2", "%22token%22%3A%20%22SECRET%22%2C%22page%22%3A2"],
)
def test_only_the_secret_of_an_encoded_address_is_cut(text: str) -> None:
    """What follows it in the address stays."""
    left = text.replace("SECRET", mark("by its name"))
    assert cut(text.replace("SECRET", "hunter2")) == (left, 1)


def test_a_block_ends_where_the_next_key_begins() -> None:
    """What stands beside a block of YAML stays, also in JSON, however deep."""
    text = "a:\n  password: |\n    first\n\n      hunter2\n  user: ann\nb: c\n"
    left = f"a:\n  password: |\n    {mark('by its name')}\n  user: ann\nb: c\n"
    for _ in range(4):
        assert cut(text) == (left, 1)
        text, left = json.dumps({"file": text}), json.dumps({"file": left})


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_text_stays(text: str) -> None:
    """What only resembles a secret is left as it was."""
    assert cut(text) == (text, 0)


@pytest.mark.parametrize("text", [*SECRETS, *(text for text, _ in NAMED), *PLACED])
def test_a_secret_may_begin_a_line(text: str) -> None:
    """In JSON a line's end is a backslash and a letter, which belongs to no word."""
    for end in ("\n", "\r\n", "\t"):
        written = f"first{end}{text}"
        plain, once = cut(written)
        inside, twice = cut(json.dumps(written))
        assert once >= 1
        assert json.loads(inside).startswith("first")
        assert twice >= 1, inside
        if "\\" not in text:
            assert json.loads(inside) == plain


@pytest.mark.parametrize("left", ["", "[reda", "[redacted: by its name]"])
def test_what_length_left_of_a_mark_is_no_secret(left: str) -> None:
    """A mark that was cut to fit stays as it is; one behind which more stands does not."""
    text = json.dumps({"token": f"{left}… [cut: 23 characters in all]"}, ensure_ascii=False)
    assert cut(text) == (text, 0)
    hidden, times = cut(text.replace(" in all", " in all of hunter2!"))
    assert times == (0 if left == "[redacted: by its name]" else 1), hidden


@given(st.lists(st.sampled_from([*PARTS, *(text for text, _ in NAMED), *SECRETS]), max_size=14))
def test_no_pattern_could_begin_elsewhere(parts: list[str]) -> None:
    """Trying patterns only near what the scan finds cuts what trying them everywhere would."""
    text = "".join(parts)
    everywhere, cut_everywhere = text, 0
    for step in STEPS:
        everywhere, times = step.cut(everywhere, range(len(everywhere)))
        cut_everywhere += times
    assert cut_secrets(text, places(text)) == (everywhere, cut_everywhere)


def test_only_the_password_of_an_address_is_cut() -> None:
    """The host stays, and whoever else is named behind it, also where the password has an @."""
    text = "postgres://bob:SECRET@db/x,ann@example.com mysql://b:SECRET@db,eve@example.com"
    left = text.replace("SECRET", mark("by its name"))
    assert cut(text.replace("SECRET", "p@hunter2")) == (left, 2)
    assert cut(text.replace("SECRET", "hunter2")) == (left, 2)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_password_of_an_address_goes_whose_host_was_cut_off(ascii_only: bool) -> None:
    """The `@` behind it may lie beyond the limit; a port there, or a mark, is no password."""

    def left(address: str) -> str:
        text = f"{address}… [cut: 900 characters in all]"
        whole = cut(json.dumps({"text": text}, ensure_ascii=ascii_only))[0]
        return str(json.loads(whole)["text"].partition("…")[0])

    assert left("postgres://ann:hunter2") == f"postgres://ann:{mark('by its name')}"
    for other in ("http://localhost:8501", "postgres://ann:[redac", "https://host/a:b"):
        assert left(other) == other
