"""The headline of the data: how few patterns hold the failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clustertrace.telling.words import percent

if TYPE_CHECKING:
    from clustertrace.store.answers import ClusterPage

__all__ = ["WORST", "headline"]

_ENOUGH: Final = 0.8
"""Patterns are named once they hold this share of all failures."""

_NEARLY_ALL: Final = 0.99
"""What is not all is not said to be 100 %."""

WORST: Final = 5
"""How many patterns are considered: if it takes more, failures are spread out."""


def headline(page: ClusterPage, *, filtered: bool = False) -> str:
    """A sentence on where the failures are; `page` starts with the patterns that failed most.

    It is about the failures that the user does not expect, as long as there are any. `filtered`
    means that only traces that match a filter are counted.
    """
    if not page.traces:
        return "No finished trace matches." if filtered else "No trace has finished yet."
    failed = page.failed - page.expected
    as_expected = ", as expected" if page.failed and not failed else ""
    if page.traces == 1:
        only = "The only finished trace that matches" if filtered else "The only finished trace"
        return f"{only} {'failed' if page.failed else 'did not fail'}{as_expected}."
    if not page.failed:
        return f"None of the {page.traces:,} finished traces failed."
    if not failed:
        return f"{page.failed:,} of {page.traces:,} finished traces failed{as_expected}."
    unexpectedly = " unexpectedly" if page.expected else ""
    if failed == 1:
        told = f"1 of {page.traces:,} finished traces failed{unexpectedly}"
    else:
        told = _where(page, failed) or (
            f"{failed:,} traces failed{unexpectedly}, and no two of them in one pattern"
        )
    if not page.expected:
        return f"{told}."
    return f"{told}; {page.expected:,} more {'is' if page.expected == 1 else 'are'} expected."


def _where(page: ClusterPage, failed: int) -> str | None:
    """How few patterns hold the failures; None if none holds two of them."""
    worst = [cluster for cluster in page.clusters if not cluster.annotation.expected][:WORST]
    if not worst or worst[0].failed == 1:
        return None
    failures = patterns = 0
    for cluster in worst:
        if failures >= _ENOUGH * failed:
            break
        failures += cluster.failed
        patterns += 1
    if page.total == 1 and page.failed < page.traces:
        return f"{failed:,} of {page.traces:,} finished traces failed, and all took the same steps"
    what = "unexpected failures" if page.expected else "failures"
    part = percent(min(failures / failed, _NEARLY_ALL))
    of_all = f"{failures:,} of the {failed:,} {what} ({part})"
    if failures == failed:
        of_all = f"both {what}" if failed == 2 else f"all {failed:,} {what}"
    if failures < _ENOUGH * failed:
        return f"Failures are spread over many patterns: the {patterns} worst hold {of_all}"
    return f"1 pattern holds {of_all}" if patterns == 1 else f"{patterns} patterns hold {of_all}"
