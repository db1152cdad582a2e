"""The load that receivers are measured with: OTLP requests, and clients that send them."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["BODY_SPANS", "Load", "as_json", "bodies", "send_all"]

BODY_SPANS = 100
TRACE_SPANS = 10
WORDS = Path(__file__).read_text().split()
LATER = {0, 429, 502, 503, 504}
IDS = {"traceId", "spanId", "parentSpanId"}


def bodies(count: int, seed: int = 0, words: int = 20) -> list[bytes]:
    """Requests of ten traces each, ten attributes a span, prompts of so many words."""
    rng = random.Random(seed)
    return [body(rng, words) for _ in range(count)]


def body(rng: random.Random, words: int) -> bytes:
    """One request: ten traces of a root agent, model calls and tools."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    attribute(of_resource.resource, "service.name", "bench")
    scope = of_resource.scope_spans.add()
    scope.scope.name = "bench"
    for _ in range(BODY_SPANS // TRACE_SPANS):
        trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
        start = 1_760_000_000 * 10**9 + rng.randrange(86_400) * 10**9
        for at in range(TRACE_SPANS):
            span = scope.spans.add()
            span.trace_id = trace_id
            span.span_id = rng.randbytes(8) if at else root_id
            span.parent_span_id = root_id if at else b""
            span.start_time_unix_nano = start + at * 10**6
            span.end_time_unix_nano = start + (at + 1) * 10**6
            describe(span, at, rng, words)
    return request.SerializeToString()


def describe(span: object, at: int, rng: random.Random, words: int) -> None:
    """Ten attributes as OpenTelemetry's GenAI instrumentors set them."""
    if at == 0:
        operation, span.name = "invoke_agent", "invoke_agent helper"  # type: ignore[attr-defined]
    elif at % 2:
        operation, span.name = "chat", "chat gpt-4o-mini"  # type: ignore[attr-defined]
    else:
        tool = rng.choice(["search", "fetch", "calculate"])
        operation, span.name = "execute_tool", f"execute_tool {tool}"  # type: ignore[attr-defined]
    sentence = " ".join(rng.choices(WORDS, k=words))
    for key, value in (
        ("gen_ai.operation.name", operation),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o-mini"),
        ("gen_ai.response.id", f"r-{rng.getrandbits(32):x}"),
        ("gen_ai.usage.input_tokens", rng.randrange(2000)),
        ("gen_ai.usage.output_tokens", rng.randrange(200)),
        ("gen_ai.request.temperature", 0.2),
        ("server.port", 443),
        ("gen_ai.input.messages", json.dumps([{"role": "user", "content": sentence}])),
        ("gen_ai.output.messages", json.dumps([{"role": "assistant", "content": sentence[::-1]}])),
    ):
        attribute(span, key, value)


def attribute(holder: object, key: str, value: str | int | float) -> None:
    """Set one attribute."""
    pair = holder.attributes.add()  # type: ignore[attr-defined]
    pair.key = key
    kind = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(pair.value, kind, value)


def as_json(request: bytes) -> bytes:
    """The same request in OTLP's JSON, whose ids are hexadecimal."""
    decoded = MessageToDict(
        ExportTraceServiceRequest.FromString(request), use_integers_for_enums=True
    )
    for of_resource in decoded["resourceSpans"]:
        for span in of_resource["scopeSpans"][0]["spans"]:
            span |= {key: base64.b64decode(span[key]).hex() for key in IDS & span.keys()}
    return json.dumps(decoded, separators=(",", ":")).encode()


class Load(NamedTuple):
    """What some requests came to."""

    a_second: float
    """Spans acknowledged."""
    median_ms: float
    p99_ms: float
    refused: int
    """Answers that were not 200; those requests were sent again."""


def send_all(
    port: int,
    requests: Sequence[bytes],
    *,
    clients: int = 1,
    kind: str = "application/x-protobuf",
    path: str = "/v1/traces",
) -> Load:
    """Send requests from some clients at once, each waiting for its answers."""
    took: list[float] = []
    refused: list[int] = []
    waiting = list(requests)

    def work() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while waiting:
            try:
                request = waiting.pop()
            except IndexError:
                return
            began = time.perf_counter()
            while (status := answered(client, path, request, kind)) != 200:
                refused.append(status)
                if status not in LATER:
                    return
                time.sleep(0.05)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = time.perf_counter() - begin
    if len(took) < len(requests):
        raise SystemExit(f"{path} was answered with {refused[-1]}")
    took.sort()
    return Load(
        len(took) * BODY_SPANS / whole,
        took[len(took) // 2] * 1e3,
        took[int(len(took) * 0.99)] * 1e3,
        len(refused),
    )


def answered(client: http.client.HTTPConnection, path: str, request: bytes, kind: str) -> int:
    """Send a request and read the answer; its status, 0 without one."""
    try:
        client.request("POST", path, request, {"Content-Type": kind})
        answer = client.getresponse()
        answer.read()
    except OSError:
        client.close()
        return 0
    return answer.status
