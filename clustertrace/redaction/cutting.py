"""The patterns that cut secrets out of a text that may hold some.

Loaded with the first such text: most programs' texts have none, and to compile the patterns takes
8 ms.
"""

from __future__ import annotations

import re
from typing import Final

from clustertrace.redaction.marks import MARK, mark

__all__ = ["cut_secrets"]

_ESCAPED: Final = r"(?<=\\[nrtbf])"
"""Behind the escape of a line's end, whose letter belongs to no word: most texts are JSON."""

_NO_WORD: Final = rf"(?:(?<!\w)|{_ESCAPED})"
_NO_NAME: Final = rf"(?:(?<![\w-])|{_ESCAPED})"
"""Where no word, or no name with hyphens, goes on."""

_FORMS: Final = (
    ("Anthropic key", r"sk-ant-[\w-]{16,}"),
    ("OpenAI key", rf"{_NO_NAME}sk-(?:[a-z0-9]{{2,10}}-)*[A-Za-z0-9_]{{20}}[\w-]*"),
    ("AWS key", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{30,}"),
    ("GitHub token", r"github_pat_\w{22,}"),
    ("GitLab token", r"glpat-[\w-]{20,}"),
    ("Slack token", r"(?:xox[a-z]|xapp)-[\w-]{10,}"),
    ("Slack webhook", r"hooks\.slack\.com/services/[\w/]{20,}"),
    ("Google key", r"AIza[\w-]{30,}"),
    ("Google token", r"ya29\.[\w-]{20,}"),
    ("Google secret", r"GOCSPX-[\w-]{20,}"),
    ("Hugging Face token", rf"{_NO_WORD}hf_[A-Za-z0-9]{{30,}}"),
    ("Stripe key", rf"{_NO_WORD}[spr]k_(?:live|test)_[A-Za-z0-9]{{16,}}"),
    ("Groq key", rf"{_NO_WORD}gsk_[A-Za-z0-9]{{40,}}"),
    ("xAI key", rf"{_NO_NAME}xai-[A-Za-z0-9]{{40,}}"),
    ("Langfuse key", rf"{_NO_NAME}sk-lf-[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"),
    ("npm token", rf"{_NO_WORD}npm_[A-Za-z0-9]{{36,}}"),
    ("PyPI token", r"pypi-[\w-]{50,}"),
    ("SendGrid key", rf"{_NO_WORD}SG\.[\w-]{{16,}}\.[\w-]{{16,}}"),
    ("Telegram token", r"(?<=bot)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ("JWT", rf"{_NO_NAME}eyJ[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]{{4,}}"),
    (
        "private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^\"\\]|\\+[^\"\\])*?"
        r"(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\\*(?:\"|\Z)))",
    ),
)
"""Secrets that show by their form: what they are, and the pattern."""

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
)
"""Whose `key` is a secret: that of a table, a cache or a sort is none."""

_OUTCOME: Final = r"""(?:true|false|yes|no|ok|done|passed|failed|skipped)(?=[\s"'\\,;)}\]]|\Z)"""
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
    rf"(?:(?<![^\W_])|{_ESCAPED}|(?<=%[0-9a-f]{{2}})|(?-i:(?=[A-Z])))"
    r"(?:pass(?:wd|word|phrase)|pwd|secret|credentials|token|authorization|cookie"
    rf"|(?:passcode|creds|bearer|jwt{_VERSION}|conn(?:ection)?[_-]?str(?:ing)?){_IS_SAID}"
    # One look at the word's end spares most words the comparison with each of the lists.
    r"|(?=[a-z0-9]{2,16}+(?:[_-](?:key|pass)|(?<=key)|(?<=pass)))"
    rf"(?:(?:{_PASS})(?:[_-]|(?-i:(?=P))|(?<=db)|(?<=user))pass{_IS_OUTCOME}"
    rf"|(?:{_KEYS})[_-]?key(?:(?<!ssh.key)(?<!sshkey)|{_PATH})))"
)
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


