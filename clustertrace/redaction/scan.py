"""The one scan that tells a text without secrets from one that may contain some.

It stops only at rare characters of which every secret has one, and looks around from there: some
15 ns a character. Every recorded call goes through it, so it is apart from the patterns that cut.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["may_hold_secrets"]

_SEPARATED: Final = (
    r"""\w{0,12}(?:[\\"']{0,40}\s*+[:=,>]|[\\"'nrt\s]{1,80}[vV](?:alue|ALUE)"""
    r"""|\s{1,4}(?:is|was|IS|WAS)\s|\s{1,2}\([^()"'\\]{1,40}\)\s{0,4}[:=]|%[23])"""
)
"""What follows a secret's name: the rest of the word, quotes, and what separates name and value."""

_JOINED: Final = (
    r"(?:(?<=[_-]...)|(?<=[pPeE][iItTrRkK]...)|(?<=[sStT][sSeEhH]...)|(?<=[nNoO][tTnNgGiIqQ]...)"
    r"|(?<=[aAiI][iIcClLdD]...)|(?<=[rRpPdD][eE]...))"
)
"""What stands in front of a `key` that is one: a separator, or the end of `api`, `openai` …"""

_PASS: Final = r"(?:(?<=[_-]....)|(?<=[a-zA-Z0-9]P...)|(?<=[dD][bB]....)|(?<=[eE][rR]....))(?!\w)"
"""What stands in front of a `pass` that is a password, and nothing behind it: `passed`."""

_ALONE: Final = r"""(?<=[^a-zA-Z0-9]....)(?=[\\"']{0,32}\s*+[:=])"""
"""A `pass` by itself, which may stand beside a user."""

_DASH_P: Final = r"""[\w-]{0,12}(?=[\s"'\\][^|;]{0,400}?-p\S(?<=[\s"']-p\S))"""
"""What follows a program to which `-p` hands a password."""

_DETECT: Final = re.compile(
    "|".join(
        (
            r"-(?=[\w-]{8})(?:(?<=sk-)|(?<=glpat-)|(?<=xox[a-z]-)|(?<=xapp-)|(?<=GOCSPX-)|(?<=pypi-)"
            r"|(?<=xai-))",
            r"-BEGIN(?<=-----BEGIN)",
            r"-(?<=--)(?:(?<![\w.-]--)|(?<=\\[nrtbf]--))(?=[a-zA-Z])(?=[\w.-]*(?:"
            r"[wW](?:[oO][rR])?[dD]|[hH][rR][aA][sS][eE]|[sS][eE][cC][rR][eE][tT]|[kK][eE][ynYN]"
            r"|[iI][aA][lL][sS]|[tT][iI][oO][nN]|[kK][iI][eE]|[pP][aA][sS][sS](?:[cC][oO][dD][eE])?"
            r"|[rR][eE][dD][sS]|[sS][tT][rR](?:[iI][nN][gG])?|[jJ][wW][tT]|[aA][rR][eE][rR]"
            r")[\\\"']{0,4}[\s,])",
            r"_(?=\w{8})(?:(?<=gh[pousr]_)|(?<=gsk_)|(?<=github_pat_)|(?<=hf_)|(?<=npm_)|(?<=k_live_)|(?<=k_test_))",
            r"I(?:(?<=AKI)A|(?<=ASI)A|(?<=AI)za)",
            r"J(?<=eyJ)",
            r"G\.(?<=SG\.)",
            r"9\.(?<=ya29\.)",
            r"//(?<=://)(?:[^\s/:@\"'\\]*:[^\s/@\"'\\]+@"
            r"|[\w-]{1,63}+\.(?:blob|file|queue|table|dfs)\.(?::(?!/)|[^\s\"'\\:]){1,900}?[?&]sig=)",
            r"k\.com/services(?<=slack\.com/services)",
            *(
                rf"{letter}(?:{form}){_SEPARATED}"
                for letter, form in (
                    ("w", r"ord(?<=[pP]assword)|d(?:(?<=[pP]asswd)|(?<=[pP]wd))|t(?<=[jJ]wt)"),
                    ("W", r"(?<=[pP][aA][sS][sS]W)(?:OR|or)?[dD]|(?<=[pP]W)[dD]|(?<=[jJ]W)[tT]"),
                    ("p", rf"hrase(?<=[sS]phrase)|ass(?:code|{_PASS}|{_ALONE})"),
                    (
                        "P",
                        rf"(?:HRASE|hrase)(?<=[sS]P.....)|(?:ASS|ass)(?:CODE|code|{_PASS}|{_ALONE})",
                    ),
                    (
                        "C",
                        r"RET(?<=SECRET)|(?:RED|red)(?:ENTIAL|ential|[sS])"
                        r"|(?:ONN|onn)(?:ECTION|ection)?[_-]?[sS](?:TR|tr)",
                    ),
                    ("k", rf"ey{_JOINED}|en(?<=[tT]oken)(?!s)"),
                    ("k", r"ie(?<=[cC]ookie)"),
                    ("K", rf"(?:EY|ey){_JOINED}|(?<=TOK)EN(?!S)|(?<=OOK)IE"),
                    ("z", r"ation(?<=uthorization)"),
                    ("Z", r"ATION(?<=UTHORIZATION)"),
                )
            ),
            rf"c(?:re(?:t(?<=[sS]ecret){_SEPARATED}|d(?:ential|s){_SEPARATED})"
            rf"|onn(?:ection)?[_-]?[sS](?:TR|tr){_SEPARATED}"
            r"|url\b(?=(?:(?!\bcurl\b)[^|;]){0,400}?"
            r"[\s\"'](?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user)))",
            rf"q(?<=mysq)l{_DASH_P}",
            r"""p(?<=sshp)ass[\s"'\\,]{1,40}-p""",
            rf"b(?:(?:earer|asic)\s+[\w.=+/~-]{{16}}|earer{_SEPARATED}|ot\d{{8,10}}:AA[\w-]{{33}}"
            rf"|(?<=mariadb){_DASH_P})",
            rf"B(?:(?:earer|EARER|asic|ASIC)\s+[\w.=+/~-]{{16}}|(?:earer|EARER){_SEPARATED})",
        )
    )
)
"""One scan for whatever could be a secret. Each alternative begins with a literal character, so
that the matcher skips to the next of these characters; what follows it is looked at before what
stands in front, which costs more."""


def may_hold_secrets(text: str) -> bool:
    """Whether a text might hold a secret; if not, cutting would change nothing."""
    return _DETECT.search(text) is not None
