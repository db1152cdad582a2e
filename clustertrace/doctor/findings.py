"""One line of the doctor's answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

__all__ = ["Finding", "State", "document", "well"]

State = Literal["ok", "note", "wrong"]
"""`note`: nothing is broken, but the user may want it otherwise."""


class Finding(NamedTuple):
    """What was found about one thing."""

    topic: str
    state: State
    sentence: str
    advice: str | None = None
    """What to type or do, if anything."""


def well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.state != "wrong" for finding in findings)


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as JSON has them."""
    told = [finding._asdict() for finding in findings]
    return {"ok": all(one["state"] != "wrong" for one in told), "findings": told}
