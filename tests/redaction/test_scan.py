"""The quick scan misses nothing, and no text is read again and again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.redaction import Redactor
from clustertrace.redaction.cutting import cut_secrets
from clustertrace.redaction.scan import may_hold_secrets, places
from tests.redaction.texts import PARTS

cut = Redactor()


@given(st.lists(st.sampled_from(PARTS), max_size=14))
def test_the_scan_sees_what_would_be_cut(parts: list[str]) -> None:
    """Where the quick scan suspects nothing, the patterns would have cut nothing."""
    text = "".join(parts)
    if cut_secrets(text, places(text))[1]:
        assert may_hold_secrets(text), text


@pytest.mark.parametrize(
    "part",
    [
        *("a.", "a_", "a-", "A", "aB", "--a", " --a-", "<a", "<a.", '"a.', '"name":"', " ", "\\"),
        *(
            "password ",
            "password is ",
            "password is a",
            "name: password\\n",
            "password=",
            "--password ",
            "<password>",
            "eyJ",
            "eyJaaaaaaaa.",
            "sk-ab-",
        ),
        *("a://b:", "bearer ", "-----BEGIN PRIVATE KEY-----", '"name":"password",', "SG."),
        *(
            "--.",
            "--a.",
            "--db_pass.",
            "db_",
            "ssh_key ",
            "ssh_key: ",
            "jwt: a",
            "jwt=1",
            "conn",
            "--password.",
            '"password":  ',
            "password\\",
            "the password is 1 ",
            "curl ",
            "curl -u a",
            "user=a ",
            "user",
            '"user":"a",',
            "user: 'a',",
            "://a.blob.",
            "://a.blob.c?a&",
            "bot123456789:AA",
            "\\n--a",
            "mysql ",
            "mysql -p",
            "sshpass ",
            "mariadb -p1",
            "password (a",
            "password (a): ",
            "token: |\n ",
            '"token": {"value": "',
            '"token": {',
            "token%22",
            "token: a ",
            'token"] = "a b',
            '"token":"a","bytes":',
            "a://b:c@",
            "user a ",
            "user a password 'b",
        ),
    ],
)
def test_a_long_text_is_read_once(part: str) -> None:
    """Whatever it is made of: read again from each of its words, this would take half an hour."""
    text, times = cut(part * (200_000 // len(part)) + " password: hunter2z")
    assert "hunter2z" not in text
    assert times >= 1


@pytest.mark.parametrize(
    "text",
    [
        '"password":' + " " * 100_000 + "x",
        '"password"' + "\n" * 100_000 + "x",
        "--" * 100_000 + "password",
        "password" + "\\" * 100_000 + "x",
        "-----BEGIN PRIVATE KEY-----" * 4_000 + "\\",
        r"\"password\":" + "".join("\\" * n + "'" for n in range(400, 0, -1)) + "x",
        "name: password" + "\\n" * 50_000,
        "password is " + "1" * 100_000,
        "ssh_key" + " " * 100_000 + "x",
        "db_pass" + " " * 100_000 + "x",
        "db_pass" + "\\" * 100_000 + "x",
        "ssh_key" + "\\" * 100_000 + "x",
        "jwt: " + "a" * 100_000,
        "jwt" + " " * 100_000 + "x",
        "curl -u " + "a" * 100_000,
        "curl -u " + "\\" * 100_000,
        "curl " + "-u " * 50_000,
        "user=" + "a" * 100_000,
        "user='a'" + " " * 100_000,
        "user: 'a'," + "\\n" * 50_000,
        "user: '" + "a" * 100_000,
        "a_" * 50_000 + "user=a",
        "://" + "a" * 100_000 + ".blob.",
        "jwt=" + "1" * 3 + ".1" * 50_000,
        "mysql " + "a" * 100_000,
        "mysql" + " -p" * 50_000,
        "sshpass" + " " * 100_000 + "x",
        "token: |" + "\\n " * 50_000,
        '"token": {' + '"value' * 20_000,
    ],
    ids=range(29),
)
def test_a_long_stretch_is_read_once(text: str) -> None:
    """The same where one part of a text is long; only the unended key among these is a secret."""
    clean, times = cut_secrets(text, places(text))
    if "PRIVATE KEY" in text:
        assert (clean, times) == ("[redacted: private key]\\", 1)
    else:
        assert (clean, times) == (text, 0)
