"""What follows from the spans of a trace."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.model import Span, TraceFacts
from clustertrace.summary import (
    bucket_middle_ns,
    duration_bucket,
    prompt_of,
    summarise,
)

TRACE = "0123456789abcdef0123456789abcdef"
NOTHING_TOLD = TraceFacts(TRACE)


def span(number: int, kind: str = "chain", parent: int | None = 1, **more: Any) -> Span:
    """Make span `number`, from `number` to `number + 10` nanoseconds."""
    fields: dict[str, Any] = {"name": f"s{number}", "status": "ok"}
    fields |= {"start_ns": number, "end_ns": number + 10}
    fields |= {"parent_span_id": None if parent is None else f"{parent:016x}"}
    return Span(trace_id=TRACE, span_id=f"{number:016x}", kind=kind, **(fields | more))


ROOT = span(1, "agent", None, end_ns=100)


def test_usage_is_the_sum_of_the_model_calls() -> None:
    """Agent spans that repeat the totals of the calls below them are not counted again."""
    totals = {"input_tokens": 30, "output_tokens": 3, "cost_usd": 0.5}
    made = summarise(
        [
            ROOT._replace(**totals),
            span(2, "llm", input_tokens=10, output_tokens=1, cache_read_tokens=4, cost_usd=0.1),
            span(3, "llm", input_tokens=20, output_tokens=2, cost_usd=0.2),
            span(4, "embedding", input_tokens=5, cost_usd=0.0),
        ],
        NOTHING_TOLD,
    )
    assert (made.llm_calls, made.input_tokens, made.output_tokens) == (2, 35, 3)
    assert made.cache_read_tokens == 4
    assert made.cost_usd == pytest.approx(0.3)
    assert made.unpriced_calls == 0


def test_a_call_without_a_price_is_unpriced_unless_it_failed() -> None:
    """A missing price is counted, never taken for nothing; a refused call costs nothing, one that
    broke off after it had read something may have."""
    refused, broken = span(3, "llm", status="error"), span(4, "llm", status="error", input_tokens=9)
    made = summarise([ROOT, span(2, "llm", output_tokens=5), refused, broken], NOTHING_TOLD)
    assert made.unpriced_calls == 2


@pytest.mark.parametrize(
    ("status", "outcome", "failed"),
    [
        ("ok", None, False),
        ("error", None, True),
        ("ok", "fail", True),
        ("error", "pass", False),
        ("running", None, None),
        ("incomplete", None, None),
        ("incomplete", "fail", True),
    ],
)
def test_failing_is_the_users_word_first(
    status: str, outcome: str | None, failed: bool | None
) -> None:
    """The outcome decides; without one the root's status, which may not be known yet."""
    made = summarise([ROOT._replace(status=status)], TraceFacts(TRACE, outcome=outcome))
    assert made.failed is failed


def test_a_recovered_tool_error_is_counted_and_no_failure() -> None:
    """An error below a root that ended well shows as an error, not as a failed trace."""
    made = summarise([ROOT, span(2, "tool", status="error", error_message="once")], NOTHING_TOLD)
    assert (made.failed, made.error_count, made.error) == (False, 1, "once")


def test_the_end_of_a_trace_is_its_roots() -> None:
    """A span that outlives the root does not lengthen the run; rootless, the last end counts."""
    late = span(50, end_ns=500)
    assert summarise([ROOT, late], NOTHING_TOLD).duration_ns == 99
    orphan = span(40, parent=99)
    assert summarise([orphan, late], NOTHING_TOLD).end_ns == 500
    running = ROOT._replace(status="running", end_ns=None)
    assert summarise([running, late], NOTHING_TOLD).duration_ns is None


@pytest.mark.parametrize(
    ("kind", "given_", "result", "prompt"),
    [
        ("user", None, "  Hello\n there ", "Hello there"),
        ("llm", "Say it", None, "Say it"),
        ("llm", [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], None, "u"),
        ("llm", {"messages": [{"role": "user", "content": [{"text": "deep"}]}]}, None, "deep"),
        ("llm", [{"role": "user", "parts": [{"type": "text", "content": "part"}]}], None, "part"),
        ("chain", {"question": "Why?", "k": 3}, None, "Why?"),
        ("chain", {"k": 3}, None, '{"k": 3}'),
        ("chain", None, "result", None),
        ("llm", [], None, None),
        ("llm", "x" * 500, None, "x" * 239 + "…"),
        ("llm", ["[cut: 9 earlier messages]", {"type": "human", "content": "and?"}], None, "and?"),
    ],
)
def test_the_first_prompt_is_what_the_user_said(
    kind: str, given_: Any, result: Any, prompt: str | None
) -> None:
    """Messages, named arguments and plain texts each give their first words of the user."""
    assert prompt_of(kind, given_, result) == prompt


@given(st.integers(1, 2**63 - 1))
def test_a_bucket_tells_a_duration_within_five_per_cent(duration: int) -> None:
    """The middle of a duration's bucket is close to it."""
    middle = bucket_middle_ns(duration_bucket(duration))
    assert middle == pytest.approx(duration, rel=0.05)
