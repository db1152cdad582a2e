"""The one scan that tells a text without secrets from one that may contain some, and where.

It stops only at rare characters of which every secret has one, and looks around from there: some
15 ns a character. Every recorded call goes through it, so it is apart from the patterns that cut.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["may_hold_secrets", "places"]

_JOINED: Final = (
    r"(?:(?<=[_-]...)|(?<=[pPeE][iItTrRkK]...)|(?<=[sStT][sSeEhH]...)|(?<=[nNoO][tTnNgGiIqQ]...)"
    r"|(?<=[aAiI][iIcClLdD]...)|(?<=[rRpPdD][eE]...))"
)
"""What stands in front of a `key` that is one: a separator, or the end of `api`, `openai` …"""

_PASS: Final = r"(?:(?<=[_-]....)|(?<=[a-zA-Z0-9]P...)|(?<=[dD][bB]....)|(?<=[eE][rR]....))(?!\w)"
"""What stands in front of a `pass` that is a password, and nothing behind it: `passed`."""

_ALONE: Final = r"""(?<=[^a-zA-Z0-9]....)(?=[\\"']{0,32}\s*+[:=])"""
"""A `pass` by itself, which may stand beside a user."""

_DASH_P: Final = r"""(?=[\w-]{0,12}[\s"'\\][^|;]{0,400}?-p\S(?<=[\s"']-p\S))"""
"""What follows a program to which `-p` hands a password."""

_SQL: Final = r"\s{1,8}\\{0,8}'"
"""A text behind `PASSWORD` or `IDENTIFIED BY`."""

_FIRST: Final = (
    ("name", r"c(?:re(?:t(?<=[sS]ecret)|d(?:ential|s))|onn(?:ection)?[_-]?[sS](?:TR|tr))"),
    (
        "curl",
        r"curl\b(?=(?:(?!\bcurl\b)[^|;]){0,400}?[\s\"'](?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user))",
    ),
    ("name", rf"p(?:hrase(?<=[sS]phrase)|ass(?:code|{_PASS}|{_ALONE}))"),
    ("dash p", r"""p(?<=sshp)ass(?=[\s"'\\,]{1,40}-p)"""),
    ("form", r"k\.com/services(?<=slack\.com/services)"),
    ("name", rf"k(?:ey{_JOINED}|en(?<=[tT]oken)(?!s)|ie(?<=[cC]ookie))"),
    ("dash p", rf"b(?<=mariadb){_DASH_P}"),
    ("form", r"bot(?=\d{8,10}:AA[\w-]{33})"),
    ("bearer", r"b(?:earer|asic)(?=\s+(?!=)[\w.=+/~-]{16})"),
    ("name", r"bearer"),
    ("sql", rf"by(?={_SQL})"),
    ("name", r"w(?:ord(?<=[pP]assword)|d(?:(?<=[pP]asswd)|(?<=[pP]wd))|t(?<=[jJ]wt))"),
    (
        "form",
        r"-(?<=[a-zX]-)(?=[\w-]{8})(?:(?<=sk-)|(?<=glpat-)|(?<=xox[a-z]-)|(?<=xapp-)"
        r"|(?<=GOCSPX-)|(?<=pypi-)|(?<=xai-))",
    ),
    ("form", r"-BEGIN(?<=-----BEGIN)"),
    (
        "flag",
        r"-(?=[a-zA-Z])(?<=--)(?:(?<![\w.-]--)|(?<=\\[nrtbf]--))(?=[\w.-]*(?:"
        r"[wW](?:[oO][rR])?[dD]|[hH][rR][aA][sS][eE]|[sS][eE][cC][rR][eE][tT]|[kK][eE][ynYN]"
        r"|[iI][aA][lL][sS]|[tT][iI][oO][nN]|[kK][iI][eE]|[pP][aA][sS][sS](?:[cC][oO][dD][eE])?"
        r"|[rR][eE][dD][sS]|[sS][tT][rR](?:[iI][nN][gG])?|[jJ][wW][tT]|[aA][rR][eE][rR]"
        r")[\\\"']{0,40}[\s,])",
    ),
    (
        "form",
        r"_(?<=[a-z]_)(?=\w{8})(?:(?<=gh[pousr]_)|(?<=gsk_)|(?<=github_pat_)|(?<=hf_)"
        r"|(?<=npm_)|(?<=k_live_)|(?<=k_test_))",
    ),
    (
        "name",
        r"C(?:RET(?<=SECRET)|(?:RED|red)(?:ENTIAL|ential|[sS])"
        r"|(?:ONN|onn)(?:ECTION|ection)?[_-]?[sS](?:TR|tr))",
    ),
    ("form", r"I(?:(?<=AKI)A|(?<=ASI)A|(?<=AI)za)"),
    ("form", r"J(?<=eyJ)"),
    ("form", r"G\.(?<=SG\.)"),
    ("form", r"9\.(?<=ya29\.)"),
    (
        "address",
        # The address may have been cut off, by a limit of length, before its `@`.
        r"//(?<=://)(?=[^\s/:@\"'\\]*:[^\s/@\"'\\]+(?:@|(?:…|\\u2026) \[cut: )"
        r"|[\w-]{1,63}+\.(?:blob|file|queue|table|dfs)\.(?::(?!/)|[^\s\"'\\:]){1,900}?[?&]sig=)",
    ),
    ("name", r"W(?:(?<=[pP][aA][sS][sS]W)(?:OR|or)?[dD]|(?<=[pP]W)[dD]|(?<=[jJ]W)[tT])"),
    ("name", rf"P(?:(?:HRASE|hrase)(?<=[sS]P.....)|(?:ASS|ass)(?:CODE|code|{_PASS}|{_ALONE}))"),
    ("name", rf"K(?:(?:EY|ey){_JOINED}|(?<=TOK)EN(?!S)|(?<=OOK)IE)"),
    ("name", r"z(?:ation(?<=uthorization))"),
    ("name", r"Z(?:ATION(?<=UTHORIZATION))"),
    ("dash p", rf"q(?<=mysq)l{_DASH_P}"),
    ("bearer", r"B(?:earer|EARER|asic|ASIC)(?=\s+(?!=)[\w.=+/~-]{16})"),
    ("name", r"B(?:earer|EARER)"),
    ("sql", rf"B[yY](?={_SQL})"),
)
"""What may be a secret, by its kind. Each pattern begins with a literal character, so that the
matcher skips to the next of these characters, the frequent ones first; what follows it is looked at
before what stands in front, which costs more, except that a line of dashes ends at its first look
back. A `name` is that of a secret, if what follows
separates it from a value."""

_KINDS: Final = tuple(kind for kind, _ in _FIRST)
_DETECT: Final = re.compile("|".join(f"{pattern}()" for _, pattern in _FIRST))
"""One scan for all of them; the number of the group tells which it is."""

_SEPARATED: Final = re.compile(
    r"""\w{0,12}(?:[\\"'\]]{0,40}\s*+(?:(?P<set>[:=])|(?P<listed>,)|(?P<tagged>>))"""
    r"""|[\\"'nrt\s]{1,80}(?P<beside>[vV](?:alue|ALUE))|\s{1,4}(?P<said>is|was|IS|WAS)\s"""
    rf"""|(?P<sql>{_SQL})"""
    r"""|\s{1,2}(?P<aside>\()[^()"'\\]{1,40}\)\s{0,4}[:=]|(?P<encoded>%[23]))"""
)
"""What follows a secret's name: the rest of the word, quotes, and what separates name and value."""


def may_hold_secrets(text: str) -> bool:
    """Whether a text might hold a secret; if not, cutting would change nothing."""
    found = _DETECT.search(text)
    if found is None:
        return False
    rest = _DETECT.finditer(text, found.end())
    return _kind(found) is not None or any(_kind(match) is not None for match in rest)


def places(text: str) -> Mapping[str, Sequence[int]]:
    """Where a text may hold secrets, in order, by their kind.

    A secret's name is of the kind of what follows it: a value that is `set`, the next in a list
    (`listed`), the end of a tag (`tagged`), a value `beside` it, `said` or told `aside`, given
    to `sql`, or `encoded`.
    """
    found: dict[str, list[int]] = defaultdict(list)
    for match in _DETECT.finditer(text):
        kind = _kind(match)
        if kind is not None:
            found[kind].append(match.start())
    return found


def _kind(match: re.Match[str]) -> str | None:
    kind = _KINDS[(match.lastindex or 0) - 1]
    if kind != "name":
        return kind
    follows = _SEPARATED.match(match.string, match.end())
    return None if follows is None else follows.lastgroup
