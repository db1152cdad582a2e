"""Cutting keys and secrets out of text, before it reaches any disk.

Works on text, and on the JSON text of values alike: what is cut lies within one string, so that
JSON stays JSON. Two kinds of secret are known: those that show by their form (an `sk-ant-…`, a
JWT, a PEM block), and those that show by the name in front of them (`"password": "…"`,
`API_KEY=…`, `Authorization: Bearer …`). A secret of neither kind can't be recognised; the user's
own patterns (CLUSTERTRACE_REDACT_PATTERNS, a file with a regular expression a line) add to both.

Most texts hold no secret, so one scan comes first (`scan.py`). Where it finds something the
patterns are loaded (`forms.py`, `names.py`), and each is tried only where it could begin because of
that (`starts.py`, `cutting.py`).
"""

from clustertrace.redaction.marks import MARK, REDACTED
from clustertrace.redaction.redactor import Redactor, redactor

__all__ = ["MARK", "REDACTED", "Redactor", "redactor"]