_QUOTED: Final = re.compile(
    rf"""(?P<head>(?P<pair>[\[(]\s*)?(?<!\\)(?P<quote>\\{{0,31}}["'])"""
    r"""(?(pair)(?!(?:passcode|creds|bearer|jwt)\\*["']))"""
    rf"""{_FOLDER}(?:{_NAME})(?P=quote)"""
    rf"""\s*+(?:(?(pair)[:,]|:)|=>){_GAP}(?:\[{_GAP})?)"""
    r"""(?:(?P<open>(?P<slashes>\\{0,31})["'])(?!(?P=open))"""
    rf"""(?P<value>{_UNQUOTED}|{_within("(?P=slashes)")}|(?:[^"\\]|\\.)+?"""
    r"""|(?<=[\s:,>\[(]')(?:[^'\\\n]|\\[^\n])+?)(?P=open)"""
    r"""|(?P<bare>-?\d[\d.eE+-]*))""",
    re.IGNORECASE,
)
"""A name in quotes, in JSON or in JSON inside a JSON text, and the text or number that it has.

A comma comes between the two in a pair only: in `"kind":"password","value":1` the name is a value,
and what follows is the next key. `["bearer", "basic"]` is no pair, but a list of ways to log in.
PHP and Ruby write `'password' => 'hunter2'`. An empty value stays: what follows it is the next key,
in JSON inside a JSON text and in what Python prints as well, which has bare quotes in others."""


def _item(slashes: str, quote: str) -> str:
    """What matches an item of a list whose texts stand in these quotes."""
    return (
        rf"""(?>{quote}(?:{quote}|(?P<text>{_UNQUOTED}){quote}"""
        rf"""|(?P<other>{_within(slashes)}){quote})"""
        r"""|null|none|true|false|(?P<bare>-?\d[\d.eE+-]*+))"""
    )


_UNNAMED: Final = re.sub(r"\?P<\w+>", "?:", _item("(?P=slashes)", "(?P=quote)"))

_ITEMS: Final = re.compile(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["']){_FOLDER}(?:{_NAME})(?P=quote)"""
    rf"""\s*+(?::|=>){_GAP}\[{_GAP})"""
    rf"""(?P<items>{_UNNAMED}(?:{_GAP},{_GAP}{_UNNAMED})+)""",
    re.IGNORECASE,
)
"""A name in quotes and a list of several texts, as headers that come more than once are told; some
may be empty, or numbers."""

_PHRASE: Final = r"""(?(open)(?=[^\s"'\\,;&<>(){}\[\]:])[^"'\\\r\n]{4,1000}+(?=(?P=open))|(?!))"""
"""All that is in quotes, which may be several words: `PASSPHRASE="correct horse"`."""

_COOKIES: Final = re.compile(
    rf"""(?P<head>{_NO_WORD}cookie\s{{0,4}}:\s{{0,4}})(?!\[redacted)"""
    r"""(?P<value>[^\s"'\\,;=]{1,200}+=[^\s"'\\;]*+(?:;[^\S\n]?[^\s"'\\,;=]{1,200}+=[^\s"'\\;]*+)+)""",
    re.IGNORECASE,
)
"""A header of several cookies, each of which may be the one that logs in."""

_ASSIGNED: Final = re.compile(
    rf"""(?P<head>{_FOLDER}{_WORD}\s*+(?:=|:(?!//))\s*+"""
    r"""(?P<open>\\*["'])?+(?:(?:bearer|basic|token)\s+)?+)"""
    r"""(?!\[redacted|:|=+(?:\s|\Z)|(?<=\s)[a-z_][\w.]*[(\[])"""
    rf"""(?P<value>{_PHRASE}|[^\s"'\\,;&<>(){{}}\[\]]{{4,}})""",
    re.IGNORECASE,
)
"""A name, an equals sign or colon, and one word, or all that is in quotes: a header, a shell's
variable, a query string.

What a program calls (`token = tokens.next()`) or declares (`token: Optional[str]`), with a space in
front, is no secret; in quotes or without the space it may be one. Nor is a line below a title."""

_ENCODED: Final = re.compile(
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

_BLOCK: Final = re.compile(
    rf"""(?P<head>{_WORD}(?:\\*["'])?\s{{0,4}}:[^\S\n]{{0,4}}"""
    r"""[|>][+-]?\d?[+-]?[^\S\r\n]*(?:#[^\n"\\]*)?"""
    r"""(?P<nl>\r?\n|(?P<more>\\{0,7})\\(?:r(?P=more)\\)?n)(?:[^\S\r\n]*+(?P=nl))*+"""
    r"""(?P<indent>[^\S\r\n]++))(?!\[redacted|\|)"""
    rf"""(?P<value>{_LINE}(?:(?P=nl)(?:[^\S\r\n]*+(?P=nl))*+(?P=indent){_LINE})*+)""",
    re.IGNORECASE,
)
"""A text below its name in YAML, of one line or several, some of which may be empty. What is not as
far in as the first of them is the next key. Below `| token: |` comes a row of a table."""

_BEARER: Final = re.compile(
    rf"(?P<head>(?:\b|{_ESCAPED})(?:bearer|basic)\s+)(?P<value>[\w.=+/~-]{{16,}})", re.IGNORECASE
)

_URL: Final = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'\\]*:)(?P<value>[^\s/@\"'\\]+)(?=@)",
    re.IGNORECASE,
)

