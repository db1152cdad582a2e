"""Patterns for secrets that show by their form, whatever stands in front of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

__all__ = ["ESCAPED", "FORMS", "NO_NAME", "NO_WORD", "Late", "late"]

Late = Callable[[], re.Pattern[str]]
"""A pattern that is compiled when it is first asked for: all of them would take 35 ms."""


def late(pattern: str, flags: int = 0) -> Late:
    """A pattern to be compiled with its first use."""
    return cache(lambda: re.compile(pattern, flags))


ESCAPED: Final = r"(?<=\\[nrtbf])"
"""Behind the escape of a line's end, whose letter belongs to no word: most texts are JSON."""

NO_WORD: Final = rf"(?:(?<!\w)|{ESCAPED})"
NO_NAME: Final = rf"(?:(?<![\w-])|{ESCAPED})"
"""Where no word, or no name with hyphens, goes on."""

FORMS: Final = (
    ("Anthropic key", r"sk-ant-[\w-]{16,}"),
    ("OpenAI key", rf"{NO_NAME}sk-(?:[a-z0-9]{{2,10}}-)*[A-Za-z0-9_]{{20}}[\w-]*"),
    ("AWS key", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{30,}"),
    ("GitHub token", r"github_pat_\w{22,}"),
    ("GitLab token", r"glpat-[\w-]{20,}"),
    ("Slack token", r"(?:xox[a-z]|xapp)-[\w-]{10,}"),
    ("Slack webhook", r"hooks\.slack\.com/services/[\w/]{20,}"),
    ("Google key", r"AIza[\w-]{30,}"),
    ("Google token", r"ya29\.[\w-]{20,}"),
    ("Google secret", r"GOCSPX-[\w-]{20,}"),
    ("Hugging Face token", rf"{NO_WORD}hf_[A-Za-z0-9]{{30,}}"),
    ("Stripe key", rf"{NO_WORD}[spr]k_(?:live|test)_[A-Za-z0-9]{{16,}}"),
    ("Groq key", rf"{NO_WORD}gsk_[A-Za-z0-9]{{40,}}"),
    ("xAI key", rf"{NO_NAME}xai-[A-Za-z0-9]{{40,}}"),
    ("Langfuse key", rf"{NO_NAME}sk-lf-[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"),
    ("npm token", rf"{NO_WORD}npm_[A-Za-z0-9]{{36,}}"),
    ("PyPI token", r"pypi-[\w-]{50,}"),
    ("SendGrid key", rf"{NO_WORD}SG\.[\w-]{{16,}}\.[\w-]{{16,}}"),
    ("Telegram token", r"(?<=bot)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ("JWT", rf"{NO_NAME}eyJ[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]{{4,}}"),
    (
        "private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:[^\"\\]|\\+[^\"\\])*?"
        r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|(?=\\*(?:\"|\Z)))",
    ),
)
"""Secrets that show by their form: what they are, and the pattern."""
