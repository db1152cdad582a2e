"""The real SDKs over real sockets, against the fake model API that stands beside the checkout."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import clustertrace
from tests.processes import free_port, until


@pytest.fixture(scope="module")
def base_url(shared: Path) -> Iterator[str]:
    """Run the fake model API on a free port."""
    port = free_port()
    program = shared / "tools" / "fake_model_api.py"
    if not program.exists():
        pytest.skip("needs the fake model API beside the checkout")
    server = subprocess.Popen(
        [sys.executable, str(program), str(port), "120"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _is_open(port), 20)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


TEXT = "It is 18 C and sunny in Paris."


def test_what_an_anthropic_client_does_reaches_the_store(base_url: str, recorded: Any) -> None:
    """A tool call, a stream, an async stream that is cut short, and a failure."""
    asked: dict[str, Any] = {"model": "claude-sonnet-4-6", "max_tokens": 99}
    tool: Any = {"name": "weather", "input_schema": {"type": "object", "required": ["city"]}}
    with anthropic.Anthropic(api_key="k", base_url=base_url, max_retries=0) as made:
        client = clustertrace.wrap_anthropic(made)
        client.messages.create(
            **asked, messages=[{"role": "user", "content": "[[tool]]"}], tools=[tool]
        )
        with client.messages.stream(
            **asked, messages=[{"role": "user", "content": "hello"}]
        ) as stream:
            assert stream.get_final_text().strip() == TEXT
        with pytest.raises(anthropic.RateLimitError):
            client.messages.create(**asked, messages=[{"role": "user", "content": "[[err429]]"}])

    async def main() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=base_url) as made:
            wrapped = clustertrace.wrap_anthropic(made)
            async with wrapped.messages.stream(
                **asked, messages=[{"role": "user", "content": "hello"}]
            ) as stream:
                async for _ in stream.text_stream:
                    break

    asyncio.run(main())
    called, streamed, failed, left = recorded.spans()
    assert called.output[0]["tool_calls"][0]["arguments"] == {"city": "Paris"}
    for span in (called, streamed):
        assert (span.input_tokens, span.output_tokens) == (1050, 25)
        assert (span.cache_read_tokens, span.cache_write_tokens) == (900, 30)
        assert span.cost_usd is not None
    assert streamed.output[0]["content"].strip() == TEXT
    assert (failed.status, failed.error_type) == ("error", "anthropic.RateLimitError")
    assert (left.attributes["clustertrace.stream"], left.status) == ("abandoned", "ok")
    assert left.output == [{"role": "assistant", "content": "It "}]


def test_what_an_openai_client_does_reaches_the_store(base_url: str, recorded: Any) -> None:
    """Completions, responses, streams and embeddings of OpenAI reach the store."""
    with openai.OpenAI(api_key="k", base_url=f"{base_url}/v1", max_retries=0) as made:
        client = clustertrace.wrap_openai(made)
        asked: dict[str, Any] = {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "hello"}],
        }
        client.chat.completions.create(**asked)
        options = {"include_usage": True}
        assert list(client.chat.completions.create(**asked, stream=True, stream_options=options))  # type: ignore[call-overload]
        client.responses.create(model="gpt-4o-mini", input="hello")
        assert list(client.responses.create(model="gpt-4o-mini", input="hello", stream=True))
        client.embeddings.create(model="text-embedding-3-small", input="hello")
    *calls, embedding = recorded.spans()
    assert len(calls) == 4
    for span in calls:
        assert span.output[0]["content"].strip() == TEXT
        assert (span.input_tokens, span.output_tokens, span.reasoning_tokens) == (82, 17, 8)
        assert (span.cache_read_tokens, span.model) == (64, "gpt-4o-mini-2024-07-18")
        assert span.cost_usd is not None
    assert (embedding.input_tokens, embedding.kind) == (5, "embedding")
