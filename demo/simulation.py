"""What a network would add to the agents: time that passes, and requests that fail.

Nothing here sleeps. A request moves a clock, and the recorder reads that clock, so that a week
of runs is recorded in a second and comes out the same each time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

__all__ = ["Network", "ToolError", "network"]

TICK_NS = 100_000
"""Durations are whole tenths of a millisecond, so that no machine's rounding shows."""


LOOK_NS = 20_000
"""What an agent's own code takes between two looks at the clock: no two steps begin at once."""


class ToolError(Exception):
    """A tool failed in a way that the model may see and react to."""


class Network:
    """Everything outside the agent's own process, as far as it costs time or breaks."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._random = random.Random(0)
        self._faults: list[tuple[str, Exception]] = []

    def start(self, at_ns: int, seed: int, faults: Iterable[tuple[str, Exception]] = ()) -> None:
        """Begin a run at a time, with the faults that its requests will meet, in order."""
        self.now_ns = at_ns
        self._random = random.Random(seed)
        self._faults = list(faults)

    def clock_ns(self) -> int:
        """The time now, nanoseconds since the Unix epoch. Looking at it takes a moment, too."""
        self.now_ns += LOOK_NS
        return self.now_ns

    def request(self, service: str, seconds: float) -> None:
        """Wait for a service that usually takes so long.

        Raises the next planned fault of this service, if there is one.
        """
        self.wait(seconds)
        for place, (name, fault) in enumerate(self._faults):
            if name == service:
                del self._faults[place]
                # A request that fails is one that was waited for: most often a timeout.
                self.wait(seconds * 4)
                raise fault

    def wait(self, seconds: float) -> None:
        """Let time pass: log-normal, as real services do, with a long tail now and then."""
        spread = 1.1 if self._random.random() < 0.08 else 0.3
        factor = math.exp(self._random.gauss(0.0, spread))
        self.now_ns += max(1, round(seconds * factor * 1e9 / TICK_NS)) * TICK_NS


network = Network()
"""The one that the demo's tools and model talk to. A program records one run at a time."""
