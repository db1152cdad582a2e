"""`@trace` and what can be said inside it: the recorded trace is the call that was made."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import pickle
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import clustertrace
from clustertrace import span, trace
from tests.record.conftest import Recorded


@trace
def plain(a: int, b: int = 2, *rest: int, key: str = "k", **more: Any) -> int:
    """Add."""
    return a + b


def test_a_call_is_recorded(recorded: Recorded) -> None:
    """Arguments by name, result, kind and times are there."""
    assert plain(1, 5, 6, key="x", other=True) == 6
    (only,) = recorded.trace().spans
    assert only.input == {"a": 1, "b": 5, "rest": [6], "key": "x", "more": {"other": True}}
    assert (only.name, only.kind, only.status, only.output) == ("plain", "chain", "ok", 6)
    assert only.end_ns is not None
    assert only.end_ns >= only.start_ns
    assert recorded.bad_lines() == 0


def test_options_are_heeded(recorded: Recorded) -> None:
    """Name, kind, tags and skipped arguments are as asked for."""

    @trace(name="look up", kind="tool", tags={"team": "red", "size": 3}, skip=["secret"])
    def look(query: str, secret: str) -> None:
        clustertrace.tag("team", "blue")

    look("q", "hush")
    recorded_trace = recorded.trace()
    assert (recorded_trace.name, recorded_trace.spans[0].kind) == ("look up", "tool")
    assert recorded_trace.tags == {"team": "blue", "size": "3"}
    assert recorded_trace.spans[0].input == {"query": "q"}


def test_calls_nest(recorded: Recorded) -> None:
    """What is called inside becomes a child, what is called after a trace of its own."""

    @trace
    def outer() -> None:
        plain(1)
        with span("block", kind="tool", input={"q": 1}, colour="red") as step:
            step.set_output("out")
            plain(2)

    outer()
    plain(3)
    first, second = recorded.traces()
    ids = {one.span_id: one.name for one in first.spans}
    tree = [(one.name, ids.get(one.parent_span_id or "")) for one in first.spans]
    assert tree == [("outer", None), ("plain", "outer"), ("block", "outer"), ("plain", "block")]
    block = first.spans[2]
    assert (block.input, block.output, block.attributes) == ({"q": 1}, "out", {"colour": "red"})
    assert second.name == "plain"


def test_an_exception_is_recorded_and_goes_on_untouched(recorded: Recorded) -> None:
    """The caller gets the very exception; the span its type, message and stack."""
    raised = ValueError("it broke")
    cause = KeyError("cause")
    raised.__cause__ = cause

    @trace
    def breaks() -> None:
        raise raised

    with pytest.raises(ValueError, match="it broke") as caught:
        breaks()
    assert caught.value is raised
    assert raised.__cause__ is cause
    assert raised.__context__ is None
    (only,) = recorded.trace().spans
    assert (only.status, only.error_type, only.error_message) == ("error", "ValueError", "it broke")
    stack = only.attributes["exception.stacktrace"]
    assert "in breaks" in stack
    assert "decorator.py" not in stack, "a step of the recorder's is none of the program's"
    assert recorded.trace().status == "error"


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(2), SystemExit("0"), asyncio.CancelledError()],
    ids=repr,
)
def test_interruptions_are_errors_too(recorded: Recorded, error: BaseException) -> None:
    """What ends a program or a task ends its spans in error, and goes on."""

    @trace
    def breaks() -> None:
        raise error

    with pytest.raises(type(error)):
        breaks()
    assert recorded.spans()["breaks"].status == "error"


@pytest.mark.parametrize("code", [0, None, False])
def test_a_program_that_exits_well_has_not_failed(recorded: Recorded, code: object) -> None:
    """`sys.exit(0)` goes on, and ends every sort of span that it leaves "ok", without an error."""

    @trace
    def main() -> None:
        with span("block"):
            list(items())

    @trace
    def items() -> Iterator[int]:
        yield 1
        sys.exit(code)  # type: ignore[arg-type]

    with pytest.raises(SystemExit):
        main()
    spans = recorded.spans().values()
    assert [(one.status, one.error_type) for one in spans] == [("ok", None)] * 3
    assert recorded.trace().status == "ok"


class Shop:
    """Methods of every sort."""

    @trace
    def method(self, item: str) -> str:
        return item

    @trace
    @classmethod
    def on_class(cls, item: str) -> str:
        return item

    @staticmethod
    @trace
    def static(item: str) -> str:
        return item


def test_methods_leave_themselves_out(recorded: Recorded) -> None:
    """`self` and `cls` are no arguments; the order of decorators does not matter."""
    Shop().method("a")
    Shop.on_class("b")
    Shop.static("c")
    assert [one.spans[0].input for one in recorded.traces()] == [
        {"item": "a"},
        {"item": "b"},
        {"item": "c"},
    ]


def test_a_traced_function_looks_like_itself() -> None:
    """Name, docstring, signature, pickling and the kind of function are as before."""

    @trace
    async def coroutine() -> None: ...
    @trace
    def generator() -> Iterator[int]:
        yield 1

    @trace
    async def async_generator() -> AsyncIterator[int]:
        yield 1

    assert (plain.__name__, plain.__doc__) == ("plain", "Add.")
    assert list(inspect.signature(plain).parameters) == ["a", "b", "rest", "key", "more"]
    assert pickle.loads(pickle.dumps(plain)) is plain
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_gathered_calls_nest_and_separate_calls_are_separate(recorded: Recorded) -> None:
    """Siblings in `gather` share their parent; top-level calls at once are traces of their own."""

    @trace
    async def leaf(n: int) -> int:
        await asyncio.sleep(0)
        plain(n)
        return n

    @trace
    async def top() -> list[int]:
        return list(await asyncio.gather(leaf(1), leaf(2)))

    async def main() -> None:
        await top()
        await asyncio.gather(leaf(3), leaf(4))

    asyncio.run(main())
    traces = recorded.traces()
    assert [len(one.spans) for one in traces] == [5, 2, 2]
    root, *rest = traces[0].spans
    leaves = [one for one in rest if one.name == "leaf"]
    assert {one.parent_span_id for one in leaves} == {root.span_id}
    assert {one.parent_span_id for one in rest if one.name == "plain"} == {
        one.span_id for one in leaves
    }


def test_a_generator_lasts_until_it_ends(recorded: Recorded) -> None:
    """Spans made inside nest under it, those of its consumer do not, and yields are its output."""

    @trace
    def numbers() -> Iterator[int]:
        plain(1)
        yield 10
        yield 20

    @trace
    def consumer() -> int:
        total = 0
        for number in numbers():
            plain(number)
            total += number
        return total

    assert consumer() == 30
    recorded_trace = recorded.trace()
    names = {one.span_id: one.name for one in recorded_trace.spans}
    inner = [
        (one.input["a"], names[one.parent_span_id or ""])
        for one in recorded_trace.spans
        if one.name == "plain"
    ]
    assert inner == [(1, "numbers"), (10, "consumer"), (20, "consumer")]
    numbers_span = next(one for one in recorded_trace.spans if one.name == "numbers")
    assert numbers_span.output == [10, 20]
    assert (numbers_span.end_ns or 0) > recorded_trace.spans[-1].start_ns


def test_a_generator_speaks_with_its_consumer(recorded: Recorded) -> None:
    """Values sent, exceptions thrown and the returned value pass through."""

    @trace
    def echo() -> Any:
        got = yield "first"
        try:
            yield got
        except ValueError:
            yield "caught"
        return "end"

    def outer() -> Any:
        return (yield from echo())

    running = outer()
    assert next(running) == "first"
    assert running.send("sent") == "sent"
    assert running.throw(ValueError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "end"
    assert recorded.spans()["echo"].output == ["first", "sent", "caught"]


def test_an_abandoned_generator_says_so(recorded: Recorded) -> None:
    """A consumer that stops early is no error; what was yielded is kept."""
    cleaned = []

    @trace
    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    for _ in numbers():
        break
    numbers_span = recorded.spans()["numbers"]
    assert (numbers_span.status, numbers_span.output) == ("ok", [1])
    assert numbers_span.attributes["generator.abandoned"] is True
    assert cleaned == [True]


def test_a_stream_left_as_the_loop_ends_is_no_error(recorded: Recorded) -> None:
    """The loop cancels the closing of what its consumer left; a cancelled run stays an error."""

    @trace
    async def stream(name: str) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60 if name == "cancelled" else 0)
        yield 2

    async def leave() -> None:
        async for _ in stream("left"):
            break

    async def wait() -> None:
        async for _ in stream("cancelled"):
            pass

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    asyncio.run(cancel())
    found = {trace.spans[0].input["name"]: trace.spans[0] for trace in recorded.traces()}
    assert found["left"].status == "ok"
    assert found["left"].attributes["generator.abandoned"] is True
    assert found["cancelled"].status == "error"


def test_a_cancellation_survived_at_a_yield_excuses_no_later_one(recorded: Recorded) -> None:
    """A stream that goes on after one was thrown in is cancelled for real by the next."""

    @trace
    async def stubborn() -> AsyncIterator[int]:
        with contextlib.suppress(asyncio.CancelledError):
            yield 1
        yield 2
        raise asyncio.CancelledError

    async def main() -> None:
        running = stubborn()
        assert await anext(running) == 1
        assert await running.athrow(asyncio.CancelledError()) == 2  # type: ignore[attr-defined]
        with contextlib.suppress(asyncio.CancelledError):
            await anext(running)

    asyncio.run(main())
    assert recorded.spans()["stubborn"].status == "error"


def test_attributes_are_taken_as_a_mapping_too(recorded: Recorded) -> None:
    """Attributes may be a mapping, as in OpenTelemetry; what is none never breaks the program."""
    with clustertrace.span("step") as step:
        step.set_attributes({"gen_ai.x": 1}, b=2)
        step.set_attributes("nothing")  # type: ignore[arg-type]
    found = recorded.spans()["step"]
    assert (found.status, found.attributes["gen_ai.x"], found.attributes["b"]) == ("ok", 1, 2)


def test_a_generator_that_fails_keeps_what_it_yielded(recorded: Recorded) -> None:
    """The error and the partial output are both there."""

    @trace
    def numbers() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(numbers())
    numbers_span = recorded.spans()["numbers"]
    assert (numbers_span.status, numbers_span.error_type, numbers_span.output) == (
        "error",
        "OSError",
        [1],
    )


def test_async_generators_too(recorded: Recorded) -> None:
    """An async generator's span lasts as long, and holds what is called inside."""

    @trace
    async def numbers() -> AsyncIterator[int]:
        plain(1)
        yield 1
        await asyncio.sleep(0)
        yield 2

    async def main() -> None:
        assert [n async for n in numbers()] == [1, 2]
        async for _ in (stopped := numbers()):
            break
        await stopped.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    whole, part = recorded.traces()
    assert whole.spans[0].output == [1, 2]
    assert whole.spans[1].parent_span_id == whole.spans[0].span_id
    assert part.spans[0].output == [1]


