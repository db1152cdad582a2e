"""Moving traces in time."""

from __future__ import annotations

from clustertrace.exchange.shifting import newest_ns, shift_times
from clustertrace.model import Metric, Span, TraceFacts

ID = "1" * 32
ENDED = Span(ID, "1" * 16, None, "a", "agent", "ok", 100, 400)
OPEN = Span(ID, "2" * 16, "1" * 16, "b", "tool", "running", 500, None)


def test_the_newest_moment_is_an_end_or_a_start() -> None:
    """A span that runs is known to have lived until its start."""
    assert newest_ns([ENDED]) == 400
    assert newest_ns([ENDED, OPEN]) == 500
    assert newest_ns([]) == 0


def test_every_time_moves_and_nothing_else() -> None:
    """Starts, ends and metric times move by the same amount; what is unknown stays unknown."""
    before = TraceFacts(ID, start_ns=100, tags={"a": "b"}, metrics=(Metric("score", 1.0, 300),))
    spans, facts = shift_times([ENDED, OPEN], before, 1_000)
    assert spans == [
        ENDED._replace(start_ns=1_100, end_ns=1_400),
        OPEN._replace(start_ns=1_500),
    ]
    assert facts == before._replace(start_ns=1_100, metrics=(Metric("score", 1.0, 1_300),))
