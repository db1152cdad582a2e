"""The traced program never notices the recorder, whatever it hands over and however it ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import os
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clustertrace
from clustertrace import span, trace
from clustertrace.record import callables
from clustertrace.record.spool import spool
from clustertrace.wire import parse_lines
from tests.record.conftest import Program, Recorded


class Hostile:
    """Raises whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __float__(self) -> float:
        raise RuntimeError("no")


def usage(**values: Any) -> None:
    """Say something odd about a model call."""
    with span("call", kind="llm") as call:
        call.set_usage(**values)


def status(*values: Any) -> None:
    """Say something odd about how a step ended."""
    with span("step") as step:
        step.set_status(*values)


def attributes(**values: Any) -> None:
    """Attach odd attributes."""
    with span("step") as step:
        step.set_attributes(**values)


@pytest.mark.parametrize(
    "say",
    [
        lambda: clustertrace.tag("key", Hostile()),
        lambda: clustertrace.tag(Hostile(), 1),  # type: ignore[arg-type]
        lambda: clustertrace.metric("name", Hostile()),  # type: ignore[arg-type]
        lambda: clustertrace.metric(Hostile(), 1.0),  # type: ignore[arg-type]
        lambda: clustertrace.metric("n" * 2_000_000, 1.0),
        lambda: clustertrace.outcome("fail", Hostile()),  # type: ignore[arg-type]
        lambda: clustertrace.outcome([]),  # type: ignore[arg-type]
        lambda: clustertrace.tool_call("tool", Hostile(), Hostile(), Hostile()),  # type: ignore[arg-type]
        lambda: span(Hostile()).__enter__().end(),  # type: ignore[arg-type]
        lambda: span("name", kind=[], tags=["a"]).__enter__().end(),  # type: ignore[arg-type]
        lambda: usage(model=123, input_tokens="12", cost_usd=float("nan")),
        lambda: usage(model=Hostile(), input_tokens=-1, output_tokens=float("inf")),
        lambda: status("failed"),
        lambda: status("error", Hostile()),
        lambda: attributes(one=Hostile(), two="x" * 2_000_000),
        lambda: trace(tags=["a"], sample="often", kind=None, skip="x")(len)("abc"),  # type: ignore[call-overload]
    ],
)
def test_nothing_that_is_said_can_raise_or_spoil_a_line(
    say: Callable[[], object], recorded: Recorded
) -> None:
    """Whatever is passed, the program goes on, and every line that was written can be read."""
    with span("run"):
        say()
    spool.close()
    assert recorded.bad_lines() == 0
    assert "run" in {one.name for made in recorded.traces() for one in made.spans}


def test_usage_is_brought_to_its_type(recorded: Recorded) -> None:
    """Numbers of any make are taken; what is no number is left out, the rest kept."""
    numpy = pytest.importorskip("numpy")
    usage(model="m", input_tokens=numpy.int64(12), output_tokens="7", cost_usd="free")
    (only,) = recorded.trace().spans
    assert (only.model, only.input_tokens, only.output_tokens) == ("m", 12, 7)
    assert only.cost_usd is None


def test_ok_takes_an_error_back(recorded: Recorded) -> None:
    """The last status counts, with nothing left of one before it."""
    with span("step") as step:
        step.set_status("error", "not yet")
        step.set_status("ok")
    (only,) = recorded.trace().spans
    assert (only.status, only.error_type, only.error_message) == ("ok", None, None)


def test_a_value_that_changes_while_it_is_read_is_survived() -> None:
    """Another thread may put anything into an argument at any moment."""
    shared: dict[str, Any] = {str(n): n for n in range(150)}
    over = threading.Event()

    def change() -> None:
        n = 0
        while not over.is_set():
            shared[f"x{n % 40}"] = object()
            shared.pop(f"x{(n + 20) % 40}", None)
            n += 1

    @trace
    def take(value: dict[str, Any]) -> int:
        return 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    changing = threading.Thread(target=change)
    changing.start()
    try:
        assert all(take(shared) for _ in range(500))
    finally:
        over.set()
        changing.join()
        sys.setswitchinterval(interval)