_SIGNED: Final = re.compile(
    r"(?P<head>://[\w-]{1,63}+\.(?:blob|file|queue|table|dfs)\."
    r"(?::(?!/)|[^\s\"'\\:]){1,900}?[?&]sig=)"
    r"(?P<value>[\w%+/-]{43,}=*)"
)
"""The signature with which whoever has the address may read a file in Azure."""

_FLAG: Final = re.compile(
    rf"""(?P<head>(?:(?<![\w.-])|{_ESCAPED})--(?=[a-z]){_NAME}"""
    r"""(?:\s+|\\*["']\s*,\s*(?=\\*["']))(?P<open>\\*["'])?)"""
    rf"""(?!\[redacted|[-$<:,\]}}])(?P<value>{_PHRASE}|[^\s"'\\]{{4,}})""",
    re.IGNORECASE,
)
"""A flag of a command line and its word, in a shell's text or in a list of arguments."""

_TAGGED: Final = re.compile(
    rf"""(?P<head><(?:[\w.-]+:)?{_NAME}>)(?!\[redacted)(?P<value>(?:[^<>"\\]|\\+[^<>\\])+)(?=</)""",
    re.IGNORECASE,
)
"""What an element of XML holds."""

_VALUE: Final = rf"""(?!(?P=quote))(?P<value>{_UNQUOTED}|{_within("(?P=slashes)")})(?=(?P=quote))"""
"""A value in the same quotes as its name."""