def test_threads_keep_their_parent_with_carry(recorded: Recorded) -> None:
    """Work handed to a pool nests under the span that handed it over."""

    @trace
    def outer() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(clustertrace.carry(plain), range(4)))

    outer()
    recorded_trace = recorded.trace()
    assert {one.parent_span_id for one in recorded_trace.spans[1:]} == {
        recorded_trace.spans[0].span_id
    }
    assert len(recorded_trace.spans) == 5


def test_facts_are_of_the_current_trace(recorded: Recorded) -> None:
    """Tags, metrics, outcomes, tool calls and sessions are recorded where they are said."""

    @trace(kind="agent")
    def agent() -> None:
        clustertrace.tag("tier", 1)
        clustertrace.metric("score", 0.5)
        clustertrace.tool_call("search", {"q": 1}, ["hit"])
        clustertrace.tool_call("fetch", error=TimeoutError("slow"))
        clustertrace.tool_call("pay", error="declined")
        clustertrace.outcome("fail", "no answer")

    with clustertrace.session("chat-1"):
        agent()
    recorded_trace = recorded.trace()
    assert (recorded_trace.tags, recorded_trace.session_id) == ({"tier": "1"}, "chat-1")
    assert (recorded_trace.outcome, recorded_trace.outcome_reason) == ("fail", "no answer")
    assert [(one.name, one.value) for one in recorded_trace.metrics] == [("score", 0.5)]
    steps = {one.name: one for one in recorded_trace.spans}
    assert (steps["search"].kind, steps["search"].output) == ("tool", ["hit"])
    assert steps["fetch"].error_type == "TimeoutError"
    assert steps["pay"].error_message == "declined"


