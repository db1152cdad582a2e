"""Run a program's entry again with the arguments of a recorded trace."""

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
    check_answers,
    check_stubbed_names,
    recorded_calls,
    stubs,
)

__all__ = ["Rerun", "entry_of", "rerun"]


@dataclass(frozen=True, slots=True)
class Rerun:
    """The result of a repeated run."""

    played: int
    """How many calls the recording answered."""
    differing: tuple[int, ...]
    """Steps of the recording that answered a call with other arguments."""
    left: str | None
    """The unrecorded call at which the run ended, if there was one."""
    error: str | None
    """The exception that the entry raised."""
    trace_id: str | None = None
    """The new run; None if the entry was not recorded."""


def entry_of(spec: str) -> Callable[..., Any]:
    """The function named by `module:name`; the current folder is searched too.

    Raises UsageError or NotFound.
    """
    module, colon, name = spec.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"--entry expects module:function, such as my_agent:run, not {spec!r}.")
    directory = str(Path.cwd())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        target: Any = importlib.import_module(module)
    except Exception as error:  # the program's own code runs here
        raise NotFound(
            f"{module} can't be imported from {directory} ({type(error).__name__}: {error})."
        ) from error
    for part in name.split("."):
        target = getattr(target, part, None)
    if not callable(target):
        raise NotFound(f"{module} has no function {name!r}.")
    return target  # type: ignore[no-any-return]


def rerun(
    entry: Callable[..., Any],
    recording: Trace,
    *,
    stub: str | None = None,
    until: str | None = None,
    changes: Sequence[Change] = (),
    model: str | None = None,
) -> Rerun:
    """Call the entry with the recorded arguments, and record the run as a new trace.

    `stub` says which calls the recording answers (see replay.recording.stubs), `until` from which
    step on it no longer does. `model` replaces the argument `model`, or without one the model of
    every call of a wrapped client. Raises, before anything runs, CannotReplay if the recording
    lacks something that is needed, and NotFound if it has no step of a stubbed name.
    """
    root = root_of(in_order(recording.spans))
    stubbed = stubs(stub)
    check_stubbed_names(stubbed, recording)
    calls = recorded_calls(recording, stubbed)
    if until is not None:
        if stub is None:
            raise UsageError("--until says where stubs end; say which calls with --stub.")
        calls = calls_before(calls, until)
    check_answers(calls)
    parameters = inspect.signature(entry).parameters
    if model is not None and "model" in parameters:
        changes, model = (*changes, Change(("model",), model)), None
    args, kwargs = arguments_of(root, entry, changes)
    run = entry if hasattr(entry, TRACED) else traced(name=root.name, kind=root.kind)(entry)
    player = RecordingPlayer(
        calls,
        stubbed,
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
        except (Exception, SystemExit) as raised:  # the program's own, reported in the result
            error = None if exits_well(raised) else f"{type(raised).__name__}: {raised}"
    return Rerun(player.played, tuple(player.differing), player.left, error, player.trace_id)


def _finish(result: Any) -> None:
    """Run a returned coroutine or generator to its end."""
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