def test_a_span_may_end_in_another_task(recorded: Recorded) -> None:
    """Frameworks begin and end a dependency in tasks of their own; nothing raises, none leaks."""

    async def dependency() -> AsyncIterator[int]:
        with span("held"):
            yield 1

    async def finish(held: AsyncIterator[int]) -> None:
        with pytest.raises(StopAsyncIteration):
            await held.__anext__()

    async def begin(held: AsyncIterator[int]) -> None:
        await held.__anext__()

    async def main() -> None:
        held = dependency()
        await asyncio.create_task(begin(held))
        await asyncio.create_task(finish(held))
        with span("next"):
            pass

    asyncio.run(main())
    assert [(one.name, one.status) for one in recorded.traces()] == [("held", "ok"), ("next", "ok")]


def test_a_coroutine_may_be_dropped_anywhere(recorded: Recorded) -> None:
    """One that is closed outside of its context ends its span, and is no error."""

    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @trace
    async def waits() -> None:
        await Pause()

    waiting = waits()
    contextvars.copy_context().run(waiting.send, None)
    waiting.close()
    (only,) = recorded.trace().spans
    assert (only.status, only.attributes["generator.abandoned"]) == ("ok", True)


def test_a_span_in_an_abandoned_generator_is_no_error(recorded: Recorded) -> None:
    """Whoever stops asking for values has enough of them."""

    def numbers() -> Iterator[int]:
        with span("inside"):
            yield 1

    running = numbers()
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert recorded.spans()["inside"].status == "ok"


def _parents(recorded: Recorded) -> dict[str, str | None]:
    spans = recorded.trace().spans
    names = {one.span_id: one.name for one in spans}
    return {one.name: names.get(one.parent_span_id or "") for one in spans}


def test_a_block_in_a_generator_is_current_again_when_it_goes_on(recorded: Recorded) -> None:
    """A span that is open across a `yield` holds what is called after it."""

    @trace
    def leaf() -> None: ...

    @trace
    def numbers() -> Iterator[int]:
        with span("inner"):
            yield 1
            leaf()
            yield 2

    assert list(numbers()) == [1, 2]
    assert _parents(recorded) == {"numbers": None, "inner": "numbers", "leaf": "inner"}


def test_what_an_async_generator_cleans_up_is_its_own(recorded: Recorded) -> None:
    """Calls made while it is closed nest under it."""

    @trace
    def leaf() -> None: ...

    @trace
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            leaf()

    async def main() -> None:
        running = numbers()
        await running.__anext__()
        await running.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert _parents(recorded) == {"numbers": None, "leaf": "numbers"}


def test_a_generator_keeps_what_was_said_not_what_was_yielded(recorded: Recorded) -> None:
    """Large items can be freed as soon as their consumer lets go of them."""

    class Item(list[int]):
        pass

    @trace
    def items() -> Iterator[Item]:
        for n in range(3):
            yield Item([n])

    running = items()
    first = weakref.ref(next(running))
    next(running)
    gc.collect()
    assert first() is None
    list(running)
    assert recorded.spans()["items"].output == [[0], [1], [2]]


def test_what_does_not_fit_of_many_items_is_told(recorded: Recorded) -> None:
    """An endless stream takes bounded space, and says that there was more."""

    @trace
    def stream() -> Iterator[str]:
        for _ in range(10_000):
            yield "word " * 10

    assert len(list(stream())) == 10_000
    stream_span = recorded.spans()["stream"]
    assert stream_span.attributes["clustertrace.cut"] == ["output"]
    assert stream_span.output[-1] == f"[cut: {10_001 - len(stream_span.output)} more]"


def test_an_error_is_freed_with_its_last_reference() -> None:
    """A generator that an error went through does not keep it in a circle."""

    class Odd(Exception):
        pass

    @trace
    def numbers() -> Iterator[int]:
        yield 1

    gc.disable()
    try:
        running, odd = numbers(), Odd()
        seen = weakref.ref(odd)
        next(running)
        with pytest.raises(Odd) as caught:
            running.throw(odd)  # type: ignore[attr-defined]
        del odd, running, caught
        assert seen() is None
    finally:
        gc.enable()


def test_a_span_can_be_used_again(recorded: Recorded) -> None:
    """Each `with` is a span of its own, which begins there."""
    twice = span("step")
    with span("run"):
        for _ in range(2):
            with twice:
                pass
    trace = recorded.trace()
    assert [one.name for one in trace.spans] == ["run", "step", "step"]
    assert len({one.span_id for one in trace.spans}) == 3


