"""The text of an exception's traceback, and what it costs the spans that it passes through."""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable
from types import TracebackType

import pytest

from clustertrace import trace
from clustertrace.record import stacks
from clustertrace.record.stacks import stack_of
from tests.record.conftest import Recorded


def fails() -> None:
    raise ValueError("first")


def chains() -> None:
    try:
        fails()
    except ValueError as error:
        error.add_note("said of it")
        raise LookupError("second") from error


def handles() -> None:
    try:
        chains()
    except LookupError:
        fails()


def hides() -> None:
    try:
        fails()
    except ValueError:
        raise LookupError("alone") from None


def holds() -> None:
    failed = []
    for one in (fails, chains):
        try:
            one()
        except Exception as error:
            failed.append(error)
    raise ExceptionGroup("both", failed)


def recurs(depth: int = 20) -> int:
    return 1 // depth + recurs(depth - 1)


def misspells() -> None:
    misspell()  # type: ignore[name-defined]  # noqa: F821


def does_not_compile() -> None:
    compile("a b", "nowhere.py", "exec")


@pytest.mark.parametrize(
    "way", [fails, chains, handles, hides, holds, recurs, misspells, does_not_compile]
)
def test_as_python_prints_it(way: Callable[[], object]) -> None:
    """The text is Python's own: causes, groups, notes, repeated steps and hints included."""
    for _ in range(2):
        try:
            way()
        except Exception as error:
            both = stack_of(error), traceback.format_exc()
        assert both[0] == both[1]


def test_no_step_of_the_recorder(recorded: Recorded) -> None:
    """A span's stack begins at its call, and names the program's steps only, causes included."""

    @trace
    def inner() -> None:
        fails()

    @trace
    def middle() -> None:
        try:
            inner()
        except ValueError as error:
            raise LookupError("again") from error

    @trace
    def outer() -> None:
        middle()

    with pytest.raises(LookupError):
        outer()
    stacks_by_name = {
        name: str(span.attributes["exception.stacktrace"])
        for name, span in recorded.spans().items()
    }
    steps = {
        name: [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("  File")]
        for name, text in stacks_by_name.items()
    }
    assert steps == {
        "inner": ["inner", "fails"],
        "middle": ["middle", "inner", "fails", "middle"],
        "outer": ["middle", "inner", "fails", "outer", "middle"],
    }


def test_each_step_is_formatted_once(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many spans an exception passes through, a step's text is made the first time."""
    made: list[str] = []

    def formatted(link: TracebackType) -> list[str]:
        made.append(link.tb_frame.f_code.co_name)
        return [f"  {made[-1]}\n"]

    monkeypatch.setattr(traceback, "format_tb", formatted)

    @trace
    def down(depth: int) -> int:
        return 1 // depth + down(depth - 1)

    with pytest.raises(ZeroDivisionError):
        down(30)
    assert len(recorded.trace().spans) == 31
    assert made == ["down", "down"], "the line that fails, and the one that calls"


def test_only_the_last_steps() -> None:
    """Of a long way the end is told, where the error arose."""
    with pytest.raises(ZeroDivisionError) as caught:
        recurs(200)
    text = str(stack_of(caught.value))
    assert "repeated 47 more times" in text
    assert "test_only_the_last_steps" not in text


def test_nothing_is_kept_alive() -> None:
    """What is remembered holds neither the exception nor what its steps held, and is bounded."""

    class Held(Exception):
        pass

    def fail() -> None:
        raise Held

    def seen() -> weakref.ref[Held]:
        try:
            fail()
        except Held as error:
            stack_of(error)
            return weakref.ref(error)

    assert seen()() is None
    for number in range(stacks._REMEMBERED + 10):
        try:
            exec(compile("1 / 0", f"cell {number}", "exec"), {})
        except ZeroDivisionError as error:
            text = str(stack_of(error))
        assert f"cell {number}" in text
    assert len(stacks._known) <= stacks._REMEMBERED
