"""Spans that words were found in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["Facets", "Hit", "HitPage", "Passage"]

_SAME_LETTERS: Final = 40
"""Passages that agree in so many letters from their first match on are one."""


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


class Passage(NamedTuple):
    """A passage of a run, which later steps may repeat: each model call has all before it."""

    first: Hit
    """The first step with it, of those that were found."""
    later: int
    """How many later steps of the run, of those that were found, have it as well."""


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

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The hits without those that repeat a passage of an earlier step; the order is kept."""
        alike: dict[tuple[str, ...], list[Hit]] = {}
        for hit in self.hits:
            from_match_on = hit.snippet.partition("\x02")[2][:_SAME_LETTERS]
            key = (hit.trace_id, hit.kind, hit.span_name, hit.field, from_match_on)
            alike.setdefault(key, []).append(hit)
        return tuple(
            Passage(min(hits, key=lambda hit: hit.start_ns), len(hits) - 1)
            for hits in alike.values()
        )
