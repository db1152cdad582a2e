"""Cutting keys and secrets out of text, before it reaches any disk.

Works on text, and on the JSON text of values alike: what is cut lies within one string, so that
JSON stays JSON. Two kinds of secret are known: those that show by their form (an `sk-ant-…`, a
JWT, a PEM block), and those that show by the name in front of them (`"password": "…"`,
`API_KEY=…`, `Authorization: Bearer …`). A secret of neither kind can't be recognised; the user's
own patterns (CLUSTERTRACE_REDACT_PATTERNS, a file with a regular expression a line) add to both.

Most texts hold no secret, so one scan comes first that stops only at rare characters of which
every secret has one, and looks backwards from there (`_DETECT`): about 10 ns a character. The
patterns that cut run only where it finds something.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from clustertrace.errors import BadSetting

__all__ = ["MARK", "REDACTED", "Redactor", "redactor"]

MARK: Final = "[redacted"
"""How every replacement begins."""

REDACTED: Final = "clustertrace.redacted"
"""The attribute of a span that counts the secrets that were cut out of it."""

_FORMS: Final = (
    ("Anthropic key", r"sk-ant-[\w-]{16,}"),
    ("OpenAI key", r"(?<![\w-])sk-(?:[a-z0-9]{2,10}-)*[A-Za-z0-9_]{20}[\w-]*"),
    ("AWS key", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{30,}"),
    ("GitHub token", r"github_pat_\w{22,}"),
    ("GitLab token", r"glpat-[\w-]{20,}"),
    ("Slack token", r"(?:xox[a-z]|xapp)-[\w-]{10,}"),
    ("Slack webhook", r"hooks\.slack\.com/services/[\w/]{20,}"),
    ("Google key", r"AIza[\w-]{30,}"),
    ("Google token", r"ya29\.[\w-]{20,}"),
    ("Google secret", r"GOCSPX-[\w-]{20,}"),
    ("Hugging Face token", r"(?<!\w)hf_[A-Za-z0-9]{30,}"),
    ("Stripe key", r"(?<!\w)[spr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("Groq key", r"(?<!\w)gsk_[A-Za-z0-9]{40,}"),
    ("xAI key", r"(?<![\w-])xai-[A-Za-z0-9]{40,}"),
    ("Langfuse key", r"(?<![\w-])sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("npm token", r"(?<!\w)npm_[A-Za-z0-9]{36,}"),
    ("PyPI token", r"pypi-[\w-]{50,}"),
    ("SendGrid key", r"(?<!\w)SG\.[\w-]{16,}\.[\w-]{16,}"),
    ("JWT", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"),
    (
        "private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^\"\\]|\\+[^\"\\])*?"
        r"(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\\*\"|\Z))",
    ),
)
"""Secrets that show by their form: what they are, and the pattern."""

_WORD: Final = (
    # Not within a word: behind a separator, or with a capital, as in dbPassword.
    r"(?:(?<![^\W_])|(?-i:(?=[A-Z])))"
    r"(?:passwd|password|passphrase|pwd|secret|credentials|token|authorization|cookie"
    r"|(?:api|access|secret|private)[_-]?key)"
)
_NAME: Final = rf"[\w.-]*{_WORD}"
"""The whole name, where it is known where it begins: elsewhere each word of a long one would be
read to its end."""

_FOLDER: Final = (
    r"(?!(?:(?<![\w.-])(?:old)?|(?<=(?<![\w.-])old))pwd"
    r"""(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?[/~])"""
)
"""`PWD=/home/ann` in a listing of variables is where a shell stands, and no password."""

_QUOTED: Final = re.compile(
    rf"""(?P<head>(?P<pair>[\[(]\s*)?(?<!\\)(?P<quote>\\*["']){_FOLDER}(?:{_NAME})(?P=quote)"""
    r"""\s*(?(pair)[:,]|:)\s*\[?\s*)"""
    rf"""(?:(?P<open>\\+["']|'|")(?P<value>(?:[^"'\\]|\\+[^"'\\])+?|(?:[^"\\]|\\.)+?)(?P=open)"""
    r"""|(?P<bare>-?\d[\d.eE+-]*))""",
    re.IGNORECASE,
)
"""A name in quotes, in JSON or in JSON inside a JSON text, and the text or number that it has.

A comma comes between the two in a pair only: in `"kind":"password","value":1` the name is a value,
and what follows is the next key."""

_ASSIGNED: Final = re.compile(
    rf"""(?P<head>{_FOLDER}{_WORD}\s*+(?:=|:(?!//))\s*+(?:\\*["'])?+(?:(?:bearer|basic|token)\s+)?+)"""
    r"""(?!\[redacted|(?<=\s)[a-z_][\w.]*[(\[])(?P<value>[^\s"'\\,;&<>(){}\[\]]{4,})""",
    re.IGNORECASE,
)
"""A name, an equals sign or colon, and one word: a header, a shell's variable, a query string.

What a program calls (`token = tokens.next()`) or declares (`token: Optional[str]`), with a space in
front, is no secret; in quotes or without the space it may be one."""

_BEARER: Final = re.compile(
    r"(?P<head>\b(?:bearer|basic)\s+)(?P<value>[\w.=+/~-]{16,})", re.IGNORECASE
)

_URL: Final = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'\\]*:)(?P<value>[^\s/@\"'\\]+)(?=@)"
)

_FLAG: Final = re.compile(
    rf"""(?P<head>(?<![\w-])--{_NAME}(?:\s+(?:\\*["'])?|\\*["']\s*,\s*\\*["']))"""
    r"""(?!\[redacted|[-$<])(?P<value>[^\s"'\\]{4,})""",
    re.IGNORECASE,
)
"""A flag of a command line and its word, in a shell's text or in a list of arguments."""

_TAGGED: Final = re.compile(
    rf"""(?P<head><(?:[\w.-]+:)?{_NAME}>)(?!\[redacted)(?P<value>(?:[^<>"\\]|\\+[^<>\\])+)(?=</)""",
    re.IGNORECASE,
)
"""What an element of XML holds."""

_PAIRED: Final = re.compile(
    rf"""(?P<head>(?<!\\)(?P<quote>\\*["'])(?:name|key|kind|type)(?P=quote)\s*:\s*(?P=quote){_NAME}(?P=quote)"""
    r"""\s*,\s*(?P=quote)value(?P=quote)\s*:\s*(?P=quote))(?!\[redacted)"""
    r"""(?P<value>(?:[^"'\\]|\\+[^"'\\])+?)(?=(?P=quote))""",
    re.IGNORECASE,
)
"""A name that is a value itself, and the value beside it: how variables and headers are listed."""

_CUT: Final = re.compile(r"… \[cut: \d{1,12} characters in all\]")
"""What a text ends with that was too long (clustertrace.record.rebuilding)."""

_SEPARATED: Final = r"""\w{0,12}[\\"']{0,4}\s{0,2}[:=,>]"""
"""What follows a secret's name: the rest of the word, quotes, and what separates name and value."""

_JOINED: Final = r"(?:(?<=[_-]...)|(?<=[pPeE][iItT]...)|(?<=[sStT][sSeE]...))"
"""What stands in front of a `key` that is one: a separator, or the end of `api`, `secret` …"""

_DETECT: Final = re.compile(
    "|".join(
        (
            r"-(?=[\w-]{8})(?:(?<=sk-)|(?<=glpat-)|(?<=xox[a-z]-)|(?<=xapp-)|(?<=GOCSPX-)|(?<=pypi-)"
            r"|(?<=xai-))",
            r"-BEGIN(?<=-----BEGIN)",
            r"-(?<=--)(?<![\w-]--)(?=[a-zA-Z])(?=[\w-]{0,30}(?:"
            r"[wW](?:[oO][rR])?[dD]|[hH][rR][aA][sS][eE]|[sS][eE][cC][rR][eE][tT]|[kK][eE][ynYN]"
            r"|[iI][aA][lL][sS]|[tT][iI][oO][nN]|[kK][iI][eE])[\\\"']{0,4}[\s,])",
            r"_(?=\w{8})(?:(?<=gh[pousr]_)|(?<=gsk_)|(?<=github_pat_)|(?<=hf_)|(?<=npm_)|(?<=k_live_)|(?<=k_test_))",
            r"I(?:(?<=AKI)A|(?<=ASI)A|(?<=AI)za)",
            r"J(?<=eyJ)",
            r"G\.(?<=SG\.)",
            r"9\.(?<=ya29\.)",
            r"//(?<=://)[^\s/:@\"'\\]*:[^\s/@\"'\\]+@",
            r"k\.com/services(?<=slack\.com/services)",
            *(
                rf"{letter}(?:{form}){_SEPARATED}"
                for letter, form in (
                    ("w", r"ord(?<=[pP]assword)|d(?:(?<=[pP]asswd)|(?<=[pP]wd))"),
                    ("W", r"(?<=[pP][aA][sS][sS]W)(?:OR|or)?[dD]|(?<=[pP]W)[dD]"),
                    ("p", r"hrase(?<=[sS]phrase)"),
                    ("P", r"(?:HRASE|hrase)(?<=[sS]P.....)"),
                    ("c", r"ret(?<=[sS]ecret)|redential"),
                    ("C", r"RET(?<=SECRET)|(?:RED|red)(?:ENTIAL|ential)"),
                    ("k", rf"ey{_JOINED}|en(?<=[tT]oken)(?!s)"),
                    ("k", r"ie(?<=[cC]ookie)"),
                    ("K", rf"(?:EY|ey){_JOINED}|(?<=TOK)EN(?!S)|(?<=OOK)IE"),
                    ("z", r"ation(?<=uthorization)"),
                    ("Z", r"ATION(?<=UTHORIZATION)"),
                )
            ),
            r"b(?:earer|asic)\s+[\w.=+/~-]{16}",
            r"B(?:earer|EARER|asic|ASIC)\s+[\w.=+/~-]{16}",
        )
    )
)
"""One scan for whatever could be a secret. Each alternative begins with a literal character, so
that the matcher skips to the next of these characters; what follows it is looked at before what
stands in front, which costs more."""


class Redactor:
    """Cuts secrets out of text; made by `redactor`. `own` are the user's own patterns."""

    __slots__ = ("_own",)

    def __init__(self, own: Sequence[re.Pattern[str]] = ()) -> None:
        self._own = tuple(own)

    def suspects(self, text: str) -> bool:
        """Whether the text might hold a secret; if not, cutting would change nothing."""
        return bool(self._own) or _DETECT.search(text) is not None

    def named(self, name: str, value: str) -> str:
        """A value that stands under a name, such as a tag, without its secrets.

        An empty value stays, as in JSON: that a key was empty is often why a run failed.
        """
        pair = f'"{name}": "'
        if not value or not self.suspects(f'{pair}{value}"'):
            return value
        some = "/x" if value[0] in "/~" else "x"  # no quotes, and the folder that a value may be
        if self(f'{pair}{some}"')[1]:
            return _mark("by its name")
        return self(value)[0]

    def __call__(self, text: str) -> tuple[str, int]:
        """The text without its secrets, and how many were cut."""
        cut = 0
        for pattern in self._own:
            text, times = pattern.subn(_mark("by your pattern"), text)
            cut += times
        if _DETECT.search(text) is None:
            return text, cut
        for pattern, mark in _COMPILED:
            text, times = pattern.subn(mark, text)
            cut += times
        text, times = _by_name(text)
        cut += times
        for pattern in (_URL, _BEARER, _FLAG, _TAGGED, _PAIRED):
            text, times = pattern.subn(_keep_head, text)
            cut += times
        return text, cut


def _by_name(text: str) -> tuple[str, int]:
    """Cut what stands behind the name of a secret."""
    counted = 0

    def quoted(match: re.Match[str]) -> str:
        nonlocal counted
        value = match["value"]
        if value is not None and _is_spent(value):
            return match[0]
        counted += 1
        quote = match["open"] or match["quote"]
        return f"{match['head']}{quote}{_mark('by its name')}{quote}"

    text = _QUOTED.sub(quoted, text)
    text, times = _ASSIGNED.subn(_keep_head, text)
    return text, counted + times


def _is_spent(value: str) -> bool:
    """Whether nothing of a secret is left: the mark stands there, or what length left of it."""
    head, cut, _ = value.partition("…")
    return value.startswith(MARK) or (
        bool(cut) and MARK.startswith(head) and _CUT.fullmatch(value, len(head)) is not None
    )


def _mark(what: str) -> str:
    return f"{MARK}: {what}]"


def _keep_head(match: re.Match[str]) -> str:
    return match["head"] + _mark("by its name")


_COMPILED: Final = tuple((re.compile(pattern), _mark(what)) for what, pattern in _FORMS)


def redactor() -> Redactor | None:
    """What cuts secrets, as CLUSTERTRACE_REDACT and CLUSTERTRACE_REDACT_PATTERNS say; None: off.

    Raises BadSetting where the user's patterns can't be used.
    """
    if os.environ.get("CLUSTERTRACE_REDACT", "").strip().lower() in ("0", "false", "no", "off"):
        return None
    return Redactor(_own_patterns(os.environ.get("CLUSTERTRACE_REDACT_PATTERNS", "")))


@lru_cache(maxsize=8)
def _own_patterns(file: str) -> tuple[re.Pattern[str], ...]:
    if not file:
        return ()
    patterns = []
    try:
        lines = Path(file).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"CLUSTERTRACE_REDACT_PATTERNS can't be used: {file} can't be read ({error})."
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            patterns.append(re.compile(line.strip()))
        except re.error as error:
            raise BadSetting(
                f"CLUSTERTRACE_REDACT_PATTERNS can't be used: line {number} of {file} is no "
                f"regular expression ({error})."
            ) from None
    return tuple(patterns)
