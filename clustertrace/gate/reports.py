"""Results of a check for other programs: JUnit XML, and Markdown for GitHub's summaries."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from clustertrace.gate.checks import Result, claim
from clustertrace.patterns.signature import Step
from clustertrace.telling.words import counted, step_text

__all__ = ["NewPattern", "junit", "markdown", "new_words"]

NewPattern = tuple[str, str, Sequence[Step], int, int]
"""Of a failing pattern that was not there at the last check: id, name, steps, failed, runs."""


def junit(results: Sequence[Result]) -> str:
    """One test case an assertion (https://github.com/testmoapp/junitxml)."""
    failures = sum(not result.passed for result in results)
    suite = ElementTree.Element(
        "testsuite", name="clustertrace", tests=str(len(results)), failures=str(failures)
    )
    for result in results:
        one = result.assertion
        case = ElementTree.SubElement(
            suite, "testcase", classname=_xml(f"clustertrace.{one.pattern}"), name=_xml(claim(one))
        )
        if result.passed:
            ElementTree.SubElement(case, "system-out").text = _xml(result.words)
        else:
            ElementTree.SubElement(case, "failure", message=_xml(result.words))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, "unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Without the characters that XML can't hold."""
    return "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" else "\ufffd" for c in text)


def markdown(results: Sequence[Result], new: Sequence[NewPattern]) -> str:
    """A table for a job's summary."""
    failures = sum(not result.passed for result in results)
    lines = [
        f"### clustertrace: {counted(failures, 'assertion')} of {len(results)} failed",
        "",
        "| | pattern | claim | found |",
        "|---|---|---|---|",
    ]
    for result in results:
        one = result.assertion
        sign = "✅" if result.passed else "❌"
        lines.append(f"| {sign} | {one.pattern} | {_cell(claim(one))} | {_cell(result.words)} |")
    if new:
        lines += ["", *(f"- {_cell(new_words(one))}" for one in new)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    return plain.translate({ord(sign): f"\\{sign}" for sign in "|<>[]`*_\\"})


def new_words(one: NewPattern) -> str:
    """A failing pattern that is new, in a sentence."""
    pattern, name, steps, failed, runs = one
    path = " → ".join(map(step_text, steps)) or "no steps"
    return f"New since the last check: {name} ({path}), {failed} of {runs} failed, {pattern}."
