"""Findings as JSON; failure rules also back: `rules --json` prints, `rules learn` writes them.

A document is `{"version", "runs", "failed", "base_rate", "tried", "rules": [...]}`, the rules in
rank order: `{"id", "sentence", "conditions", "failed", "matched", "failure_rate", "base_rate",
"interval", "p", "q"}`. A condition is `{"what", "step", "then", "at_least", "not", "measure"}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from clustertrace.errors import BadInput
from clustertrace.patterns.conditions import Condition
from clustertrace.patterns.learning import Learned
from clustertrace.patterns.rules import VERSION, Mined, Rule
from clustertrace.patterns.sentences import nothing_words, rule_words, runs_needed
from clustertrace.patterns.suspects import Suspect

__all__ = [
    "condition_document",
    "conditions_of_document",
    "learned_document",
    "mined_document",
    "suspect_document",
]


def _rule_id(conditions: tuple[Condition, ...]) -> str:
    """The same conditions have the same id, whatever runs they were learned from."""
    said = [
        (what, step, other, float(number), negated, over)
        for (what, step, other, number), negated, over in sorted(conditions)
    ]
    text = orjson.dumps([VERSION, said])
    return hashlib.blake2b(text, digest_size=4).hexdigest()


def learned_document(steps: Learned, tags: Learned) -> dict[str, Any]:
    """What is learned of stored runs, from what they did and from their tags.

    It is `mined_document` with the ids of some failed runs in each rule (`sample_trace_ids`), and
    with `tag_rules` beside `rules` and `tags_tried` beside `tried`.
    """
    document = mined_document(steps.mined, steps.expected)
    document["tags_tried"] = tags.mined.tried
    document["tag_rules"] = [_rule(rule) for rule in tags.mined.rules]
    for name, samples in (("rules", steps.samples), ("tag_rules", tags.samples)):
        for rule, ids in zip(document[name], samples, strict=True):
            rule["sample_trace_ids"] = ids
    return document


def mined_document(mined: Mined, expected: int = 0) -> dict[str, Any]:
    """The outcome of mining as a JSON document; `expected` failed runs were left out."""
    document: dict[str, Any] = {
        "version": VERSION,
        "runs": mined.runs,
        "failed": mined.failed,
        "left_out_as_expected": expected,
        "base_rate": mined.failed / mined.runs if mined.runs else None,
        "tried": mined.tried,
        "rules": [_rule(rule) for rule in mined.rules],
    }
    if not mined.rules:
        document["why_none"] = nothing_words(mined, expected)
        if 0 < mined.failed < mined.runs:
            document["more_runs"] = runs_needed(mined.runs, mined.failed, mined.tried)
    return document


def suspect_document(suspect: Suspect) -> dict[str, Any]:
    """A suspicious step: `{"span_id", "step", "place", "score", "reasons": [...]}`.

    A reason is `{"what", "words", "weight", "trace_id"}`, the last being a run to compare with.
    """
    return {
        "span_id": suspect.span_id,
        "step": suspect.step,
        "place": suspect.place,
        "score": suspect.score,
        "reasons": [reason._asdict() for reason in suspect.reasons],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": _rule_id(rule.conditions),
        "sentence": rule_words(rule),
        "conditions": [condition_document(condition) for condition in rule.conditions],
        "failed": rule.failed,
        "matched": rule.matched,
        "failure_rate": rule.failed / rule.matched,
        "base_rate": rule.base_rate,
        "interval": list(rule.interval),
        "p": rule.p,
        "q": rule.q,
    }


def condition_document(condition: Condition) -> dict[str, Any]:
    """A condition: `{"what", "step", "then", "at_least", "not", "measure"}`."""
    (what, step, other, number), negated, over = condition
    return {
        "what": what,
        "step": step or None,
        "then": other or None,
        "at_least": number or None,
        "not": negated,
        "measure": over,
    }


def conditions_of_document(document: Any) -> list[tuple[str, tuple[Condition, ...]]]:
    """The ids and conditions of a document's rules, in rank order. Raises BadInput."""
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise BadInput('this is not a document of rules: it has no list "rules"')
    if document.get("version") != VERSION:
        raise BadInput(
            f"these rules are of version {document.get('version')}, and this program reads "
            f"{VERSION}; learn them again"
        )
    made = []
    for place, rule in enumerate(document["rules"], 1):
        try:
            conditions = tuple(_condition_of(told) for told in rule["conditions"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"rule {place} can't be read ({error!r})") from None
        made.append((_rule_id(conditions), conditions))
    return made


def _condition_of(told: Mapping[str, Any]) -> Condition:
    trait = (
        str(told["what"]),
        str(told.get("step") or ""),
        str(told.get("then") or ""),
        float(told.get("at_least") or 0),
    )
    return Condition(trait, bool(told.get("not")), bool(told.get("measure")))
