"""A model that costs nothing, and a receiver: what the recipes run against."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

MODEL = "gpt-4o-mini-2024-07-18"
ANSWER = "It is 18 C and sunny in Paris."
RESULT = "18 C and sunny in Paris"
"""What the tool of every recipe returns."""

INPUT, CACHED, OUTPUT, THOUGHT = 82, 64, 17, 8
"""Tokens of every call."""

BROKEN = "[[broken]]"
"""A question with this in it is refused."""


class Model(BaseHTTPRequestHandler):
    """OpenAI's chat completions and responses: first the tool that is offered, then an answer."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        if BROKEN in body.decode():
            message = "This model's maximum context length is exceeded."
            error = {"message": message, "type": "invalid_request_error", "code": "context_length"}
            self._send(400, "application/json", json.dumps({"error": error}))
        elif "/responses" in self.path:
            self._respond(asked, _response(asked), _response_events)
        else:
            self._respond(asked, _completion(asked), _completion_chunks)

    def _respond(
        self,
        asked: dict[str, Any],
        answer: dict[str, Any],
        events: Callable[[dict[str, Any]], Iterator[tuple[str | None, dict[str, Any]]]],
    ) -> None:
        if not asked.get("stream"):
            self._send(200, "application/json", json.dumps(answer))
            return
        lines = [
            f"event: {name}\ndata: {json.dumps(data)}\n\n"
            if name
            else f"data: {json.dumps(data)}\n\n"
            for name, data in events(answer)
        ]
        self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _next_tool(asked: dict[str, Any]) -> tuple[str, str] | None:
    """The tool to call, with its arguments: first the weather's, then the one that ends it."""
    offered = [tool.get("function", tool)["name"] for tool in asked.get("tools") or []]
    if RESULT not in json.dumps(asked.get("messages") or asked.get("input")):
        return offered[0], '{"city": "Paris"}'
    return ("final_answer", json.dumps({"answer": ANSWER})) if "final_answer" in offered else None


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if tool := _next_tool(asked):
        function = {"name": tool[0], "arguments": tool[1]}
        call = {"id": "call_1", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": INPUT,
            "completion_tokens": OUTPUT,
            "total_tokens": INPUT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED},
            "completion_tokens_details": {"reasoning_tokens": THOUGHT},
        },
    }


def _completion_chunks(whole: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    (choice,) = whole["choices"]
    delta = dict(choice["message"])
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": number, **call} for number, call in enumerate(calls)]
    head = {**whole, "object": "chat.completion.chunk", "usage": None}
    yield None, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield None, {**head, "choices": [end]}
    yield None, {**head, "choices": [], "usage": whole["usage"]}


def _response(asked: dict[str, Any]) -> dict[str, Any]:
    part = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": []}
    item: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant"}
    item |= {"status": "completed", "content": [part]}
    if tool := _next_tool(asked):
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed"}
        item |= {"name": tool[0], "arguments": tool[1]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": MODEL,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools") or [],
        "usage": {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": THOUGHT},
            "total_tokens": INPUT + OUTPUT,
        },
    }


def _response_events(whole: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    name = "response.completed"
    yield name, {"type": name, "sequence_number": 0, "response": whole}


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The base address of the model, as OPENAI_BASE_URL wants it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
