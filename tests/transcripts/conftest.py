"""Transcripts: those of real sessions on a scripted model, and rows that are quick to write."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clustertrace.model import Span
from clustertrace.transcripts.claude_code import Reader
from clustertrace.transcripts.rows import rows

Row = dict[str, Any]
Turns = Callable[..., list[list[Span]]]


class Session:
    """Rows of a Claude Code session, each at a second of its own."""

    id = "5e55a0c8-0000-4000-8000-000000000001"

    def row(self, kind: str, second: float, **more: Any) -> Row:
        """Any row."""
        when = datetime.fromtimestamp(1_780_000_000 + second, UTC).isoformat()
        about = {"type": kind, "uuid": f"{kind}-{second}", "timestamp": when}
        about |= {"sessionId": self.id, "isSidechain": False, "cwd": "/home/dev/shop"}
        return about | {"version": "2.1.330", "gitBranch": "main"} | more

    def prompt(self, second: float, content: Any = "do it", **more: Any) -> Row:
        """What a user asks."""
        about = {"promptId": f"p-{second}", "message": {"role": "user", "content": content}}
        return self.row("user", second, **(about | more))

    def result(self, second: float, used: str, content: Any = "fine", **more: Any) -> Row:
        """What a tool answered."""
        block = {"type": "tool_result", "tool_use_id": used, "content": content}
        if "is_error" in more:
            block["is_error"] = more.pop("is_error")
        return self.row("user", second, message={"role": "user", "content": [block]}, **more)

    def answer(
        self, second: float, key: str, *parts: Any, stop: str | None = None, n: int = 1, **more: Any
    ) -> Row:
        """What the model said: texts, and tools as (id, name) or (id, name, input).

        It read `n` new tokens, 10 `n` from a cache and 2 `n` into one, and wrote `n`.
        """
        held: list[Any] = []
        for block in parts:
            if isinstance(block, str):
                held.append({"type": "text", "text": block})
            else:
                given = block[2] if len(block) > 2 else {}
                held.append({"type": "tool_use", "id": block[0], "name": block[1], "input": given})
        asks = any(block["type"] == "tool_use" for block in held)
        used = {"input_tokens": n, "output_tokens": n}
        used |= {"cache_read_input_tokens": 10 * n, "cache_creation_input_tokens": 2 * n}
        message = {"id": key, "role": "assistant", "model": "claude-sonnet-4-6", "content": held}
        message |= {"stop_reason": stop or ("tool_use" if asks else "end_turn"), "usage": used}
        return self.row("assistant", second, **({"message": message, "requestId": key} | more))

    @staticmethod
    def lines(session_rows: Iterable[Row]) -> bytes:
        """Rows as a file holds them."""
        return b"".join(json.dumps(one).encode() + b"\n" for one in session_rows)


@pytest.fixture(scope="session")
def session() -> Session:
    """Make rows of a session."""
    return Session()


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    """Read rows as a session's file: its turns, each as its spans in the order of their start."""

    def read(session_rows: Sequence[Row], **how: Any) -> list[list[Span]]:
        path = tmp_path / "session.jsonl"
        path.write_bytes(Session.lines(session_rows))
        found: dict[str, dict[str, Span]] = defaultdict(dict)
        with path.open("rb") as file:
            for portion in Reader(Session.id).read(rows(file), **how):
                found[portion.facts.trace_id] |= {span.span_id: span for span in portion.spans}
        return [
            sorted(spans.values(), key=lambda span: (span.start_ns, span.kind != "agent"))
            for spans in found.values()
        ]

    return read


@pytest.fixture
def drawn() -> Callable[[Sequence[Span]], list[str]]:
    """Draw a turn as an indented list of names, with how steps ended unless they just did."""

    def draw(spans: Sequence[Span]) -> list[str]:
        by_id = {span.span_id: span for span in spans}

        def depth(span: Span) -> int:
            above = by_id.get(span.parent_span_id or "")
            return 0 if above is None else depth(above) + 1

        def line(span: Span) -> str:
            how = [span.status, span.finish_reason, span.error_type]
            shown = [one for one in how if one not in (None, "ok", "tool_use", "end_turn")]
            return " ".join(["  " * depth(span) + span.name.removeprefix("claude_code."), *shown])

        return [line(span) for span in spans]

    return draw


@pytest.fixture(scope="session")
def data() -> Path:
    """Sessions of the real Claude Code 2.1.330 and Codex 0.169.0 on a scripted model."""
    return Path(__file__).parent / "data"
