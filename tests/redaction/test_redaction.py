"""Secrets are cut wherever they show; ordinary text is left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import BadSetting
from clustertrace.redaction import MARK, Redactor, redactor
from clustertrace.redaction.cutting import cut_secrets
from clustertrace.redaction.scan import may_hold_secrets

cut = Redactor()

SECRETS = [
    "sk-ant-api03-" + "a1B2" * 12,
    "sk-proj-" + "aB3_" * 12,
    "sk-" + "a1B2" * 12,
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 6,
    "xoxb-123456789012-abcdefABCDEF",
    "AIza" + "aB3_" * 9,
    "ya29." + "a1B2" * 9,
    "hf_" + "a1B2" * 9,
    "sk_live_" + "a1B2" * 6,
    "npm_" + "a1B2" * 9,
    "gsk_" + "a1B2" * 13,
    "xai-" + "a1B2" * 20,
    "sk-lf-3f2a9c1e-0b7d-4e5f-8a6b-1c2d3e4f5a6b",
    "SG." + "a1B2" * 5 + "." + "a1B2" * 5,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----",
]

NAMED = [
    ('{"password": "hun\\"ter2", "n": 1}', "ter2"),
    ('{"db_password":"hunter2"}', "hunter2"),
    ('{"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}', "dXNl"),
    ('{"authorization": ["Bearer abcdefghijklmnopqrst"]}', "abcdefghij"),
    ('[["authorization", "Bearer zzz"]]', "zzz"),
    ('{"api_key": 12345}', "12345"),
    ('{"a": "{\\"api_key\\": \\"xyzzy\\", \\"b\\": 2}"}', "xyzzy"),
    ("{'password': 'hunter2', 'x': 1}", "hunter2"),
    ("export MY_SECRET=hunter2 && run", "hunter2"),
    ("curl -H 'X-Api-Key: abcd1234' host", "abcd1234"),
    ("https://host/path?api_key=abcd1234&b=2", "abcd1234"),
    ("postgres://bob:hunter2@db/x", "hunter2"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghij"),
    ("sent Bearer abcdefghijklmnopqrst to it", "abcdefghij"),
    ('apiKey: "zzzz1234"', "zzzz1234"),
    ("PASSWORD=hunter2", "hunter2"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "wJalr"),
    ("PASSWORD='hunter2(x'", "hunter2"),
    ("PASSWORD=hunter2[x", "hunter2"),
    ("DB_PASS=hunter2 dbpass=hunter2 DBPASS=hunter2", "hunter2"),
    ("DefaultEndpointsProtocol=https;AccountName=ann;AccountKey=aB3xyz==;E=1", "aB3xyz"),
    ('{"connection_string": "Server=db;Uid=ann;Pwd=hunter2"}', "hunter2"),
    ('{"jwt": "malformed"}', "malformed"),
    ('{"ssh_key": "b3BlbnNzaC1rZXk"}', "b3Blb"),
    ('{"type": "bearer", "value": "hunter2"}', "hunter2"),
]

WORDS = [
    *("passwd password passphrase pwd secret token credentials cookie authorization".split()),
    *("api_key access_key secret_key private_key access_token client_secret id_token".split()),
    *("db_password github_token set_cookie proxy_authorization x_api_key".split()),
    *("db_pass smtp_pass mail_user_pass passcode creds aws_creds jwt user_jwt bearer".split()),
    *("openai_key anthropic_key account_key encryption_key ssh_key signing_key".split()),
    *("master_key license_key azure_openai_key gemini_key groq_key stripe_key".split()),
    *("connection_string db_connection_string conn_str".split()),
]
SPELLINGS = {
    "snake": lambda words: "_".join(words),
    "kebab": lambda words: "-".join(words),
    "upper": lambda words: "_".join(words).upper(),
    "camel": lambda words: words[0] + "".join(word.capitalize() for word in words[1:]),
    "pascal": lambda words: "".join(word.capitalize() for word in words),
    "train": lambda words: "-".join(word.capitalize() for word in words),
}
PLACES = [
    '{"a": 1, "NAME": "hunter2z", "b": 2}',
    '{"a": "{\\"NAME\\": \\"hunter2z\\"}"}',
    "{'NAME': 'hunter2z'}",
    "NAME: hunter2z",
    "NAME=hunter2z",
    "path?NAME=hunter2z&b=2",
    "tool --NAME hunter2z -v",
    '{"command": "tool --NAME \\"hunter2z\\""}',
    "tool --NAME=hunter2z",
    '["tool", "--NAME", "hunter2z"]',
    "--NAME hunter2z",
    "<a><NAME>hunter2z</NAME></a>",
    '{"name": "NAME", "value": "hunter2z"}',
    '{"a": "[{\\"key\\": \\"NAME\\", \\"value\\": \\"hunter2z\\"}]"}',
    "env:\n- name: NAME\n  value: hunter2z\n- name: B\n  value: c\n",
    '{"file": "env:\\n- name: \\"NAME\\"\\n  value: \\"hunter2z\\"\\n"}',
    "My NAME is hunter2z, and what is yours?",
    "The NAME was `hunter2z` until now.",
]

BEGUN = [
    *(
        "Password:",
        "password=",
        "the password is ",
        "run --password ",
        "- name: PASSWORD\n  value: ",
    ),
    *('"password": "', "Authorization: Bearer ", "postgres://ann:", "<password>", "token: '"),
]
"""Texts that end where the secret would begin."""

PLACED = [place.replace("NAME", "password") for place in PLACES]

OTHER_NAMES = [
    *("pass passed passes bypass compass first_pass tests_pass forward_pass pass_rate".split()),
    *("key monkey primary_key foreign_key cache_key sort_key public_key partition_key".split()),
    *("ssh_key_name license_key_id jwt_algorithm bearer_format passcode_length sacred".split()),
]
"""Names that only resemble those of secrets."""

INNOCENT = [
    "The password is required. Enter your secret key: now",
    '{"input_tokens": 5, "max_tokens": 100, "tokens": ["a", "b"]}',
    '{"password": null, "key": "public"}',
    '{"name": "get_secret", "kind": "tool", "n": 1}',
    "my key=value and monkey: banana",
    "token count: many",
    "write to ann@example.com about https://example.com/a@b",
    "task-oriented, disk-based, risk-free",
    "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "the basic idea, a bearer of news",
    "token = tokens.next()",
    "def read(token: Optional[str] = None, secret: dict[str, str] = {}) -> None: ...",
    "<token/> <secret></secret> --password-file a.txt --token $TOKEN --secret <name>",
    '{"name": "token_count", "value": 12}',
    "| --- | ----- |",
    "PWD=/home/ann OLDPWD=~ HOME=/home/ann",
    '{"PWD": "/home/ann", "OLDPWD": "/"}',
    "The password is required, the token is expired, and the secret was rotated in 2024.",
    '{"pass": true, "pass_rate": 0.97, "tests_pass": 1234, "db_pass": null}',
    '{"pass": 3, "fail": 1234, "outcome": "pass", "bypass": "cache"}',
    "test: pass\nif quiet:\n    pass\nelse: pass\n",
    "tool --pass 3 --pass 1234 --second-pass quickly --bypass proxies",
    "sshpass: command not found; COMPASS=north BYPASS=true FIRST_PASS=done",
    "PyJWT==2.8.0\nflask-jwt==0.3.2\n",
    '{"jwt": "^9.0.2", "auth": ["jwt", "bearer"], "type": "bearer"}',
    '["bearer", "basic"]',
    "jwt: malformed, bearer: missing; creds: none given; passcode: required",
    "ssh_key: ~/.ssh/id_ed25519\n",
    '{"ssh_key": "/home/ann/.ssh/id_rsa", "argv": ["--ssh-key", "~/.ssh/id_rsa"]}',
    "ssh --ssh-key ~/.ssh/id_rsa host",
    "ALTER TABLE a ADD PRIMARY KEY (id); primary_key=True, foreign_key='users.id'",
    "- name: token_count\n  value: hundred\n- name: region\n  value: eu-west-1\n",
]


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


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_text_stays(text: str) -> None:
    """What only resembles a secret is left as it was."""
    assert cut(text) == (text, 0)


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
    assert json.loads(own.json('{"x":"a","password":"hunter2","z":"b"}')[0]) == {
        "x": "a",
        "password": "[redacted: by its name]",
        "z": "b",
    }


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


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "password",
                    "DB_PASSWORD",
                    "apiKey",
                    "token",
                    "X-Secret-Key",
                    "passphrase",
                    "COOKIE",
                ),
                *("db_pass", "DB_PASS", "smtpPass", "dbpass", "passcode", "PASSCODE", "creds"),
                *("OPENAI_KEY", "AccountKey", "signingkey", "ssh_key", "licenseKey", "groqKey"),
                *("connection_string", "ConnStr", "CONNECTION_STRING", "jwt", "JWT", "Bearer"),
                *("hunter22", "12345", "[", "]", "{", "}", ",", ":", "=", ">", "<", "</", "/", "@"),
                *(" ", "    ", "\n", "\\n", '"', "'", '\\"', '\\\\\\"', "\\", "--", "-", ".", "a"),
                *("name: ", "value: ", "Value: ", '"name":', '"value":', " is ", " was ", "://u:"),
                *("Bearer ", "basic ", "sk-", "a1B2" * 12, "AKIA", "hf_", "eyJ", "ya29."),
            ]
        ),
        max_size=14,
    )
)
def test_the_scan_sees_what_would_be_cut(parts: list[str]) -> None:
    """Where the quick scan suspects nothing, the patterns would have cut nothing."""
    text = "".join(parts)
    if cut_secrets(text)[1]:
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
            "\\n--a",
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
        "ssh_key" + "\\" * 100_000 + "x",
        "jwt: " + "a" * 100_000,
        "jwt" + " " * 100_000 + "x",
        "jwt=" + "1" * 3 + ".1" * 50_000,
    ],
    ids=range(13),
)
def test_a_long_stretch_is_read_once(text: str) -> None:
    """The same where one part of a text is long; only the unended key among these is a secret."""
    clean, times = cut_secrets(text)
    if "PRIVATE KEY" in text:
        assert (clean, times) == ("[redacted: private key]\\", 1)
    else:
        assert (clean, times) == (text, 0)


@pytest.mark.parametrize("left", ["", "[reda", "[redacted: by its name]"])
def test_what_length_left_of_a_mark_is_no_secret(left: str) -> None:
    """A mark that was cut to fit stays as it is; one behind which more stands does not."""
    text = json.dumps({"token": f"{left}… [cut: 23 characters in all]"}, ensure_ascii=False)
    assert cut(text) == (text, 0)
    hidden, times = cut(text.replace(" in all", " in all of hunter2!"))
    assert times == (0 if left == "[redacted: by its name]" else 1), hidden


def test_the_users_patterns_are_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with a regular expression a line adds to what is known."""
    file = tmp_path / "patterns"
    file.write_text("# ours\nEMP-\\d{6}\n\n")
    monkeypatch.setenv("CLUSTERTRACE_REDACT_PATTERNS", str(file))
    own = redactor()
    assert own is not None
    assert own("id EMP-123456!") == ("id [redacted: by your pattern]!", 1)


def test_a_bad_pattern_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that is no regular expression is told by its number."""
    file = tmp_path / "patterns"
    file.write_text("fine\n(\n")
    monkeypatch.setenv("CLUSTERTRACE_REDACT_PATTERNS", str(file))
    with pytest.raises(BadSetting, match="line 2"):
        redactor()


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLUSTERTRACE_REDACT=0 keeps everything."""
    monkeypatch.setenv("CLUSTERTRACE_REDACT", "0")
    assert redactor() is None


def test_nothing_is_no_secret() -> None:
    """An empty value stays wherever it stands: that a key was empty is why a run failed."""
    assert cut.named("ACCESS_KEY", "") == ""
    assert cut('{"ACCESS_KEY": ""}') == ('{"ACCESS_KEY": ""}', 0)
    assert cut.named("ACCESS_KEY", "x") == "[redacted: by its name]"
    assert cut.named("PWD", "/home/ann") == "/home/ann"
    assert cut.named("PWD", "hunter2") == cut.named("SECRET", "/x") == "[redacted: by its name]"
