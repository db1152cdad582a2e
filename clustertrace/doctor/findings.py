"""The findings of the doctor, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

__all__ = ["Finding", "State", "document", "well"]

State = Literal["ok", "note", "wrong"]
"""`note`: nothing is broken, but the user may want to change it."""


class Finding(NamedTuple):
    """What was found about one topic."""

    topic: str
    state: State
    sentence: str
    advice: str | None = None
    """What to type or do, if anything."""


def well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.state != "wrong" for finding in findings)


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as a JSON document."""
    listed = list(findings)
    return {"ok": well(listed), "findings": [finding._asdict() for finding in listed]}
