"""How a run, or the runs of a pattern, ended."""

from __future__ import annotations

import pytest

from clustertrace.store.answers import Cluster, Side, TraceRow
from clustertrace.telling.results import ending, side_result


def row(**more: object) -> TraceRow:
    """A run that asked a model."""
    usual: dict[str, object] = {"trace_id": "1" * 32, "name": "run", "status": "ok"}
    usual |= {"outcome": None, "failed": False, "start_ns": 0, "duration_ns": 3_100_000_000}
    usual |= {"session_id": None, "variant": "a", "span_count": 3, "error_count": 0}
    usual |= {"llm_calls": 2, "unpriced_calls": 0, "input_tokens": 9, "output_tokens": 9}
    usual |= {"cost_usd": 0.0213, "first_prompt": None, "error": None, "tags": {}}
    return TraceRow(**{**usual, **more})  # type: ignore[arg-type]


NO_CALLS = {"llm_calls": 0, "input_tokens": 0, "cost_usd": 0.0}


def cluster(**more: object) -> Cluster:
    """A pattern of 41 runs."""
    usual: dict[str, object] = {"id": "a", "name": "run", "steps": (), "count": 41, "failed": 37}
    usual |= {"share_of_failures": 0.5, "cost_usd": 0.82, "unpriced_calls": 0, "begun": 41}
    usual |= {"p50_ns": 3_100_000_000, "p95_ns": None, "first_ns": 0, "last_ns": 0}
    return Cluster(**{**usual, "sample_trace_id": "", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (Side("trace", "1", "run", (), row(outcome="fail")), "failed · 3.1 s · $0.0213"),
        (
            Side("trace", "1", "run", (), row(status="running", duration_ns=None, **NO_CALLS)),
            "not ended yet",
        ),
        (
            Side("trace", "1", "run", (), row(llm_calls=0)),
            "ended without an error · 3.1 s · $0.0213",
        ),
        (
            Side("trace", "1", "run", (), row(unpriced_calls=1)),
            "ended without an error · 3.1 s · at least $0.0213",
        ),
        (
            Side("pattern", "a", "run", (), cluster()),
            "37 of 41 failed · median about 3.1 s · $0.0200 a run",
        ),
        (Side("pattern", "a", "run", (), cluster(cost_usd=0.0, p50_ns=None)), "37 of 41 failed"),
    ],
)
def test_in_a_few_words(side: Side, words: str) -> None:
    """What is known is said, and nothing of what is not."""
    assert side_result(side) == words


def test_the_outcome_goes_first() -> None:
    """A run that ended in an error and was judged right passed."""
    assert ending("pass", "error") == "passed"
    assert ending(None, "error") == "ended in an error"
