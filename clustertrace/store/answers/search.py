"""Spans that words were found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Facets", "Hit", "HitPage"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One span that matches a text search."""

    trace_id: str
    span_id: str
    trace_name: str
    span_name: str
    kind: str
    failed: bool
    start_ns: int
    field: str
    """Which field matched: name, input, output, error or attributes."""
    snippet: str
    """The words around the match; matches stand between \\x02 and \\x03."""

    @property
    def quoted(self) -> str:
        """The snippet as plain text: matches stand between « and »."""
        return self.snippet.replace("\x02", "«").replace("\x03", "»")


@dataclass(frozen=True, slots=True)
class Facets:
    """What kinds of spans match a search, among the newest that do."""

    kinds: Mapping[str, int]
    failed_kinds: Mapping[str, int]
    """Those of them that failed."""
    looked_at: int
    """How many matching spans were looked at."""
    more: bool
    """Whether further ones match."""

    @property
    def failed(self) -> int:
        """How many of the spans that were looked at failed."""
        return sum(self.failed_kinds.values())

    def number(self, kind: str | None, failed: bool | None) -> int:
        """How many of them are of a kind and state; None for any."""
        kinds = self.kinds if kind is None else {kind}
        failures = sum(self.failed_kinds.get(one, 0) for one in kinds)
        if failed:
            return failures
        return sum(self.kinds.get(one, 0) for one in kinds) - (0 if failed is None else failures)


@dataclass(frozen=True, slots=True)
class HitPage:
    """Some of the matching spans."""

    hits: tuple[Hit, ...]
    more: bool
    """Whether further hits follow."""
    behind: int
    """Spans that are stored but not yet in the text index."""
