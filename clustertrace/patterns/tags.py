"""Tags as conditions: which customer, version or region failing goes along with.

A tag says what a run was about, or is a label that it got for how it went, such as
`failure_category`. Only keys that most runs carry are asked about, those that failed and those that
did not: a label for failures is on the others rarely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from clustertrace.patterns.traits import Trait

__all__ = ["common_keys", "tag_traits"]

_COMMON: Final = 0.5
"""The share of the runs of either side that must carry a key."""


def common_keys(
    failed: Collection[Mapping[str, str]], passed: Collection[Mapping[str, str]]
) -> frozenset[str]:
    """The keys that at least half of the failed and half of the passed runs carry."""
    if not failed or not passed:
        return frozenset()
    common = [
        {key for key, count in Counter(chain(*side)).items() if count >= _COMMON * len(side)}
        for side in (failed, passed)
    ]
    return frozenset(common[0] & common[1])


def tag_traits(tags: Mapping[str, str], keys: Iterable[str]) -> set[Trait]:
    """What the tags of a run say, as traits."""
    return {("tag", key, tags[key], 0) for key in keys if key in tags}
