"""Run a program's entry again, as a recorded trace was run."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustertrace.errors import NotFound, UsageError
from clustertrace.model import REPLAY_OF, Trace
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.record.active import exits_well
from clustertrace.record.decorator import TRACED
from clustertrace.record.decorator import trace as traced
from clustertrace.record.playback import playing
from clustertrace.replay.arguments import Change, arguments_of
from clustertrace.replay.player import LeftRecording, RecordingPlayer
from clustertrace.replay.recording import (
    calls_before,
    must_be_known,
    must_be_whole,
    recorded_calls,
    stubs,
)

__all__ = ["Rerun", "entry_of", "rerun"]


@dataclass(frozen=True, slots=True)
class Rerun:
    """What became of a run that was repeated."""

    played: int
    """Calls that the recording answered."""
    differing: tuple[int, ...]
    """Steps of the recording that answered a call with other arguments."""
    left: str | None
    """The call that the recording does not hold, if the run left it there and ended."""
    error: str | None
    """The exception that the entry ended in."""
    trace_id: str | None = None
    """The new run; None if the entry was not recorded."""


def entry_of(told: str, folder: Path | None = None) -> Callable[..., Any]:
    """The function behind `module:name`, looked for in `folder` (None: the current one) as well.

    Raises UsageError or NotFound.
    """
    module, colon, name = told.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"--entry expects module:function, such as my_agent:run, not {told!r}.")
    place = str(folder or Path.cwd())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # the program's own code runs here
        raise NotFound(
            f"{module} can't be imported from {place} ({type(error).__name__}: {error})."
        ) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise NotFound(f"{module} has no function {name!r}.")
    return found  # type: ignore[no-any-return]


def rerun(
    entry: Callable[..., Any],
    recording: Trace,
    *,
    stub: str | None = None,
    until: str | None = None,
    changes: Sequence[Change] = (),
    model: str | None = None,
) -> Rerun:
    """Call the entry as the recording was called, and record it as a trace of its own.

    `stub` says which calls the recording answers (see replay.recording.stubs), `until` at which
    step it stops to. `model` replaces an argument of that name, or else the model of every call
    that a wrapped client makes. Raises CannotReplay, before anything runs, where the recording
    lacks what it takes, and NotFound where it has no step of a name that is to be stubbed.
    """
    root = root_of(in_order(recording.spans))
    answered = stubs(stub)
    must_be_known(answered, recording)
    calls = recorded_calls(recording, answered)
    if until is not None:
        if stub is None:
            raise UsageError("--until says where stubs end; say which calls with --stub.")
        calls = calls_before(calls, until)
    must_be_whole(calls)
    parameters = inspect.signature(entry).parameters
    if model is not None and "model" in parameters:
        changes, model = (*changes, Change(("model",), model)), None
    args, kwargs = arguments_of(root, entry, changes)
    run = entry if hasattr(entry, TRACED) else traced(name=root.name, kind=root.kind)(entry)
    player = RecordingPlayer(
        calls,
        answered,
        live_after=until is not None,
        tags={REPLAY_OF: recording.trace_id},
        model=model,
        entry=getattr(run, TRACED),
    )
    error = None
    with playing(player):
        try:
            _finish(run(*args, **kwargs))
        except LeftRecording:
            pass
        except (Exception, SystemExit) as raised:  # the program's own, and part of the answer
            error = None if exits_well(raised) else f"{type(raised).__name__}: {raised}"
    return Rerun(player.played, tuple(player.differing), player.left, error, player.trace_id)


def _finish(result: Any) -> None:
    """Let what a call returned run to its end."""
    if inspect.iscoroutine(result):
        asyncio.run(_awaited(result))
    elif inspect.isasyncgen(result):
        asyncio.run(_exhausted(result))
    elif inspect.isgenerator(result):
        for _ in result:
            pass


async def _awaited(result: Any) -> Any:
    return await result


async def _exhausted(result: Any) -> None:
    async for _ in result:
        pass
