"""Report results of checks as JUnit XML, and as Markdown for GitHub's job summaries."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from clustertrace.gate.checks import Result, claim
from clustertrace.patterns.signature import Step
from clustertrace.telling.words import counted, step_text

__all__ = ["NewPattern", "junit", "markdown", "new_words"]

NewPattern = tuple[str, str, Sequence[Step], int, int]
"""A failing pattern that is new since the last check: id, name, steps, failed, runs."""


def junit(results: Sequence[Result]) -> str:
    """JUnit XML with one test case per assertion (https://github.com/testmoapp/junitxml)."""
    failures = sum(not result.passed for result in results)
    suite = ElementTree.Element(
        "testsuite", name="clustertrace", tests=str(len(results)), failures=str(failures)
    )
    for result in results:
        assertion = result.assertion
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_xml_safe(f"clustertrace.{assertion.pattern}"),
            name=_xml_safe(claim(assertion)),
        )
        if result.passed:
            ElementTree.SubElement(case, "system-out").text = _xml_safe(result.words)
        else:
            ElementTree.SubElement(case, "failure", message=_xml_safe(result.words))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, "unicode", xml_declaration=True) + "\n"


def _xml_safe(text: str) -> str:
    """A text with characters replaced that XML does not allow."""
    return "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" else "\ufffd" for c in text)


def markdown(results: Sequence[Result], new: Sequence[NewPattern]) -> str:
    """A Markdown table for a job's summary."""
    failures = sum(not result.passed for result in results)
    lines = [
        f"### clustertrace: {counted(failures, 'assertion')} of {len(results)} failed",
        "",
        "| | pattern | claim | found |",
        "|---|---|---|---|",
    ]
    for result in results:
        assertion = result.assertion
        sign = "✅" if result.passed else "❌"
        lines.append(
            f"| {sign} | {assertion.pattern} | {_cell(claim(assertion))} | {_cell(result.words)} |"
        )
    if new:
        lines += ["", *(f"- {_cell(new_words(pattern))}" for pattern in new)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    return plain.translate({ord(sign): f"\\{sign}" for sign in "|<>[]`*_\\"})


def new_words(new_pattern: NewPattern) -> str:
    """A sentence about a new failing pattern."""
    pattern, name, steps, failed, runs = new_pattern
    path = " → ".join(map(step_text, steps)) or "no steps"
    return f"New since the last check: {name} ({path}), {failed} of {runs} failed, {pattern}."
