"""What replaces a secret, and the attribute that counts them."""

from __future__ import annotations

from typing import Final

__all__ = ["MARK", "REDACTED", "mark"]

MARK: Final = "[redacted"
"""How every replacement begins."""

REDACTED: Final = "clustertrace.redacted"
"""The attribute of a span that counts the secrets that were cut out of it."""


def mark(what: str) -> str:
    """What stands in the place of a secret; `what` says how it was known."""
    return f"{MARK}: {what}]"