_PAIRED: Final = re.compile(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["'])(?:name|key|kind|type)(?P=quote)"""
    rf"""\s*:\s*(?P=quote){_NAME}(?P=quote)\s*,{_GAP}(?P=quote)value(?P=quote)\s*:\s*(?P=quote))"""
    rf"""(?!\[redacted){_VALUE}""",
    re.IGNORECASE,
)
"""A name that is a value itself, and the value beside it: how variables and headers are listed."""

_HELD: Final = re.compile(
    rf"""(?P<head>(?<!\\)(?P<quote>(?P<slashes>\\{{0,31}})["']){_NAME}(?P=quote)\s*+:{_GAP}\{{"""
    rf"""[^{{}}]{{0,200}}?(?P=quote)value(?P=quote)\s*+:\s*+(?P=quote))(?!\[redacted){_VALUE}""",
    re.IGNORECASE,
)
"""`"token": {"sensitive": true, "value": "hunter2"}`, as Terraform tells its outputs."""

_LISTED: Final = re.compile(
    rf"""(?P<head>(?:\b|{_ESCAPED})(?:name|key)\s*:\s*(?:\\*["'])?{_NAME}(?:\\*["'])?"""
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

_SAID: Final = re.compile(
    rf"""(?P<head>{_WORD}(?:\s{{1,4}}(?:is|was)\s{{1,4}}|{_ASIDE})(?:\\*["'`])?)"""
    r"""(?![:\]}])(?=[^\s"'\\,;`]*\d)(?=[^\s"'\\,;`]*[a-z])(?P<value>[^\s"'\\,;`]{6,})""",
    re.IGNORECASE,
)
"""What people write: "the password is hunter2", "Password (for now): hunter2". A word without a
digit is none: `is required`, `token (str): the one to check`."""

_USER: Final = rf"(?:(?<![\w.-])|{_ESCAPED})(?P<owner>[\w.-]{{0,40}}?)user(?:_?name)?"

_BESIDE: Final = re.compile(
    rf"""(?P<head>{_USER}(?P<end>\\{{0,31}}["'])?\s*:\s*"""
    r"""(?P<quote>(?P<slashes>\\{0,31})["'])[^"'\\]{0,200}(?P=quote)\s*,(?:\s|\\{1,8}[nrt]){0,80}"""
    r"""(?(end)(?P=end))(?P=owner)pass(?(end)(?P=end))\s*:\s*(?P=quote))"""
    rf"""(?!\[redacted|{_OUTCOME}){_VALUE}""",
    re.IGNORECASE,
)
"""`{"user": "ann", "pass": "hunter2"}`: beside a user, `pass` by itself is a password."""

_BESIDE_SET: Final = re.compile(
    rf"""(?P<head>{_USER}=(?:\\*["'])?[^\s"'\\&;]{{1,200}}(?:\\*["'])?"""
    r"""(?:[\s&;]|\\{1,8}[nrt]){1,80}(?:export\s+)?(?P=owner)pass=(?:\\*["'])?)"""
    rf"""(?!\[redacted|{_OUTCOME})(?P<value>[^\s"'\\,;&<>(){{}}\[\]]{{4,}})""",
    re.IGNORECASE,
)
"""The same with equals signs: `CORP_USER=ann CORP_PASS=hunter2`, `?user=ann&pass=hunter2`."""

_CURL: Final = re.compile(
    rf"""(?P<head>(?:\b|{_ESCAPED})curl\b"""
    r"""(?:(?!\bcurl\b|&&|:\[redacted|(?<!\\)(?:\\n|\n))[^|;]){0,400}?"""
    r"""[\s"'](?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user)(?:[\s=]\s*|\\*["']\s*,\s*)(?:\\*["'])?"""
    r"""(?!\d+:\d+\b)[^\s:"'\\$<]{1,100}:)(?!\[redacted|//|[$<{])(?P<value>[^\s"'\\]+)"""
)
"""`curl -u ann:hunter2`; of other programs' `-u 1000:1000` the second is a group."""

_DASH_P: Final = re.compile(
    rf"""(?P<head>(?:(?:(?<![\w./=:@-])|(?<=bin/)|{_ESCAPED})(?:mysql|mariadb)"""
    r"""(?:-?(?:dump|admin|import|check|show|slap|pump|binlog|sh|upgrade|backup)|_upgrade)?"""
    r"""(?=[\s"'\\])(?:(?!(?<!\\)\\n)[^|;\n]|(?<=\\)\n){1,400}?(?<=[\s"'])"""
    r"""-p(?!(?:rint[0f]?|rune|urge|refix|erm|ort|roto|roject|retty|ath)(?!\w)|\d+:\d)"""
    rf"""|(?:\b|{_ESCAPED})sshpass"""
    r"""(?:\s+|\\*["']\s*,\s*\\*["'])-p(?:\s*|\\*["']\s*,\s*(?=\\*["'])))(?:\\*["'])?)"""
    r"""(?!\[redacted|[$<{])(?P<value>[^\s"'\\,]{4,})"""
)
"""`mysql -phunter2`, where a word behind a space would be the database; `sshpass -p hunter2`. Not
`pytest tests/mysql -pno:cache`, nor `ssh mysql-1 -p2222`: there another program is called."""

_CUT: Final = re.compile(r"… \[cut: \d{1,12} characters in all\]")
"""What a text ends with that was too long (clustertrace.record.rebuilding)."""

_BY_NAME: Final = (
    *(_URL, _SIGNED, _BEARER, _FLAG, _TAGGED, _PAIRED, _LISTED, _SAID),
    *(_BESIDE, _BESIDE_SET, _CURL, _BLOCK, _HELD, _DASH_P, _ENCODED),
)
_COMPILED: Final = tuple((re.compile(pattern), mark(what)) for what, pattern in _FORMS)


def cut_secrets(text: str) -> tuple[str, int]:
    """The text without its secrets, and how many were cut."""
    cut = 0
    for pattern, replacement in _COMPILED:
        text, times = pattern.subn(replacement, text)
        cut += times
    text, times = _by_name(text)
    cut += times
    for pattern in _BY_NAME:
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
        return f"{match['head']}{quote}{mark('by its name')}{quote}"

    def item(match: re.Match[str], quote: str) -> str:
        nonlocal counted
        value = match["text"] or match["other"] or match["bare"]
        if value is None or _is_spent(value):
            return match[0]
        counted += 1
        return f"{quote}{mark('by its name')}{quote}"

    def listed(match: re.Match[str]) -> str:
        quote = match["quote"]
        each = re.compile(_item(re.escape(match["slashes"]), re.escape(quote)), re.IGNORECASE)
        return match["head"] + each.sub(lambda one: item(one, quote), match["items"])

    text = _ITEMS.sub(listed, text)
    text = _QUOTED.sub(quoted, text)
    text, cookies = _COOKIES.subn(_keep_head, text)
    text, times = _ASSIGNED.subn(_keep_head, text)
    return text, counted + cookies + times


def _is_spent(value: str) -> bool:
    """Whether nothing of a secret is left: the mark stands there, or what length left of it."""
    head, cut, _ = value.partition("…")
    return value.startswith(MARK) or (
        bool(cut) and MARK.startswith(head) and _CUT.fullmatch(value, len(head)) is not None
    )


def _keep_head(match: re.Match[str]) -> str:
    return match["head"] + mark("by its name")
