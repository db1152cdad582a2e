"""Patterns for what stands behind the name of a secret, in all the ways in which it is written.

Each has a group `head`, which stays, and a group `value`, in whose place comes the mark.
"""

from __future__ import annotations

import re
from typing import Final

from clustertrace.redaction.forms import ESCAPED, NO_WORD, late

__all__ = [
    *("ASSIGNED", "BEARER", "BESIDE", "BESIDE_SET", "BLOCK", "CODE", "COOKIES", "CURL", "DASH_P"),
    *("ENCODED", "FLAG", "HELD", "ITEMS", "LISTED", "LONGEST_TO_LETTER", "PAIRED", "QUOTED"),
    *("SAID", "SIGNED", "SQL", "TAGGED", "URL", "WORD", "item"),
]

_PASS: Final = (
    "db|database|sql|mysql|mssql|pg|postgres(?:ql)?|mongo(?:db)?|redis|oracle|jdbc|user|admin"
    "|root|login|auth|account|sudo|smtp|imap|pop3?|e?mail|gmail|s?ftp|ssh|ldap|proxy|vpn|wifi|https?"
    "|rabbitmq|amqp|mqtt|kafka|registry|docker|git|app|api|service|server|client|key|keystore|cert"
)
"""Whose `pass` is a password. By itself the word is an outcome or a round (`pass: 12`,
`first_pass`, `tests_pass`), so that it needs one of these in front."""

_KEYS: Final = (
    "api|access|secret|private|account|encryption|ssh|signing|master|license|openai|anthropic"
    "|claude|gemini|azure|groq|mistral|cohere|deepseek|xai|router|openrouter|stripe|sendgrid"
    "|subscription"
)
"""Whose `key` is a secret: that of a table, a cache or a sort is none."""

_END: Final = r"""(?=[\s"'\\,;&)}\]]|\Z)"""
_OUTCOME: Final = rf"""(?:true|false|yes|no|ok|done|passed|failed|skipped){_END}"""
_ABSENT: Final = rf"""(?:(?:none|null|nil|undefined){_END}|{_OUTCOME})(?(open)(?=\\*["'`]))"""
"""Not `api_key=None`, which often is why a run failed, nor `reset_password: done`."""

_IS_OUTCOME: Final = (
    r"""(?!(?:\\*["'])?\s*+[:=]\s*+"""
    rf"""(?:\d{{1,3}}+(?:\.\d++)?(?!\w)|(?:\\*["'])?{_OUTCOME}))"""
)
"""Not `"api_pass": 5`, nor `git_pass: true`: so many tests passed, or this one did."""

_IS_SAID: Final = r"(?!\s*+:\s++[a-z]++(?![\w.+/=-])|[^\S\n]++=[^\S\n]++[a-z_.]++(?![\w+/=-]))"
"""Not `jwt: malformed` or `creds = self._creds`: behind these names a colon and a plain word is
prose, and an equals sign between spaces and a name is a program."""

_VERSION: Final = (
    r"""(?!(?:\\*["'])?\s*+[:=]=?\s*+(?:\\*["'])?"""
    r"""(?:(?:[\^~v]|[<>=]=?)?\s?\d++\.\d|(?:\*|latest)\\*["']))"""
)
"""Not `PyJWT==2.8.0`, nor `"jwt": "^9.0"`: a package."""

_PATH: Final = (
    r"""(?!(?:\\*["'])?\s*+[:=,]?\s*+(?:\\*["'])?"""
    r"""(?:\.{0,2}/|[~$]|[a-z]:\\|id_|(?:ssh|ecdsa)-[a-z]))"""
)
"""Not `ssh_key: ~/.ssh/id_rsa`, which says where the key lies, nor `ssh-ed25519 …`, the key that
everybody may know."""

_WORD: Final = (
    # Not within a word: behind a separator, which may be encoded (`%26token%3D`), or with a
    # capital, as in dbPassword.
    rf"(?:(?<![^\W_])|{ESCAPED}|(?<=%[0-9a-f]{{2}})|(?-i:(?=[A-Z])))"
    r"(?:pass(?:wd|word|phrase)|pwd|secret|credentials|token|authorization|cookie"
    rf"|(?:passcode|creds|bearer|jwt{_VERSION}|conn(?:ection)?[_-]?str(?:ing)?){_IS_SAID}"
    # One look at the word's end spares most words the comparison with each of the lists.
    r"|(?=[a-z0-9]{2,16}+(?:[_-](?:key|pass)|(?<=key)|(?<=pass)))"
    rf"(?:(?:{_PASS})(?:[_-]|(?-i:(?=P))|(?<=db)|(?<=user))pass{_IS_OUTCOME}"
    rf"|(?:{_KEYS})[_-]?key(?:(?<!ssh.key)(?<!sshkey)|{_PATH})))"
)
WORD: Final = late(_WORD, re.IGNORECASE)
LONGEST_TO_LETTER: Final = 16
"""So far into a word stands, at most, the letter at which the scan finds it."""

