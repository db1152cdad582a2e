"""Run commands in this process, on a small database whose every number is known."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clustertrace.cli import main
from clustertrace.model import Batch, Metric, Span, TraceFacts
from clustertrace.store.store import Store

SECOND = 10**9
START = 1_760_000_000 * SECOND


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `clustertrace` with these arguments and this standard input."""

    def ran(*arguments: str, given: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        capsysbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return Ran(code, out.decode(), err.decode())

    return ran


@pytest.fixture
def demo() -> None:
    """Fill the test's database with the bundled runs."""
    assert main(["import", str(Path(__file__).parents[2] / "demo" / "traces.jsonl.gz")]) == 0


@pytest.fixture
def filled(store: Store) -> Store:
    """Fill the test's database: two runs that searched and fetched, one of which failed, and one
    that said so itself."""
    for number, broken in ((1, False), (2, True)):
        store.write(Batch(_run(number, broken=broken), []))
    facts = TraceFacts(
        f"{3:032x}",
        outcome="fail",
        outcome_reason="no source named",
        session_id="talk-7",
        tags={"prompt": "v2"},
        metrics=(Metric("score", 0.25, START),),
    )
    store.write(Batch(_run(3, broken=False), [facts]))
    return store


def _run(number: int, *, broken: bool) -> list[Span]:
    trace_id = f"{number:032x}"
    start = START + number * 60 * SECOND
    ids = [f"{number:08x}{place:08x}" for place in range(5)]

    def span(place: int, name: str, kind: str, **more: Any) -> Span:
        began = start + place * SECOND
        times = (began, began + SECOND) if place else (start, start + 5 * SECOND)
        parent = ids[0] if place else None
        plain = Span(trace_id, ids[place], parent, name, kind, "ok", *times)
        return plain._replace(**more)

    error = {"status": "error", "error_type": "TimeoutError", "error_message": "no answer"}
    return [
        span(0, "research", "agent", **(error if broken else {})),
        span(1, "plan", "llm", input_tokens=1200, output_tokens=80, cost_usd=0.0125, model="m"),
        span(2, "search", "tool", input={"q": "tides"}, output=["a", "b"]),
        span(3, "search", "tool", input={"q": "moon"}, output=[]),
        span(4, "fetch", "tool", input="[bold]moon[/bold]\x1b[31m", **(error if broken else {})),
    ]
