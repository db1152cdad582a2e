"""What replaces a secret, and the attribute that counts them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MARK", "REDACTED", "SHORTENED", "mark"]

MARK: Final = "[redacted"
"""How every replacement begins."""

REDACTED: Final = "clustertrace.redacted"
"""The attribute of a span that counts the secrets that were cut out of it."""

SHORTENED: Final = re.compile(r"… \[cut: (\d{1,12}) characters in all\]\Z")
"""What a text ends with that was too long (clustertrace.record.rebuilding), and its length."""


def mark(what: str) -> str:
    """What stands in the place of a secret; `what` says how it was known."""
    return f"{MARK}: {what}]"