_NAME: Final = rf"[\w.-]*{_WORD}"
"""The whole name, where it is known where it begins: elsewhere each word of a long one would be
read to its end."""

_FOLDER: Final = (
    r"(?!(?:(?<![\w.-])(?:old)?|(?<=(?<![\w.-])old))pwd"
    r"""(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?[/~])"""
)
"""`PWD=/home/ann` in a listing of variables is where a shell stands, and no password."""

_GAP: Final = r"(?:\s|\\{1,8}[nrt])*+"
"""Space, and ends of lines that are escaped: in indented JSON inside a JSON text."""

_UNQUOTED: Final = r"""(?:[^"'\\]|\\+[^"'\\])+?"""
"""Most values: they have no quotes in them, however deep in JSON they are."""


def _within(slashes: str) -> str:
    """What matches a value with quotes in it, where its own have these backslashes in front.

    A quote in it, or a backslash, has twice as many and one more. The bound keeps a text that is
    all backslashes from being read to its end from each of them.
    """
    return rf"""(?>[^"\\]|\\{{1,64}}+[^"'\\]|{slashes}\\{slashes}["'\\])+?"""


_LITERAL: Final = r"""(?:[bfru@]{1,2}(?=\\*["']))?+"""
"""What may stand in front of a quote: `b'hunter2'`."""

_PIECE: Final = (
    rf"""(?!token(?P=quote)\s*+:\s*+(?P=quote)(?:{_UNQUOTED}|{_within("(?P=slashes)")})"""
    r"""(?P=quote)\s*+,\s*+(?P=quote)(?:bytes(?P=quote):\s*+(?:\[|n)|logprob(?P=quote):\s*+-?\d))"""
)
"""Not `"token": "Hello", "logprob": -0.1`: a piece of a model's answer."""

QUOTED: Final = late(
    rf"""(?P<head>(?P<pair>[\[(]\s*{_LITERAL})?(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["']){_PIECE}"""
    r"""(?(pair)(?!(?:passcode|creds|bearer|jwt)\\*["']))"""
    rf"""{_FOLDER}(?:{_NAME})(?P=quote)"""
    rf"""\s*+(?:(?(pair)[:,]|:)|=>){_GAP}(?:\[{_GAP})?{_LITERAL})"""
    r"""(?:(?P<open>(?P<deep>\\{0,31})["'])(?!(?P=open))"""
    rf"""(?P<value>{_UNQUOTED}|{_within("(?P=deep)")}|(?:[^"\\]|\\.)+?"""
    r"""|(?<=[\s:,>\[(]')(?:[^'\\\n]|\\[^\n])+?)(?P=open)"""
    r"""|(?P<bare>-?\d[\d.eE+-]*))""",
    re.IGNORECASE,
)
"""A name in quotes, in JSON or in JSON inside a JSON text, and the text or number that it has.

A comma comes between the two in a pair only: in `"kind":"password","value":1` the name is a value,
and what follows is the next key. `["bearer", "basic"]` is no pair, but a list of ways to log in.
PHP and Ruby write `'password' => 'hunter2'`. An empty value stays: what follows it is the next key,
in JSON inside a JSON text and in what Python prints as well, which has bare quotes in others."""


def item(slashes: str, quote: str) -> str:
    """What matches an item of a list whose texts stand in these quotes."""
    return (
        rf"""(?>{quote}(?:{quote}|(?P<text>{_UNQUOTED}){quote}"""
        rf"""|(?P<other>{_within(slashes)}){quote})"""
        r"""|null|none|true|false|(?P<bare>-?\d[\d.eE+-]*+))"""
    )


_UNNAMED: Final = re.sub(r"\?P<\w+>", "?:", item("(?P=slashes)", "(?P=quote)"))

