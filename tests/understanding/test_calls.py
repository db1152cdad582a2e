from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest

from clustertrace.model import Span
from clustertrace.understanding.calls import repeats
from clustertrace.understanding.same_calls import candidate_pairs, common_keys, nearest_by_start

SECOND = 10**9
STREAMED = "streaming response from 'gpt-4o-mini'"


def call(
    span_id: str,
    scope: str = "",
    *,
    start: float = 0,
    end: float = 1,
    parent: str | None = None,
    trace: str = "t",
    response: str | None = None,
    tokens: tuple[int | None, int | None] = (82, 17),
    **fields: Any,
) -> Span:
    attributes = {"scope.name": scope} if scope else {}
    if response:
        attributes["gen_ai.response.id"] = response
    all_fields = {"name": "chat", "kind": "llm", "status": "ok", "model": "gpt-4o-mini", **fields}
    return Span(
        trace_id=trace,
        span_id=span_id,
        parent_span_id=parent,
        start_ns=int(start * SECOND),
        end_ns=int(end * SECOND),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        attributes=attributes,
        **all_fields,
    )


def test_the_same_response() -> None:
    """Two instrumentations that name the same response at the same time report one call."""
    spans = [call("a", "one", response="r"), call("b", "two", response="r", start=0.1)]
    assert repeats(spans) == {"b": "the same call as a, reported by one"}


def test_the_same_response_later() -> None:
    """A response's id may come again: calls after each other are two, as are one scope's."""
    spans = [call("a", "one", response="r"), call("b", "two", response="r", start=2, end=3)]
    assert repeats(spans) == {}
    assert repeats([call("a", "one", response="r"), call("b", "one", response="r")]) == {}


def test_other_responses() -> None:
    """Calls at the same time with responses of their own are two, however alike."""
    assert repeats([call("a", "one", response="r"), call("b", "two", response="s")]) == {}


def test_one_inside_the_other() -> None:
    """Of two nested reports of a call the one that knows more counts, also from one scope."""
    outer = call("a", "one", tokens=(None, None), end=2)
    chain = call("b", "one", parent="a", kind="chain", tokens=(None, None))
    inner = call("c", "two", parent="b")
    assert set(repeats([outer, chain, inner])) == {"a"}
    assert set(repeats([outer, inner._replace(parent_span_id="a")])) == {"a"}


def test_calls_through_a_tool_or_an_agent() -> None:
    """A call that a tool makes inside another call is its own."""
    for kind in ("tool", "agent"):
        spans = [
            call("a", "one", end=3),
            call("b", "one", parent="a", kind=kind, tokens=(None, None)),
            call("c", "one", parent="b", start=1, end=2),
        ]
        assert repeats(spans) == {}


def test_a_call_around_several() -> None:
    """A span around several calls repeats their totals, unless it alone knows any."""
    inner = [call("b", parent="a"), call("c", parent="a", start=2, end=3)]
    assert repeats([call("a", end=4, tokens=(164, 34)), *inner]) == {
        "a": "holds 2 model calls, which count by themselves"
    }
    silent = [span._replace(input_tokens=None, output_tokens=None) for span in inner]
    assert set(repeats([call("a", end=4, tokens=(164, 34)), *silent])) == {"b", "c"}


def test_a_call_around_two_reports_of_it() -> None:
    """A call around Logfire's streaming pair, or around two others' reports of it, is that call."""
    outer = call("a", "pydantic-ai", end=4, response="r")
    asked = call("b", "logfire.openai", parent="a", tokens=(None, None))
    read = call("c", "logfire.openai", parent="a", start=1, end=3, name=STREAMED, response="r")
    assert set(repeats([outer, asked, read])) == {"b", "c"}
    reports = [call("b", "one", parent="a"), call("c", "two", parent="a", start=0.1)]
    assert set(repeats([outer, *reports])) == {"b", "c"}


def test_a_sum_in_a_sum() -> None:
    """Nor does a report of such a sum count, or one that names the last response."""
    inner = [call("b", parent="a"), call("c", parent="a", start=2, end=3, response="r")]
    sum_of = call("a", "one", parent="x", end=4, tokens=(164, 34), response="r")
    around = call("x", "two", end=5, tokens=(164, 34))
    assert set(repeats([around, sum_of, *inner])) == {"a", "x"}


def test_side_by_side() -> None:
    """Reports side by side are one call if model and tokens agree, dates and vendors aside."""
    one = call("a", "one", parent="p", model="openai/gpt-4o-mini")
    other = call("b", "two", parent="p", model="gpt-4o-mini-2024-07-18", tokens=(82, 18))
    assert set(repeats([one, other])) == {"b"}
    assert repeats([one, other._replace(model="gpt-4o")]) == {}
    assert repeats([one, other._replace(output_tokens=19)]) == {}
    assert repeats([one, other._replace(start_ns=2 * SECOND, end_ns=3 * SECOND)]) == {}


def test_parallel_calls_pair_one_to_one() -> None:
    """Five equal calls at once, each reported twice, are five calls."""
    spans = [
        call(f"{scope}{number}", scope, parent="p", start=number / 100, end=1)
        for scope in ("one", "two")
        for number in range(5)
    ]
    assert len(repeats(spans)) == 5


@pytest.mark.parametrize("reporters", [2, 3, 4, 5, 8])
def test_many_reports_of_one_call(reporters: int) -> None:
    """However many programs report it, side by side or one inside the other, it counts once."""
    beside = [call(f"b{at}", f"scope {at}", parent="p", start=at / 100) for at in range(reporters)]
    assert len(repeats(beside)) == reporters - 1
    inside = [
        call(f"i{at}", f"scope {at}", parent=f"i{at - 1}" if at else "p", start=at / 100)
        for at in range(reporters)
    ]
    assert len(repeats(inside)) == reporters - 1


