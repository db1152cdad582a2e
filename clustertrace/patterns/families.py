"""Families: nearly identical variants, grouped around the oldest of them.

A variant joins the family of the nearest *leader* with the same root name; if none is near enough
it leads a family of its own. Nearness is Jaccard's coefficient (P. Jaccard, New Phytol. 11 (1912)
37) over what the variant consists of: each step with its status, how often each step came (as a
bucket), and the last step. Order is left out, so runs that take the same steps another way round
stay together. Ties go to the oldest leader. Leaders never move and nothing is refitted, so a
variant stays where it was put when it was first seen.

Families put order into a list. They are no evidence: nothing is tested on them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from clustertrace.patterns.signature import Step, Variant, bucket

__all__ = ["LEAST", "MOST_LEADERS", "VERSION", "Leader", "family_id", "features", "nearest"]

VERSION: Final = 1
"""Part of every family's id. A change to this file that moves any variant raises it."""

LEAST: Final = 0.5
"""The nearness, 0 to 1, from which on a variant belongs to a leader."""

MOST_LEADERS: Final = 500
"""Leaders of one root name. Where so many are unlike each other, families put no order into
anything; what resembles none of them stays outside, at a cost that no longer grows."""

_MIN_COUNT: Final = {"1": 1, "2-3": 2, "4-7": 4, "8+": 8}


class Leader(NamedTuple):
    """The oldest variant of a family."""

    family: str
    features: frozenset[str]


def features(steps: Sequence[Step]) -> frozenset[str]:
    """What a variant consists of, for comparing it with leaders."""
    features = set()
    counts: Counter[str] = Counter()
    for step in steps:
        for name, failed in zip(step.names, step.failed, strict=True):
            features.add(f"step\x1f{name}\x1f{failed:d}")
            counts[name] += _MIN_COUNT[step.count]
    features.update(f"count\x1f{name}\x1f{bucket(count)}" for name, count in counts.items())
    if steps:
        features.add(f"last\x1f{steps[-1].names[-1]}\x1f{steps[-1].failed[-1]:d}")
    return frozenset(features)


def nearest(own: frozenset[str], leaders: Iterable[Leader]) -> str | None:
    """The family of the nearest leader, or None if none is near enough; leaders oldest first."""
    best, family = 0.0, None
    size = len(own)
    for leader in leaders:
        leader_size = len(leader.features)
        if min(size, leader_size) < LEAST * max(size, leader_size):
            continue
        shared = len(own & leader.features)
        union = size + leader_size - shared
        nearness = shared / union if union else 1.0
        if nearness >= LEAST and nearness > best:
            best, family = nearness, leader.family
    return family


def family_id(leader: Variant) -> str:
    """The id of the family that a variant leads: 12 hex digits."""
    text = f"{VERSION}\x1e{leader.id}".encode()
    return hashlib.blake2b(text, digest_size=6).hexdigest()