ITEMS: Final = late(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["']){_FOLDER}(?:{_NAME})(?P=quote)"""
    rf"""\s*+(?::|=>){_GAP}\[{_GAP})"""
    rf"""(?P<items>{_UNNAMED}(?:{_GAP},{_GAP}{_UNNAMED})+)""",
    re.IGNORECASE,
)
"""A name in quotes and a list of several texts, as headers that come more than once are told; some
may be empty, or numbers."""

_PHRASE: Final = r"""(?(open)(?=[^\s"'\\,;&<>(){}\[\]:])[^"'\\\r\n]{4,1000}+(?=(?P=open))|(?!))"""
"""All that is in quotes, which may be several words: `PASSPHRASE="correct horse"`."""

COOKIES: Final = late(
    rf"""(?P<head>{NO_WORD}cookie\s{{0,4}}:\s{{0,4}})(?!\[redacted)"""
    r"""(?P<value>[^\s"'\\,;=]{1,200}+=[^\s"'\\;]*+(?:;[^\S\n]?[^\s"'\\,;=]{1,200}+=[^\s"'\\;]*+)+)""",
    re.IGNORECASE,
)
"""A header of several cookies, each of which may be the one that logs in."""

_SCHEME: Final = r"(?:(?:bearer|basic|token)\s+)?+"

_DECLARED: Final = r"""[^\S\n]?(?:[a-z_.&<>|\[\], ?*]{1,60}[^\S\n])?=\s{0,4}(?:\\*["'])"""
"""A type behind a name and a colon, and the text that the name gets."""

CODE: Final = late(
    rf"""(?P<head>{_FOLDER}{_WORD}(?:\\*["']\]\s{{0,4}}=|\s{{0,4}}:(?={_DECLARED})[^=]*+=)\s{{0,4}}{_LITERAL}"""
    rf"""(?P<open>\\*["']){_SCHEME})(?!\[redacted)(?P<value>{_PHRASE})""",
    re.IGNORECASE,
)
"""What a program stores under a name (`os.environ["API_KEY"] = "hunter2"`) or declares it to be
(`password: str = "hunter2"`, `password := "hunter2"`)."""

ASSIGNED: Final = late(
    rf"""(?P<head>{_FOLDER}{_WORD}\s*+(?:=|:(?!//|{_DECLARED}))\s*+"""
    rf"""(?:{_LITERAL}(?P<open>\\*["'`]))?+{_SCHEME})"""
    rf"""(?!\[redacted|:|=+(?:\s|\Z)|(?<=\s)[a-z_][\w.]*[(\[]|{_ABSENT})"""
    rf"""(?P<value>{_PHRASE}|[^\s"'\\,;&<>(){{}}\[\]]{{4,}})""",
    re.IGNORECASE,
)
"""A name, an equals sign or colon, and one word, or all that is in quotes: a header, a shell's
variable, a query string.

What a program calls (`token = tokens.next()`) or declares (`token: Optional[str]`), with a space in
front, is no secret; in quotes or without the space it may be one. Nor is a line below a title."""

ENCODED: Final = late(
    rf"""(?P<head>{_FOLDER}{_WORD}(?:%22)?%3[ad](?:%20|\+){{0,4}}(?P<open>%22)?+)(?!\[redacted)"""
    r"""(?P<value>(?(open)(?:%5c%22|(?!%22)[^\s"'\\,;&<>(){}\[\]])+"""
    r"""|(?:(?!%(?:2[26]|0[ad]))[^\s"'\\,;&<>(){}\[\]]){4,}))""",
    re.IGNORECASE,
)
"""The same in an encoded address: `password%3Dhunter2%26a%3D2`, `%22token%22%3A%22hunter2%22`."""

_LINE: Final = (
    r"""(?(more)(?:[^"\\]|(?!(?P=nl))\\{1,64}+[^"'\\]|(?P=more)\\(?P=more)["'\\])|[^\r\n])++"""
)
"""A line below a name: in JSON it ends with the escape that ended the line before."""

BLOCK: Final = late(
    rf"""(?P<head>{_WORD}(?:\\*["'])?\s{{0,4}}:[^\S\n]{{0,4}}"""
    r"""[|>][+-]?\d?[+-]?[^\S\r\n]*(?:#[^\n"\\]*)?"""
    r"""(?P<nl>\r?\n|(?P<more>\\{0,7})\\(?:r(?P=more)\\)?n)(?:[^\S\r\n]*+(?P=nl))*+"""
    r"""(?P<indent>[^\S\r\n]++))(?!\[redacted|\|)"""
    rf"""(?P<value>{_LINE}(?:(?P=nl)(?:[^\S\r\n]*+(?P=nl))*+(?P=indent){_LINE})*+)""",
    re.IGNORECASE,
)
"""A text below its name in YAML, of one line or several, some of which may be empty. What is not as
far in as the first of them is the next key. Below `| token: |` comes a row of a table."""

BEARER: Final = late(
    rf"(?P<head>(?:\b|{ESCAPED})(?:bearer|basic)\s+)(?P<value>[\w.=+/~-]{{16,}})", re.IGNORECASE
)

_CUT_OFF: Final = r"(?:…|\\u2026) \[cut: "

URL: Final = late(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'\\]*:)"
    r"(?P<value>[^\s/@\"'\\]+(?:@[^\s/@\"'\\,;]*+)*(?=@)"
    rf"|(?!\[|\d{{1,5}}{_CUT_OFF})[^\s/@\"'\\…]+(?={_CUT_OFF}))",
    re.IGNORECASE,
)
"""Also in an address of which a limit of length has left no more than this; not its port."""

SIGNED: Final = late(
    r"(?P<head>://[\w-]{1,63}+\.(?:blob|file|queue|table|dfs)\."
    r"(?::(?!/)|[^\s\"'\\:]){1,900}?[?&]sig=)"
    r"(?P<value>[\w%+/-]{43,}=*)"
)
"""The signature with which whoever has the address may read a file in Azure."""

FLAG: Final = late(
    rf"""(?P<head>(?:(?<![\w.-])|{ESCAPED})--(?=[a-z]){_NAME}"""
    r"""(?:\s+|\\*["']\s*,\s*(?=\\*["']))(?P<open>\\*["'])?)"""
    rf"""(?!\[redacted|[-$<:,\]}}])(?P<value>{_PHRASE}|[^\s"'\\]{{4,}})""",
    re.IGNORECASE,
)
"""A flag of a command line and its word, in a shell's text or in a list of arguments."""

TAGGED: Final = late(
    rf"""(?P<head><(?:[\w.-]+:)?{_NAME}>)(?!\[redacted)(?P<value>(?:[^<>"\\]|\\+[^<>\\])+)(?=</)""",
    re.IGNORECASE,
)
"""What an element of XML holds."""

_VALUE: Final = rf"""(?!(?P=quote))(?P<value>{_UNQUOTED}|{_within("(?P=slashes)")})(?=(?P=quote))"""
"""A value in the same quotes as its name."""

PAIRED: Final = late(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["'])(?:name|key|kind|type)(?P=quote)"""
    rf"""\s*:\s*(?P=quote){_NAME}(?P=quote)\s*,{_GAP}(?P=quote)value(?P=quote)\s*:\s*(?P=quote))"""
    rf"""(?!\[redacted){_VALUE}""",
    re.IGNORECASE,
)
"""A name that is a value itself, and the value beside it: how variables and headers are listed."""

HELD: Final = late(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["']){_NAME}(?P=quote)\s*+:{_GAP}\{{"""
    rf"""[^{{}}]{{0,200}}?(?P=quote)value(?P=quote)\s*+:\s*+(?P=quote))(?!\[redacted){_VALUE}""",
    re.IGNORECASE,
)
"""`"token": {"sensitive": true, "value": "hunter2"}`, as Terraform tells its outputs."""

LISTED: Final = late(
    rf"""(?P<head>(?:\b|{ESCAPED})(?:name|key)\s*:\s*(?:\\*["'])?{_NAME}(?:\\*["'])?"""
    r"""(?:\s|\\{1,8}[nrt]){1,40}value\s*:\s*(?:\\*["'])?)(?!\[redacted|[:\]}])"""
    r"""(?P<value>[^\s"'\\,]{4,})""",
    re.IGNORECASE,
)
"""The same in YAML, a line each."""

_ASIDE: Final = (
    r"""\s{1,2}\((?!(?:str|int|bytes|bool|float|any|dict|list|object|number|optional|required|secret)"""
    r"""(?:\W|ing\b|str\b))[^()"'\\]{1,40}\)\s{0,4}[:=]\s{0,4}"""
)
"""Words in brackets, but a type: `token (bytes): 32-byte value` describes a parameter."""

SAID: Final = late(
    rf"""(?P<head>{_WORD}(?:\s{{1,4}}(?:is|was)\s{{1,4}}|{_ASIDE})(?:\\*["'`])?)"""
    r"""(?![:\]}])(?=[^\s"'\\,;`]*\d)(?=[^\s"'\\,;`]*[a-z])(?P<value>[^\s"'\\,;`]{6,})""",
    re.IGNORECASE,
)
"""What people write: "the password is hunter2", "Password (for now): hunter2". A word without a
digit is none: `is required`, `token (str): the one to check`."""

_USER: Final = rf"(?:(?<![\w.-])|{ESCAPED})(?P<owner>[\w.-]{{0,40}}?)user(?:_?name)?"

BESIDE: Final = late(
    rf"""(?P<head>{_USER}(?P<end>\\{{0,31}}["'])?\s*:\s*"""
    r"""(?P<quote>(?P<slashes>\\{0,31})["'])[^"'\\]{0,200}(?P=quote)\s*,(?:\s|\\{1,8}[nrt]){0,80}"""
    r"""(?(end)(?P=end))(?P=owner)pass(?(end)(?P=end))\s*:\s*(?P=quote))"""
    rf"""(?!\[redacted|{_OUTCOME}){_VALUE}""",
    re.IGNORECASE,
)
"""`{"user": "ann", "pass": "hunter2"}`: beside a user, `pass` by itself is a password."""

BESIDE_SET: Final = late(
    rf"""(?P<head>{_USER}=(?:\\*["'])?[^\s"'\\&;]{{1,200}}(?:\\*["'])?"""
    r"""(?:[\s&;]|\\{1,8}[nrt]){1,80}(?:export\s+)?(?P=owner)pass=(?:\\*["'])?)"""
    rf"""(?!\[redacted|{_OUTCOME})(?P<value>[^\s"'\\,;&<>(){{}}\[\]]{{4,}})""",
    re.IGNORECASE,
)
"""The same with equals signs: `CORP_USER=ann CORP_PASS=hunter2`, `?user=ann&pass=hunter2`."""

CURL: Final = late(
    rf"""(?P<head>(?:\b|{ESCAPED})curl\b"""
    r"""(?:(?!\bcurl\b|&&|:\[redacted|(?<!\\)(?:\\n|\n))[^|;]){0,400}?"""
    r"""[\s"'](?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user)(?:[\s=]\s*|\\*["']\s*,\s*)(?:\\*["'])?"""
    r"""(?!\d+:\d+\b)[^\s:"'\\$<]{1,100}:)(?!\[redacted|//|[$<{])(?P<value>[^\s"'\\]+)"""
)
"""`curl -u ann:hunter2`; of other programs' `-u 1000:1000` the second is a group."""

DASH_P: Final = late(
    rf"""(?P<head>(?:(?:(?<![\w./=:@-])|(?<=bin/)|{ESCAPED})(?:mysql|mariadb)"""
    r"""(?:-?(?:dump|admin|import|check|show|slap|pump|binlog|sh|upgrade|backup)|_upgrade)?"""
    r"""(?=[\s"'\\])(?:(?!(?<!\\)\\n)[^|;\n]|(?<=\\)\n){1,400}?(?<=[\s"'])"""
    r"""-p(?!(?:rint[0f]?|rune|urge|refix|erm|ort|roto|roject|retty|ath)(?!\w)|\d+:\d)"""
    rf"""|(?:\b|{ESCAPED})sshpass"""
    r"""(?:\s+|\\*["']\s*,\s*\\*["'])-p(?:\s*|\\*["']\s*,\s*(?=\\*["'])))(?:\\*["'])?)"""
    r"""(?!\[redacted|[$<{])(?P<value>[^\s"'\\,]{4,})"""
)
"""`mysql -phunter2`, where a word behind a space would be the database; `sshpass -p hunter2`. Not
`pytest tests/mysql -pno:cache`, nor `ssh mysql-1 -p2222`: there another program is called."""

SQL: Final = late(
    rf"""(?P<head>(?:\b|{ESCAPED})(?:user|role)\s[^;\n]{{1,200}}?\s"""
    r"""(?:password|identified\s+(?:with\s+\w{1,40}\s+)?by)\s+\\*')"""
    r"""(?!\[redacted)(?P<value>[^'\\\n]+)(?=\\*')""",
    re.IGNORECASE,
)
"""`CREATE USER ann WITH PASSWORD 'hunter2'`, and how MySQL says it."""