def test_usage_is_recorded(recorded: Recorded) -> None:
    """A model call made by hand has its model, tokens and reason."""
    with span("chat", kind="llm") as call:
        call.set_usage("some-model", provider="p", input_tokens=9, output_tokens=1)
        call.set_usage(finish_reason="stop", cost_usd=0.25)
    (only,) = recorded.trace().spans
    assert (only.model, only.input_tokens, only.finish_reason) == ("some-model", 9, "stop")
    assert only.cost_usd == 0.25


@pytest.mark.parametrize(
    "say",
    [
        lambda: clustertrace.metric("m", float("inf")),
        lambda: clustertrace.metric("m", "many"),  # type: ignore[arg-type]
        lambda: clustertrace.metric("m", 10**400),
        lambda: clustertrace.outcome("perhaps"),  # type: ignore[arg-type]
    ],
)
def test_nonsense_is_noticed_not_raised(
    recorded: Recorded, caplog: pytest.LogCaptureFixture, say: Any
) -> None:
    """What can't be recorded is logged once and costs the trace nothing."""
    with span("run"):
        say()
        say()
    assert len(caplog.records) == 1
    recorded_trace = recorded.trace()
    assert (recorded_trace.metrics, recorded_trace.outcome, recorded_trace.status) == (
        (),
        None,
        "ok",
    )


