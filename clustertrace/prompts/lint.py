"""Review a draft of a prompt: what is wrong with it, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from clustertrace.prompts.draft import Draft, read
from clustertrace.prompts.findings import Finding, Rule, Strength
from clustertrace.prompts.rules.asking import ASKING
from clustertrace.prompts.rules.strengths import STRENGTHS
from clustertrace.prompts.rules.wording import WORDING

__all__ = ["RULES", "STRENGTHS", "Review", "lint", "lint_document", "review_draft"]

RULES: Final[Sequence[Rule]] = (*WORDING, *ASKING)
"""Every rule that points at words."""

MOST: Final = 20
"""Findings of one rule: a text that has more has made its point."""


@dataclass(frozen=True, slots=True)
class Review:
    """What the rules say about a draft."""

    language: str | None
    """`en`, or None: a language that only few rules know."""
    findings: tuple[Finding, ...]
    """In the order of the text; what is absent stands last, the gravest first."""
    strengths: tuple[Strength, ...]
    """Good habits that it has."""
    unread: int
    """Rules that don't know its language."""


def lint(text: str) -> tuple[Finding, ...]:
    """The findings on a draft."""
    return review_draft(text).findings


def review_draft(text: str) -> Review:
    """Review a draft; a text without words has neither findings nor strengths."""
    draft = read(text)
    every: Sequence[Rule | Strength] = (*RULES, *STRENGTHS)
    unread = [one for one in every if not knows(one, draft)]
    found = [
        finding
        for rule in RULES
        if rule not in unread
        for finding in islice(rule.findings(draft), MOST)
    ]
    found.sort(key=lambda one: (one.start or 0, -(one.end or 0)))
    strengths = [one for one in STRENGTHS if one not in unread and one.present(draft)]
    absent = [
        one.finding()
        for one in STRENGTHS
        if one not in unread and one not in strengths and one.helps(draft)
    ]
    return Review(draft.language, (*found, *absent), tuple(strengths), len(unread))


def knows(one: Rule | Strength, draft: Draft) -> bool:
    """Whether a rule knows the language of a draft."""
    return one.languages is None or draft.language in one.languages


def lint_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings as `clustertrace lint --json` prints them."""
    return {
        "findings": [
            {
                "rule": one.rule,
                "level": one.level,
                "message": one.message,
                "suggestion": one.suggestion,
                "start": one.start,
                "end": one.end,
            }
            for one in findings
        ]
    }
