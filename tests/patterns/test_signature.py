"""The execution signature: what makes two runs the same, and what does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span
from clustertrace.patterns.signature import (
    Variant,
    bucket,
    in_order,
    normal_name,
    root_of,
    variant,
)

TRACE = "0123456789abcdef0123456789abcdef"


def node(number: int, name: str, kind: str = "tool", parent: int | None = 1, **more: str) -> Span:
    """Make span `number`, which starts `number` nanoseconds in."""
    upper = None if parent is None else f"{parent:016x}"
    status = more.get("status", "ok")
    return Span(TRACE, f"{number:016x}", upper, name, kind, status, number, number + 1)


def of(*spans: Span, name: str = "agent") -> Variant:
    """The variant of these spans under a root."""
    ordered = in_order([node(1, name, "agent", None), *spans])
    return variant(ordered, root_of(ordered))


def run(steps: str, name: str = "agent") -> Variant:
    """The variant of tools written as words; `word!` failed."""
    return of(
        *(
            node(at, word.rstrip("!"), status="error" if word.endswith("!") else "ok")
            for at, word in enumerate(steps.split(), 2)
        ),
        name=name,
    )


def read(found: Variant) -> list[str]:
    """A variant's steps in a short form."""
    return [
        " ".join(n + "!" * f for n, f in zip(step.names, step.failed, strict=True))
        + f" ×{step.count}"
        for step in found.steps
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("", []),
        ("a", ["a ×1"]),
        ("a b a", ["a ×1", "b ×1", "a ×1"]),
        ("a a", ["a ×2-3"]),
        ("a a a a", ["a ×4-7"]),
        ("a a a a a a a a a", ["a ×8+"]),
        ("a a! a", ["a ×1", "a! ×1", "a ×1"]),
        ("a b a b", ["a b ×2-3"]),
        ("a b a b a", ["a b ×2-3", "a ×1"]),
        ("x a b a b a b a b y", ["x ×1", "a b ×4-7", "y ×1"]),
        ("a b! a b!", ["a b! ×2-3"]),
        ("a a b a a b", ["a ×2-3", "b ×1", "a ×2-3", "b ×1"]),
    ],
)
def test_repeats_are_folded_with_their_bucket(steps: str, expected: list[str]) -> None:
    """Steps and pairs of steps that repeat become one element that says about how often."""
    assert read(run(steps)) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a a b", "a a a b", True),
        ("a b", "a a b", False),
        ("a b", "b a", False),
        ("a b", "a b!", False),
        ("fetch_12 done", "fetch_9 done", True),
        ("fetch done", "get done", False),
    ],
)
def test_ids_agree_exactly_when_runs_did_the_same(one: str, other: str, same: bool) -> None:
    """The same steps up to the bucket give the same id, anything else another."""
    assert (run(one).id == run(other).id) is same


def test_the_root_is_part_of_it() -> None:
    """Two agents that take the same steps are two patterns."""
    assert run("a b", "one").id != run("a b", "two").id
    assert run("", "one").id != run("", "two").id


def test_model_calls_are_counted_not_listed() -> None:
    """How often a model was asked between two tools makes no difference."""
    few = of(node(2, "chat", "llm"), node(3, "a"), node(4, "b"))
    many = of(node(2, "chat", "llm"), node(3, "a"), node(4, "chat", "llm"), node(5, "b"))
    assert few.id == many.id


def test_a_run_of_model_calls_alone_says_how_many() -> None:
    """Without any step the number of model calls is all there is to tell runs apart."""
    once = of(node(2, "chat gpt", "llm"))
    often = of(*(node(at, "chat gpt", "llm") for at in range(2, 12)))
    assert (read(once), read(often)) == (["model call ×1"], ["model call ×8+"])


def test_a_function_is_a_step_unless_it_holds_one() -> None:
    """The user's innermost functions count; those around a tool, and plumbing, do not."""
    found = of(
        node(2, "plan", "chain"),
        node(3, "chat", "llm", 2),
        node(4, "act", "chain"),
        node(5, "inner", "chain", 4),
        node(6, "search", "tool", 5),
        node(7, "answer", "chain"),
    )
    assert read(found) == ["plan ×1", "search ×1", "answer ×1"]


def test_agents_are_steps_and_their_tools_too() -> None:
    """A sub-agent is listed before what it does."""
    found = of(node(2, "helper", "agent"), node(3, "search", "tool", 2))
    assert read(found) == ["helper ×1", "search ×1"]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("search", "search"),
        ("step_12", "step_#"),
        ("page 3 of 7", "page # of #"),
        ("s3_upload", "s3_upload"),
        ("gpt-4o", "gpt-4o"),
        ("base64", "base64"),
        ("order12345", "order#"),
        ("run 1b4e28ba-2fa1-11d2-883f-0016d3cca427", "run #"),
        ("job_deadbeef01", "job_#"),
        ("deadbeef", "deadbeef"),
        ("地図 3", "地図 #"),
    ],
)
def test_names_lose_what_differs_from_run_to_run(name: str, normal: str) -> None:
    """Ids and numbers that stand alone become a sign; parts of names stay."""
    assert normal_name(name) == normal


@pytest.mark.parametrize(
    ("name", "model", "normal"),
    [
        ("chat claude-sonnet-4-5", "claude-sonnet-4-5", "chat claude-sonnet-4-5"),
        ("chat claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "chat claude-sonnet-4-5"),
        ("chat gpt-4.1", "openai/gpt-4.1", "chat gpt-4.1"),
        ("page 4 gpt-5.2", "gpt-5.2", "page # gpt-5.2"),
        ("attempt 4", "gpt-4", "attempt #"),
        ("chat gpt-4.1", None, "chat gpt-#.#"),
    ],
)
def test_a_call_by_itself_is_named_after_its_model(
    name: str, model: str | None, normal: str
) -> None:
    """Two versions of a model are two patterns, and read as what they are."""
    call = node(1, name, "llm", None)._replace(model=model)
    assert variant([call], call).name == normal


def test_the_id_is_the_same_for_ever() -> None:
    """Ids are stored and linked to: a change here needs a new version of the algorithm."""
    assert run("search search fetch! fetch answer").id == "6f4050dec8bf"


@pytest.mark.parametrize(("count", "name"), [(0, "1"), (1, "1"), (2, "2-3"), (7, "4-7"), (8, "8+")])
def test_counts_are_kept_as_exactly_as_they_matter(count: int, name: str) -> None:
    """Counts are kept as exactly as they matter."""
    assert bucket(count) == name


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30), st.randoms())
def test_the_order_of_arrival_does_not_matter(steps: Sequence[tuple[str, bool]], random) -> None:  # type: ignore[no-untyped-def]
    """A trace has one variant, whatever order its spans come in."""
    spans = [
        node(at, name, status="error" if failed else "ok")
        for at, (name, failed) in enumerate(steps, 2)
    ]
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert of(*spans) == of(*shuffled)


def test_a_long_trace_is_one_pass() -> None:
    """A chain of parents as deep as the trace is long is walked once, not once a span."""
    deep = [node(at, "f", "chain", at - 1) for at in range(2, 50_000)]
    assert read(of(*deep)) == ["f ×1"]
