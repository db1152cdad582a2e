"""What every database's full-text index can do: a protocol, which a module of each fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from clustertrace.store.connection import Connection

__all__ = ["FIELDS", "MARK", "MARK_END", "PASSAGE_WORDS", "Texts"]

FIELDS: Final = ("name", "input", "output", "error", "attributes")
"""The searchable fields, in the order of the view `span_texts`."""

MARK: Final = "\x02"
MARK_END: Final = "\x03"
"""Around each word of a passage that was found."""

PASSAGE_WORDS: Final = 24


class Texts(Protocol):
    """The index of the words of spans; kept just behind the commit."""

    def position(self, conn: Connection, /) -> int:
        """The highest sequence number that has been indexed."""

    def behind(self, conn: Connection, /) -> int:
        """How many spans are stored and not yet indexed."""

    def has_more(self, conn: Connection, /) -> bool:
        """Whether any span is stored and not yet indexed."""

    def advance(self, conn: Connection, limit: int, /) -> int:
        """Index the next spans, at most `limit`, in the caller's transaction; how many."""

    def forget(self, conn: Connection, keys: Sequence[tuple[bytes, bytes]], /) -> None:
        """Take spans out of the index before their rows change: `(trace id, span id)`, binary."""

    def forget_traces(self, conn: Connection, trace_ids: Sequence[bytes], /) -> None:
        """Take all spans of these traces out of the index, before they go."""

    def clear(self, conn: Connection, /) -> None:
        """Forget every span, so that `advance` begins anew; in the caller's transaction."""

    def left(self, conn: Connection, /) -> int:
        """How much is left for `tidy`; 0: nothing."""

    def tidy(self, conn: Connection, limit: int, /) -> bool:
        """Take a step towards an index that holds no word of a span that is gone.

        In the caller's transaction; as much work as indexing `limit` spans, at most. Whether there
        is more to do.
        """

    def found(
        self,
        conn: Connection,
        expression: str,
        /,
        *,
        kind: str | None = None,
        failed: bool | None = None,
        limit: int,
        offset: int = 0,
    ) -> list[int]:
        """The sequence numbers of spans that match, highest first."""

    def containing(self, conn: Connection, expression: str, /) -> str:
        """A query for the traces of which a span matches; `expression` names a parameter."""

    def check(self, conn: Connection, /) -> None:
        """Raise StoreCorrupt unless the index, carried to its end, agrees with the spans."""

    def passages(
        self, conn: Connection, expression: str, seqs: Sequence[int], /
    ) -> Mapping[int, Mapping[str, str]]:
        """Of each of these spans, by its number, the passage of each field that fits best."""