@pytest.mark.parametrize("calls", [10, 40, 100, 300])
@pytest.mark.parametrize("later", [0.002, 0.02, 1.0])
def test_one_prompt_asked_many_times(calls: int, later: float) -> None:
    """Answers of different lengths to one prompt, all asked at once and told of by two programs."""
    rng = Random(calls)
    spans = []
    for at in range(calls):
        tokens, start = (412, rng.randint(80, 300)), at * 5e-5
        for scope, after in (("one", 0.0), ("two", later)):
            one = call(f"{scope}{at}", scope, parent="p", start=start + after, end=9, tokens=tokens)
            spans.append(one)
    assert len(repeats(spans)) >= 0.9 * calls


@pytest.mark.parametrize("between", [0.0, 10.0])
def test_hundreds_of_calls_at_once(between: float) -> None:
    """Equal calls at once count once each, even where one reporter tells of all of them first."""
    spans = [
        call(f"{scope}{number}", scope, parent="p", start=(number + later) / 1000, end=90)
        for scope, later in (("one", 0.0), ("two", between * 300))
        for number in range(300)
    ]
    assert len(repeats(spans)) == 300


@pytest.mark.parametrize("scopes", [1, 2, 3, 400])
def test_what_is_looked_at_grows_with_the_calls(scopes: int) -> None:
    """So much a call, however many are made at once: others wait while a run settles."""

    def looks(count: int) -> int:
        at_once = [call(str(one), f"scope {one % scopes}", parent="p") for one in range(count)]
        return sum(1 for _ in candidate_pairs(at_once, nearest_by_start, common_keys))

    for count in (400, 4_000):
        assert looks(count) <= count * 32 * min(scopes, 8)


def test_streams_of_logfire() -> None:
    """Logfire's request and the response that follows are one call, which has the tokens."""
    asked = call("a", "logfire.openai", parent="p", tokens=(None, None))
    read = call("b", "logfire.openai", parent="p", start=1.1, end=3, name=STREAMED)
    assert repeats([asked, read]) == {"a": "its stream is reported by b"}
    dated = read._replace(model="gpt-4o-mini-2024-07-18")
    assert repeats([asked, dated]) == {"a": "its stream is reported by b"}
    assert repeats([asked, read._replace(model="gpt-4o")]) == {}
    alone = asked._replace(parent_span_id=None)
    assert repeats([alone]) == {"a": "its stream is reported in a trace of its own"}
    assert repeats([alone._replace(status="error")]) == {}


def test_streams_of_logfire_without_tokens() -> None:
    """A stream that told no tokens, or was left half way, is one call all the same."""
    asked = call("a", "logfire.openai", parent="p", tokens=(None, None))
    read = call(
        "b", "logfire.openai", parent="p", start=1.1, end=3, name=STREAMED, tokens=(None, None)
    )
    assert len(repeats([asked, read])) == 1
    assert repeats([read._replace(parent_span_id=None)]) == {}
    failed = call("c", "logfire.openai", parent="p", start=2, tokens=(None, None), status="error")
    assert repeats([asked, failed]) == {}


def test_streams_of_logfire_at_once() -> None:
    """Of streams at the same time, each response belongs to the request that ended before it."""
    slow = call("a", "logfire.openai", parent="p", end=2, tokens=(None, None))
    quick = call("b", "logfire.openai", parent="p", start=0.1, end=1, tokens=(None, None))
    first = call("c", "logfire.openai", parent="p", start=1.01, end=5, name=STREAMED)
    second = call("d", "logfire.openai", parent="q", start=2.01, end=3, name=STREAMED)
    assert repeats([slow, quick, first, second]) == {
        "a": "its stream is reported by d",
        "b": "its stream is reported by c",
    }


def test_embeddings_of_logfire() -> None:
    """An embedding answers with no tokens of its own: it is no stream."""
    one = call("a", "logfire.openai", kind="embedding", tokens=(5, None))
    assert repeats([one]) == {}


def test_traces_of_their_own() -> None:
    """Of two traces that report one call, one counts it, whichever is looked at."""
    one = call("a", "one", response="r", trace="t1")
    other = call("b", "two", response="r", trace="t2", start=0.1, end=0.9)
    assert repeats([one], [other]) == {}
    assert repeats([other], [one]) == {"b": "the same call as a of trace t1, reported by one"}


def test_traces_of_their_own_without_ids() -> None:
    """Without a response's id, two whole traces are one call only if one call is a root."""
    one = call("a", "one", trace="t1")
    other = call("b", "two", trace="t2", parent="p")
    assert set(repeats([other], [one])) == {"b"}
    assert repeats([other], [one._replace(parent_span_id="q")]) == {}


def test_order_decides_nothing() -> None:
    """The same spans in any order give the same answer."""
    spans = [
        call("a", "one", response="r"),
        call("b", "two", response="r", start=0.1),
        call("c", "three", parent="a", start=0.2, end=0.8),
        call("d", "one", start=5, end=6),
    ]
    answers = [dict(repeats(order)) for order in permutations(spans)]
    assert all(answer == answers[0] for answer in answers)
    assert set(answers[0]) == {"b", "c"}


@pytest.mark.parametrize("name", ["OpenAI._prepare_chat_with_tools", "messages.count_tokens"])
def test_what_prepares_a_call(name: str) -> None:
    """Making a request (LlamaIndex) and counting its tokens (OpenInference) are no calls."""
    spans = [call("a", name=name, tokens=(None, None))]
    assert repeats(spans) == {"a": "prepares a call"}


def test_cycles_end() -> None:
    """Spans that are each other's parents are looked at once."""
    spans = [call("a", parent="b"), call("b", parent="a", kind="chain")]
    assert repeats(spans) == {}
