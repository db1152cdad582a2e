"""The headline of the data: how few patterns hold the failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clustertrace.telling.words import percent

if TYPE_CHECKING:
    from clustertrace.store.answers import ClusterPage

__all__ = ["WORST", "headline"]

_ENOUGH: Final = 0.8
"""Patterns are named once they hold this share of all failures."""

WORST: Final = 5
"""How many patterns are considered: if it takes more, failures are spread out."""


def headline(page: ClusterPage, *, filtered: bool = False) -> str:
    """A sentence on where the failures are; `page` starts with the patterns that failed most.

    `filtered` means that only traces that match a filter are counted.
    """
    if not page.traces:
        return "No finished trace matches." if filtered else "No trace has finished yet."
    if page.traces == 1:
        only = "The only finished trace that matches" if filtered else "The only finished trace"
        return f"{only} {'failed' if page.failed else 'did not fail'}."
    if not page.failed:
        return f"None of the {page.traces:,} finished traces failed."
    if page.failed == 1:
        return f"1 of {page.traces:,} finished traces failed."
    if page.clusters[0].failed == 1:
        return f"{page.failed:,} traces failed, and no two of them in one pattern."
    failures = patterns = 0
    for cluster in page.clusters[:WORST]:
        if failures >= _ENOUGH * page.failed:
            break
        failures += cluster.failed
        patterns += 1
    of_all = f"{failures:,} of the {page.failed:,} failures ({percent(failures / page.failed)})"
    if failures < _ENOUGH * page.failed:
        return f"Failures are spread over many patterns: the {patterns} worst hold {of_all}."
    return f"1 pattern holds {of_all}." if patterns == 1 else f"{patterns} patterns hold {of_all}."
