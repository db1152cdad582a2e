"""For tests of traced code: its traces as plain values, and repeatable times and ids.

    with capture_traces() as traces:
        answer("Why is the sea salty?")
    assert [span.name for span in traces.one().spans] == ["answer", "search", "chat"]

Inside the block everything is recorded as usual, but into a temporary folder, which is deleted at
its end; the user's database is not touched. docs/testing.md has examples that run.
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

    Each is a clustertrace.model.Trace with its spans, tags, metrics and outcome. It can be read
    inside the block, where it grows, and after it.
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
    """Record what happens inside only for this test, and yield it as plain values.

    Whatever thread or task records inside the block is included, and so are processes that are
    started there; everything is recorded, whatever the environment says about sampling. A process
    may have one block open at a time, or one nested in another.
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
    """Inside the block, take the recorder's times from `clock_ns` and its ids from `seed`.

    `clock_ns` returns nanoseconds since 1970 and may not go back within a trace. A single thread
    gets the same ids each time; the process's own clock and ids are restored at the end.
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
    the recording answers: "llm", "tools", "all", step names separated by commas, or None for no
    calls; from step `until` on (its number or name) calls are real. The user's database is not
    touched. Raises CannotReplay if the recording lacks something that is needed, and NotFound if
    it has no such step.
    """
    from clustertrace.replay.checking import replayed

    return replayed(entry, recording, stub=stub, until=until)