def test_a_name_may_stand_alone(recorded: Recorded) -> None:
    """`@trace("name")` names the span."""

    @trace("look up")
    def look() -> int:
        return 1

    assert look() == 1
    assert recorded.trace().name == "look up"


def test_a_class_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """What is no function is not wrapped, with a word about it."""

    @trace
    class Thing:
        pass

    assert isinstance(Thing(), Thing)
    assert "Thing" in caplog.text


def test_skipped_arguments_are_skipped_wherever_they_stand(recorded: Recorded) -> None:
    """A name to skip is skipped among `**kwargs` too; one name needs no list."""

    @trace(skip="handle")
    def named(handle: str, n: int) -> None: ...

    @trace(skip=["handle"])
    def anything(**more: Any) -> None: ...

    named("hidden", n=1)
    anything(handle="hidden", n=2)
    assert [one.spans[0].input for one in recorded.traces()] == [{"n": 1}, {"more": {"n": 2}}]


def test_code_and_inspect_read_the_same_names() -> None:
    """The quick way to a function's parameters agrees with the standard library's."""

    def function(a: int, /, b: int, *rest: int, c: int, **more: int) -> None: ...
    def bare() -> None: ...
    async def positional(a: int, /, b: int = 1) -> None: ...

    class Called:
        def __init__(self, names: Any) -> None:
            self.__signature__ = names

        def __call__(self) -> None: ...

    import inspect

    for one in (function, bare, positional):
        assert callables._names(one) == callables._names(Called(inspect.signature(one)))


def test_a_program_that_closes_every_file_keeps_its_own(tmp_path: Path, recorded: Recorded) -> None:
    """Where the program took over the segment's number, its file is neither written nor closed."""

    @trace
    def work(n: int) -> None: ...

    work(1)
    number = spool._fd
    os.close(number)
    own = os.open(tmp_path / "own", os.O_WRONLY | os.O_CREAT)
    assert own == number
    work(2)
    spool.close()
    os.close(own)
    assert (tmp_path / "own").read_bytes() == b""
    assert [one.spans[0].input["n"] for one in recorded.traces()] == [1, 2]


@pytest.mark.parametrize(
    "lost",
    [
        "os.environ.pop('CLUSTERTRACE_DB'); os.environ['HOME'] = '~'",
        "os.environ['CLUSTERTRACE_DB'] = 'relative.db'; os.mkdir('x'); os.chdir('x'); "
        "os.rmdir('../x')",
    ],
    ids=["home", "folder"],
)
def test_a_process_without_a_home_or_a_folder_runs(program: Program, lost: str) -> None:
    """Where there is no place for a spool, that is said once and the program goes on."""
    done = program(f"""
import os
{lost}
import clustertrace
@clustertrace.trace
def work(n): return n
print(work(1) + work(2), clustertrace.flush())
""")
    assert done.stdout.split()[:1] == ["3"], done.stderr
    assert done.stderr.count("CLUSTERTRACE_DB") == 1


def test_attributes_tell_what_of_them_is_cut(recorded: Recorded) -> None:
    """The mark names the attribute, and is not crowded out by it."""
    attributes(large="x" * 2_000_000, small=1)
    (only,) = recorded.trace().spans
    assert only.attributes["clustertrace.cut"] == ["attributes.large"]
    assert only.attributes["small"] == 1
    assert len(json.dumps(only.attributes)) < 40_000


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(Hostile),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.none(), inner),
    max_leaves=10,
)


@given(ANY, ANY)
def test_any_value_anywhere_makes_lines_that_can_be_read(value: Any, other: Any) -> None:
    """Any value, as any argument of any call, leads to lines that can be read."""

    @trace(name=value, tags={"t": value}, sample=1.0)
    def work(argument: Any) -> Any:
        clustertrace.tag(value, other)
        clustertrace.metric(value, other)
        clustertrace.outcome("fail", value)
        clustertrace.tool_call(value, other, value, error=other)
        with span(value, kind="llm", input=value, tags=other, odd=other) as call:
            call.set_usage(value, input_tokens=other, cost_usd=other)
            call.set_status("error", value)
            raise ValueError(argument)

    with clustertrace.session(value), pytest.raises(ValueError):  # noqa: PT011 - any message
        work(value)
    assert spool.segment is not None
    written = Path(spool.segment).read_bytes()
    spool.close()
    lines = written.splitlines()
    assert len(lines) >= 5
    assert parse_lines(lines).bad == []
