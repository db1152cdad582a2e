"""Runs that resemble real ones, as many as are wanted: for benchmarks of a database's size.

Few patterns are common and many are rare, few runs are long, few payloads are large: the shares are
those of the demo's runs and of real tool agents (one run in eight fails, payloads of 60 bytes to
20 KB around 300, 2 to 60 steps around nine). The same seed makes the same runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from clustertrace.model import Batch, Span, TraceFacts

__all__ = ["END_NS", "batches"]

END_NS = 1_763_856_000 * 10**9
"""When the last run ends: 2025-11-23, midnight UTC."""

DAYS = 60
TASKS = 2_000
AGENTS = tuple(f"{what}_{who}" for who in ("agent", "helper", "bot") for what in (
    *("research", "support", "triage", "billing", "review", "travel", "import", "report"),
))  # fmt: skip
TOOLS = (
    *("search", "fetch", "read_file", "write_file", "run_tests", "query_db", "send_mail", "plan"),
    *("summarise", "translate", "calculate", "lookup", "book", "cancel", "refund", "escalate"),
)
ERRORS = (
    ("TimeoutError", "no answer after {} ms"),
    ("ToolError", "row {} not found"),
    ("RateLimitError", "429: try again in {} s"),
    ("ValidationError", "field {} is required"),
)
MODELS = ("gpt-4o-mini", "claude-sonnet-4-5", "gpt-4o", "claude-haiku-4-5")
PROSE = " ".join(
    word
    for path in sorted(Path(__file__).parents[1].glob("docs/*.md"))
    for word in path.read_text().split()
)


class _Task:
    """What is asked for again and again: one way to go, with its own chance of a detour."""

    def __init__(self, rng: random.Random, rank: int) -> None:
        self.name = f"task {rank}"
        self.agent = AGENTS[rank % len(AGENTS)]
        self.tools = rng.choices(TOOLS, k=max(1, min(24, round(rng.lognormvariate(1.2, 0.6)))))
        self.detour = rng.random() * 0.3
        self.model = rng.choice(MODELS)


def batches(traces: int, seed: int = 0, *, spans: int = 1_000, days: int = DAYS) -> Iterator[Batch]:
    """All runs of the last `days` in the order of their starts, some `spans` spans a batch."""
    rng = random.Random(seed)
    tasks = [_Task(rng, rank) for rank in range(TASKS)]
    often = [1 / (rank + 1) for rank in range(TASKS)]
    step = days * 86_400 * 10**9 // traces
    batch = Batch([], [])
    for number in range(traces):
        (task,) = rng.choices(tasks, often)
        start = END_NS - (traces - number) * step
        _run(rng, batch, task, start, f"session-{number // 5}" if number % 5 < 2 else None)
        if len(batch.spans) >= spans:
            yield batch
            batch = Batch([], [])
    if batch.spans:
        yield batch


def _run(rng: random.Random, batch: Batch, task: _Task, start: int, session: str | None) -> None:
    """Add one run: the agent, then a model call before each tool, and one at the end."""
    trace_id = f"{rng.getrandbits(128):032x}"
    root = f"{rng.getrandbits(64):016x}"
    tools = list(task.tools)
    while rng.random() < task.detour:
        at = rng.randrange(len(tools))
        tools.insert(at, rng.choice((tools[at], rng.choice(TOOLS))))
    broke = rng.random() < 0.05 + 0.02 * (len(tools) - len(task.tools))
    if broke:
        del tools[rng.randrange(len(tools)) + 1 :]
    now = start + 10**6
    made = []
    for at, tool in enumerate(tools):
        call = _span(rng, trace_id, root, "chat", "llm", now, model=task.model)
        last = broke and at == len(tools) - 1
        done = _span(rng, trace_id, root, tool, "tool", call.end_ns or now, bad=last)
        made += [call, done]
        now = done.end_ns or now
    if not broke:
        made.append(_span(rng, trace_id, root, "chat", "llm", now, model=task.model))
        now = made[-1].end_ns or now
    wrong = not broke and rng.random() < 0.05
    prompt = json.dumps([{"role": "user", "content": _words(rng, 120)}])
    head = Span(
        *(trace_id, root, None, task.agent, "agent", "error" if broke else "ok", start, now),
        prompt,
        None if broke else _words(rng, 300),
        error_type=made[-1].error_type if broke else None,
        error_message=made[-1].error_message if broke else None,
    )
    batch.spans.extend([head, *made])
    tags = {"task": task.name, "tier": "gold" if rng.random() < 0.002 else "tin"}
    batch.facts.append(
        TraceFacts(trace_id, outcome="fail" if wrong else None, session_id=session, tags=tags)
    )


def _span(
    rng: random.Random,
    trace_id: str,
    parent: str,
    name: str,
    kind: str,
    start: int,
    *,
    model: str | None = None,
    bad: bool = False,
) -> Span:
    end = start + round(rng.lognormvariate(18.5, 1.2))  # 0.1 s, at times some seconds
    error, message = rng.choice(ERRORS) if bad else (None, "")
    return Span(
        *(trace_id, f"{rng.getrandbits(64):016x}", parent, name, kind),
        *("error" if bad else "ok", start, end, {"query": _words(rng, 60)}),
        None if bad else _words(rng, min(20_000, round(rng.lognormvariate(5.7, 1.1)))),
        model=model,
        provider=None if model is None else "openai" if model.startswith("gpt") else "anthropic",
        input_tokens=rng.randrange(200, 20_000) if model else None,
        output_tokens=rng.randrange(10, 800) if model else None,
        error_type=error,
        error_message=message.format(rng.randrange(10_000)) if bad else None,
    )


def _words(rng: random.Random, characters: int) -> str:
    at = rng.randrange(len(PROSE) - characters)
    return PROSE[at : at + characters]
