"""For tests of code that is traced: its traces as plain values, and times and ids that repeat.

    with capture_traces() as traces:
        answer("Why is the sea salty?")
    assert [span.name for span in traces.one().spans] == ["answer", "search", "chat"]

Inside the block everything is recorded as ever, but into a folder of its own, which goes with the
block; the user's database is not touched. docs/testing.md has examples that run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, overload

from clustertrace.record.clock import source
from clustertrace.record.redirecting import recording_into

if TYPE_CHECKING:
    from clustertrace.model import Trace
    from clustertrace.replay.checking import Replayed

__all__ = ["CapturedTraces", "capture_traces", "deterministic", "replay"]


class CapturedTraces(Sequence["Trace"]):
    """The traces that have ended since the block began, in the order of their start.

    Each is a clustertrace.model.Trace with its spans, tags, metrics and outcome. May be looked at
    within the block, where it grows, and after it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._final: tuple[Trace, ...] | None = None

    @overload
    def __getitem__(self, at: int) -> Trace: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Trace]: ...

    def __getitem__(self, at: int | slice) -> Trace | Sequence[Trace]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<CapturedTraces {[trace.name for trace in self]}>"

    def one(self) -> Trace:
        """The only trace. Raises AssertionError, with their names, if there is not exactly one."""
        found = self._all()
        if len(found) != 1:
            names = ", ".join(trace.name for trace in found) or "none"
            raise AssertionError(f"expected one finished trace, found {len(found)}: {names}")
        return found[0]

    def _all(self) -> tuple[Trace, ...]:
        if self._final is not None:
            return self._final
        from clustertrace.assembling import finished_traces

        segments = sorted(self._folder.glob("*.spool/*.jsonl"))
        return tuple(finished_traces(segment.read_bytes() for segment in segments))

    def _close(self) -> None:
        self._final = self._all()


@contextmanager
def capture_traces() -> Iterator[CapturedTraces]:
    """Record what happens inside for the test alone, and hand it out as plain values.

    Whatever thread or task records inside the block is included, and so are processes that are
    started there; recording is on and whole whatever the environment says about sampling. One
    block at a time may be open in a process, or one inside the other.
    """
    with TemporaryDirectory(prefix="clustertrace-") as name:
        traces = CapturedTraces(Path(name))
        with recording_into(Path(name) / "traces.db"):
            try:
                yield traces
            finally:
                traces._close()


@contextmanager
def deterministic(*, clock_ns: Callable[[], int], seed: int = 0) -> Iterator[None]:
    """Inside, the recorder's times come from `clock_ns` and its ids from `seed`.

    `clock_ns` returns nanoseconds since 1970 and may not go back within a trace. One thread at a
    time gives the same ids each time; the process's own clock and ids return at the end.
    """
    before = source.wall_ns, source.tick_ns, source.bits, source.chance
    chance = random.Random(seed)
    source.wall_ns = source.tick_ns = clock_ns
    source.bits, source.chance = chance.getrandbits, chance.random
    try:
        yield
    finally:
        source.wall_ns, source.tick_ns, source.bits, source.chance = before


def replay(
    entry: Callable[..., Any],
    recording: Mapping[str, Any],
    *,
    stub: str | None = "all",
    until: str | None = None,
) -> Replayed:
    """Call `entry` as it was called in a recorded trace, and say whether it fails as it did.

    `recording` is a trace in the native format (`clustertrace export`). `stub` says which calls
    the recording answers: "llm", "tools", "all", names of steps with commas, or None for none of
    them; from step `until` on (its number or name) calls are made for real. The user's database
    is not touched. Raises CannotReplay where the recording lacks what it takes, and NotFound
    where it has no such step.
    """
    from clustertrace.replay.checking import replayed

    return replayed(entry, recording, stub=stub, until=until)
