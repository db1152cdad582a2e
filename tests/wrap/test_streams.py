"""The timeline of a stream, and streams that outlive what follows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.wrap.streams import Timeline


@given(st.lists(st.integers(0, 100), max_size=3000))
def test_a_timeline_stays_small_and_loses_no_character(sizes: list[int]) -> None:
    """However many chunks come, at most 500 entries are kept, from the first to the last."""
    timeline = Timeline(1_000)
    for number, size in enumerate(sizes):
        timeline.add(1_000 + (number + 1) * 1_000_000, size)
    attributes = timeline.attributes()
    kept = attributes["clustertrace.stream.chunks"]
    assert len(kept) <= 500
    assert sum(size for _, size in kept) == sum(sizes)
    assert attributes["clustertrace.stream.chunk_count"] == len(sizes)
    if sizes:
        assert kept[0][0] == 1.0
        assert kept[-1][0] > len(sizes) - 16
        assert attributes["gen_ai.response.time_to_first_chunk"] == 0.001


PROGRAM = """
import json, sys
import httpx2, openai, clustertrace

chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": "So far"}, "finish_reason": None}]}
body = f"data: {json.dumps(chunk)}\\n\\n" * 2
transport = httpx2.MockTransport(
    lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=body))
client = clustertrace.wrap_openai(
    openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)))
stream = client.chat.completions.create(model="m", messages=[], stream=True)
next(stream)
"""


def test_a_stream_that_is_open_at_exit_is_recorded(recorded: Any, tmp_path: Path) -> None:
    """A program that ends in the middle of a reply has abandoned it."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    subprocess.run([sys.executable, str(path)], check=True, timeout=60)
    span = recorded.span()
    assert span.attributes["clustertrace.stream"] == "abandoned"
    assert span.output == [{"role": "assistant", "content": "So far"}]


def test_wrapping_imports_no_sdk() -> None:
    """Asking for the wrappers loads the standard library only, however many SDKs there are."""
    program = (
        "import sys, clustertrace\n"
        "clustertrace.wrap_anthropic, clustertrace.wrap_gemini, clustertrace.wrap_openai\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"anthropic", "openai", "google", "httpx2", "pydantic"} & set(done.stdout.split())


FORK = (
    PROGRAM
    + """
import os
child = os.fork()
if child == 0:
    del stream
    sys.exit()
os.waitpid(child, 0)
assert [chunk.choices[0].delta.content for chunk in stream] == ["So far"]
"""
)


def test_a_forked_child_says_nothing_of_its_parents_stream(recorded: Any, tmp_path: Path) -> None:
    """The child's copy goes away with the child; the parent reads on."""
    path = tmp_path / "program.py"
    path.write_text(FORK)
    subprocess.run([sys.executable, str(path)], check=True, timeout=60)
    span = recorded.span()
    assert "clustertrace.stream" not in span.attributes
    assert span.output == [{"role": "assistant", "content": "So farSo far"}]


class Odd:
    """A stream of a shape that nobody can watch."""

    __slots__ = ()


def test_a_stream_that_cannot_be_watched_reaches_the_program(recorded: Any) -> None:
    """What an SDK of another day returns is handed on as it is, and the span is ended."""
    import openai

    import clustertrace

    odd = type("Stream", (Odd,), {"__slots__": ()})()

    class Client(openai.OpenAI):
        def post(self, path: str, **options: Any) -> Any:
            return odd

    client = clustertrace.wrap_openai(Client(api_key="k"))
    assert client.chat.completions.create(model="m", messages=[], stream=True) is odd
    span = recorded.span()
    assert (span.status, span.output) == ("ok", None)
    assert span.attributes["clustertrace.missing"].startswith("output, tokens: ")
