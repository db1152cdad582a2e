"""Review a draft of a prompt: problems, their places, and what to write instead."""

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

__all__ = ["RULES", "STRENGTHS", "Review", "lint_document", "review_draft"]

RULES: Final[Sequence[Rule]] = (*WORDING, *ASKING)
"""All rules that point at words."""

MAX_PER_RULE: Final = 20
"""The most findings per rule: more would say nothing new."""


@dataclass(frozen=True, slots=True)
class Review:
    """The result of a review."""

    language: str | None
    """`en`, or None for languages that few rules support."""
    findings: tuple[Finding, ...]
    """In the order of the text; absences come last, the most severe first."""
    strengths: tuple[Strength, ...]
    """Good habits of the draft."""
    unread: int
    """How many rules don't support its language."""


def review_draft(text: str) -> Review:
    """Review a draft; a text without words has neither findings nor strengths."""
    draft = read(text)
    all_rules: Sequence[Rule | Strength] = (*RULES, *STRENGTHS)
    unread = [rule for rule in all_rules if not knows(rule, draft)]
    findings = [
        finding
        for rule in RULES
        if rule not in unread
        for finding in islice(rule.findings(draft), MAX_PER_RULE)
    ]
    findings.sort(key=lambda finding: (finding.start or 0, -(finding.end or 0)))
    strengths = [rule for rule in STRENGTHS if rule not in unread and rule.present(draft)]
    absent = [
        rule.finding()
        for rule in STRENGTHS
        if rule not in unread and rule not in strengths and rule.helps(draft)
    ]
    return Review(draft.language, (*findings, *absent), tuple(strengths), len(unread))


def knows(rule: Rule | Strength, draft: Draft) -> bool:
    """Whether a rule supports the language of a draft."""
    return rule.languages is None or draft.language in rule.languages


def lint_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The document that `clustertrace lint --json` prints."""
    return {
        "findings": [
            {
                "rule": finding.rule,
                "level": finding.level,
                "message": finding.message,
                "suggestion": finding.suggestion,
                "start": finding.start,
                "end": finding.end,
            }
            for finding in findings
        ]
    }
