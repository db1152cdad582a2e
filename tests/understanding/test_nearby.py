"""Which traces are near enough to be compared with one."""

from __future__ import annotations

from clustertrace.model import Span
from clustertrace.understanding.nearby import Nearby
from clustertrace.understanding.same_calls import NEAREST, TOGETHER_NS

NOW = 1_700_000_000 * 10**9


def call(number: int, scope: str, **fields: object) -> Span:
    """A model call that is a trace of its own."""
    all_fields = {"start_ns": NOW + number, "input_tokens": 7, "output_tokens": 1, **fields}
    attributes = {"scope.name": scope} | all_fields.pop("attributes", {})  # type: ignore[operator]
    return Span(
        f"{number:032x}",
        f"{number:016x}",
        None,
        *("call", "llm", "ok"),
        end_ns=None,
        attributes=attributes,
        **all_fields,  # type: ignore[arg-type]
    )


def trace(number: int) -> str:
    return f"{number:032x}"


def test_few_of_many() -> None:
    """Of a thousand calls that say the same, those that begin nearest on both sides."""
    nearby = Nearby(call(number, "one") for number in range(0, 2_000, 2))
    found = nearby.traces([call(1_001, "two")])
    assert found == {trace(number) for number in range(1_002 - 2 * NEAREST, 1_002 + 2 * NEAREST, 2)}


def test_what_both_know() -> None:
    """One that got the same response, or wrote as much, is found among however many others."""
    many = [call(number, "one", output_tokens=2) for number in range(1_000)]
    same = {"gen_ai.response.id": "r1"}
    alike = [call(5_000, "one", attributes=same), call(6_000, "one", output_tokens=9)]
    nearby = Nearby([*many, *alike])
    assert trace(5_000) in nearby.traces([call(10, "two", output_tokens=8, attributes=same)])
    assert trace(6_000) in nearby.traces([call(10, "two", output_tokens=9)])


def test_who_is_not_near() -> None:
    """Nothing of the same reporter, of the same trace, of another time, or that read other words;
    and no call that succeeded without a token."""
    others = [
        call(1, "two"),
        call(3, "one", start_ns=NOW + TOGETHER_NS + 3),
        call(4, "one", input_tokens=8),
    ]
    assert Nearby(others).traces([call(2, "two")]) == set()
    own = [call(2, "two"), call(2, "one")]
    assert Nearby(own).traces(own) == set()
    unknown = {"input_tokens": None, "output_tokens": None}
    assert Nearby([call(5, "one", **unknown)]).traces([call(6, "two", **unknown)]) == set()


def test_failed_calls_are_near_each_other() -> None:
    """Failed calls, which know no tokens, are near each other."""
    failed = {"input_tokens": None, "output_tokens": None, "status": "error"}
    asked = call(2, "two")._replace(**failed)
    assert Nearby([call(1, "one")._replace(**failed)]).traces([asked]) == {trace(1)}
