"""Which failed steps of a run stayed broken, whatever stands for a step: a span, an act, a name."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

__all__ = ["never_recovered"]


def never_recovered(steps: Sequence[tuple[Hashable, bool]]) -> list[bool]:
    """Whether each step, by its name and whether it failed, did so and never worked afterwards."""
    worked_later: set[Hashable] = set()
    lasting = []
    for name, failed in reversed(steps):
        lasting.append(failed and name not in worked_later)
        if not failed:
            worked_later.add(name)
    return lasting[::-1]
