"""The pitch in one sentence, computed from the data: how few patterns hold the failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clustertrace.telling.words import percent

if TYPE_CHECKING:
    from clustertrace.store.answers import ClusterPage

__all__ = ["WORST", "headline"]

_MOST: Final = 0.8
"""Patterns are named once they hold this share of all failures."""

WORST: Final = 5
"""Patterns that are looked at: more than this are no place to look at, but a spread."""


def headline(page: ClusterPage, *, filtered: bool = False) -> str:
    """Say where the failures are; `page` has the `WORST` patterns, those that failed most.

    `filtered`: only of traces that match a filter.
    """
    if not page.traces:
        return "No finished trace matches." if filtered else "No trace has finished yet."
    if not page.failed:
        return f"None of the {page.traces:,} finished traces failed."
    if page.failed == 1:
        return f"1 of {page.traces:,} finished traces failed."
    if page.clusters[0].failed == 1:
        return f"{page.failed:,} traces failed, and no two of them in one pattern."
    held = patterns = 0
    for cluster in page.clusters[:WORST]:
        if held >= _MOST * page.failed:
            break
        held += cluster.failed
        patterns += 1
    of_all = f"{held:,} of the {page.failed:,} failures ({percent(held / page.failed)})"
    if held < _MOST * page.failed:
        return f"Failures are spread over many patterns: the {patterns} worst hold {of_all}."
    return f"1 pattern holds {of_all}." if patterns == 1 else f"{patterns} patterns hold {of_all}."