def test_outside_of_a_trace_there_is_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """A tag without a trace is noticed once."""
    clustertrace.tag("a", "b")
    clustertrace.tag("a", "b")
    assert [record.message for record in caplog.records] == [
        "clustertrace.tag() was called outside of any trace and is not recorded."
    ]


def test_an_unknown_kind_is_a_chain(recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    """A kind that nobody knows is noticed and goes on as a chain."""
    with span("run", kind="spaceship"):
        pass
    assert recorded.trace().spans[0].kind == "chain"
    assert "spaceship" in caplog.text


def test_sampling_takes_whole_traces(recorded: Recorded) -> None:
    """A root that is not sampled takes its children and facts with it."""

    @trace(sample=0.0)
    def never() -> None:
        plain(1)
        clustertrace.tag("a", "b")
        with span("inner"):
            pass

    @trace(sample=1.0)
    def always() -> None:
        plain(1)

    never()
    always()
    assert [one.name for one in recorded.traces()] == ["always"]


def test_what_is_cut_is_marked(recorded: Recorded) -> None:
    """A two-megabyte argument is cut, and the span says which one."""
    plain.__wrapped__  # type: ignore[attr-defined]  # noqa: B018 - the function itself is at hand

    @trace
    def read(text: str, handle: object) -> str:
        return text

    read("x" * 2_000_000, object())
    (only,) = recorded.trace().spans
    assert "input.text" in only.attributes["clustertrace.cut"]
    assert "output" in only.attributes["clustertrace.cut"]
    assert only.attributes["clustertrace.opaque"] == ["input.handle"]
    assert len(only.input["text"]) < 40_000


@pytest.mark.parametrize(
    "value", [float("nan"), {1, 2}, b"\xff", "\ud800", type("Odd", (), {"__repr__": 0})()]
)
def test_any_argument_is_survived(recorded: Recorded, value: Any) -> None:
    """Whatever is passed, the call works and its line can be read."""

    @trace
    def take(value: Any) -> Any:
        return value

    assert take(value) is value
    assert recorded.trace().name == "take"
    assert recorded.bad_lines() == 0


def test_names_of_any_kind_are_kept(recorded: Recorded) -> None:
    """Quotes, line breaks and other scripts in a name do no harm."""
    with span('a "b"\n\ud800 東京\u2028'):
        pass
    assert recorded.trace().name == 'a "b"\n? 東京\u2028'


def test_secrets_at_the_end_of_what_is_kept_are_counted_too(recorded: Recorded) -> None:
    """They are taken out before the rest is cut off, from inputs and from what was yielded."""
    text = "x" * 32_750 + ' {"api_key": "hunter2-hunter2"} ' + "y" * 1000

    @trace
    def pages() -> Iterator[str]:
        yield text

    with span("read", input=text):
        list(pages())
    for only in recorded.spans().values():
        assert "hunter2" not in str(only)
        assert only.attributes["clustertrace.redacted"] == 1


def test_redaction_cuts_values_never_the_record(recorded: Recorded) -> None:
    """A span whose name or model sounds like a secret keeps its kind and attributes."""
    with span("get_secret", kind="tool", input="sk-ant-api03-" + "a1B2" * 12) as step:
        step.set_output("password")
        step.set_usage("token", provider="cookie", finish_reason="secret")
        step.set_attributes(page=2)
    (only,) = recorded.trace().spans
    assert (only.name, only.kind, only.output) == ("get_secret", "tool", "password")
    assert (only.model, only.provider, only.finish_reason) == ("token", "cookie", "secret")
    assert only.attributes == {"page": 2, "clustertrace.redacted": 1}
    assert "sk-ant" not in only.input
