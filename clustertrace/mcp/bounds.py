"""No answer grows with the database: pages with cursors, and texts that are cut."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, TypeVar

from pydantic import Field

from clustertrace.errors import UsageError

__all__ = ["Cursor", "Limit", "Where", "cursor_at", "cut", "page_of", "start_of"]

T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=100, description="Entries per page.")]
Cursor = Annotated[
    str | None, Field(description="`next_cursor` of the previous page, with the same arguments.")
]
Where = Annotated[
    str | None,
    Field(
        description="Only runs that match this filter, such as `status:error since:7d "
        'tag.agent:research has(search) cost>0.10 "rate limit"`.'
    ),
]

_CURSOR_PATTERN: Final = re.compile(r"(\d{1,9})-([0-9a-f]{8})")


def cursor_at(offset: int, *question: object) -> str:
    """What asks for the entries of this question from `offset` on."""
    return f"{offset}-{_question_digest(question)}"


def start_of(cursor: str | None, *question: object) -> int:
    """Where a page begins. Raises UsageError for a cursor of another question."""
    if cursor is None:
        return 0
    match_ = _CURSOR_PATTERN.fullmatch(cursor)
    if match_ is None or match_[2] != _question_digest(question):
        raise UsageError(
            f"{cursor[:40]!r} is not a cursor for this query; use the `next_cursor` of an answer "
            "to the same arguments, or leave it out."
        )
    return int(match_[1])


def page_of(
    entries: Sequence[T], limit: int, cursor: str | None, *question: object
) -> tuple[Sequence[T], str | None]:
    """Some of the entries, and the cursor of those that follow."""
    start = start_of(cursor, *question)
    end = start + limit
    return entries[start:end], cursor_at(end, *question) if end < len(entries) else None


def cut(text: str, limit: int) -> str:
    """The text's beginning, with how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [{len(text) - limit:,} more characters]"


def _question_digest(question: Iterable[object]) -> str:
    return hashlib.blake2b(repr(tuple(question)).encode(), digest_size=4).hexdigest()
