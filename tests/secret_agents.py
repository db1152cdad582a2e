"""Programs that read secrets from standard input and say them wherever a recorder listens."""

from __future__ import annotations

__all__ = ["DECORATED", "EXPORTING", "WRAPPED"]

DECORATED = """
import json, sys
import clustertrace

@clustertrace.trace
def work(text, box):
    return {"said": [text, box]}

@clustertrace.trace
def fail(text):
    raise RuntimeError(text)

@clustertrace.trace
def each(text):
    yield text

for number, text in enumerate(json.load(sys.stdin)):
    with clustertrace.span(f"agent {text}", session=text, tags={f"t {text}": text}, note=text) as s:
        work(text, box={"deep": [{"x": text}], text: 1})
        list(each(text))
        try:
            fail(text)
        except RuntimeError:
            pass
        clustertrace.tool_call(f"tool {text}", {"a": text}, text, error=text)
        clustertrace.tag("secret", text)
        clustertrace.metric(f"m {text}", number)
        clustertrace.outcome("fail", text)
        s.set_status("error", text)
        s.set_usage(f"model {text}", provider=text, finish_reason=text)
        s.set_attributes(**{f"k {text}": text})
"""

WRAPPED = """
import json, sys
import anthropic, httpx2, openai
from google import genai
import clustertrace

texts = json.load(sys.stdin)
answering = {}

def answer(request):
    text = answering["text"]
    headers = {"x-request-id": text.replace(chr(10), " "), "request-id": text.replace(chr(10), " ")}
    if answering["fail"]:
        error = {"type": "error", "error": {"type": "api_error", "message": text}}
        return httpx2.Response(400, json=error, headers=headers)
    if "generateContent" in request.url.path:
        parts = [{"text": text}, {"functionCall": {"name": "pay", "args": {"a": text}}}]
        return httpx2.Response(200, json={
            "responseId": text, "modelVersion": text,
            "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        })
    if "messages" in request.url.path:
        tool = {"type": "tool_use", "id": "t", "name": "pay", "input": {"a": text}}
        return httpx2.Response(200, headers=headers, json={
            "id": text, "type": "message", "role": "assistant", "model": text,
            "content": [{"type": "text", "text": text}, tool], "stop_reason": text,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        })
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": text}}
    message = {"role": "assistant", "content": text, "tool_calls": [call]}
    return httpx2.Response(200, headers=headers, json={
        "id": text, "object": "chat.completion", "created": 1, "model": text,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    })

http = httpx2.Client(transport=httpx2.MockTransport(answer))
claude = clustertrace.wrap_anthropic(
    anthropic.Anthropic(api_key="k", http_client=http, max_retries=0)
)
gpt = clustertrace.wrap_openai(openai.OpenAI(api_key="k", http_client=http, max_retries=0))
options = genai.types.HttpOptions(httpx_client=http)
gemini = clustertrace.wrap_gemini(genai.Client(api_key="k", http_options=options))

for text in texts:
    messages = [{"role": "user", "content": text}]
    tool = {"name": "pay", "description": text, "input_schema": {"type": "object", "title": text}}
    function = {"name": "pay", "description": text, "parameters": {"title": text}}
    system = {"system_instruction": text}
    with clustertrace.span("agent"):
        for answering["fail"] in (False, True):
            answering["text"] = text
            for ask in (
                lambda: claude.messages.create(
                    model=text, max_tokens=9, messages=messages, system=text, tools=[tool]
                ),
                lambda: gpt.chat.completions.create(
                    model=text, messages=messages, user=text,
                    tools=[{"type": "function", "function": function}],
                ),
                lambda: gemini.models.generate_content(
                    model="gemini-2.5-flash", contents=text, config=system
                ),
            ):
                try:
                    ask()
                except (anthropic.APIError, openai.APIError, genai.errors.APIError):
                    pass
"""

EXPORTING = """
import json, sys
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from clustertrace.otel import ClustertraceSpanExporter

KEYS = ("input.value", "gen_ai.input.messages", "gen_ai.request.model", "session.id", "tool.name")

for text in json.load(sys.stdin):
    provider = TracerProvider(resource=Resource({"team": text, f"r {text}": text}))
    provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))
    tracer = provider.get_tracer(f"scope {text}", text, attributes={"part": text})
    attributes = {f"k {text}": text, "many": [text, "x"], **dict.fromkeys(KEYS, text)}
    attributes["gen_ai.operation.name"] = "chat"
    link = Link(SpanContext(1, 2, is_remote=True), {"why": text})
    with tracer.start_as_current_span(f"op {text}", attributes=attributes, links=[link]) as span:
        span.add_event(f"e {text}", {"note": text})
        span.record_exception(ValueError(text))
        span.set_status(Status(StatusCode.ERROR, text))
    provider.shutdown()
"""
