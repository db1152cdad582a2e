from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.model import INTERNAL, Span
from clustertrace.store import queries
from clustertrace.store.store import Store

Mapped = Callable[..., Span]
CLAUDE_CODE = "com.anthropic.claude_code.tracing"


def test_names_of_tools_and_agents(mapped: Mapped) -> None:
    """Tools and agents go by their own names; the name that a span came with is kept."""
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    span = mapped(attributes, name="execute_tool search")
    assert (span.name, span.attributes["otel.name"]) == ("search", "execute_tool search")
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    assert mapped(attributes, name="invoke_agent planner").name == "planner"
    assert mapped(attributes, name="create_agent planner").name == "create_agent planner"
    assert mapped({"traceloop.span.kind": "tool", "traceloop.entity.name": "s"}).name == "s"
    assert "otel.name" not in mapped(attributes | {"gen_ai.agent.name": "step"}).attributes


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"ai.operationId": "ai.streamText.doStream"}, "llm"),
        ({"ai.operationId": "ai.generateText"}, "agent"),
        ({"ai.operationId": "ai.toolCall"}, "tool"),
        ({"ai.operationId": "ai.embedMany.doEmbed"}, "embedding"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({"mlflow.spanType": '"RETRIEVER"'}, "retriever"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"langsmith.span.kind": "tool"}, "tool"),
        ({"gen_ai.operation.name": "agent_step"}, "chain"),
        ({"gen_ai.operation.name": "llm_call"}, "llm"),
        ({"mcp.method.name": "tools/call"}, "tool"),
        ({"gcp.vertex.agent.llm_request": '{"model": "gemini-2.0-flash"}'}, "llm"),
    ],
)
def test_kinds_of_other_dialects(mapped: Mapped, attributes: dict[str, object], kind: str) -> None:
    """Vercel, MLflow, Langfuse, LangSmith, Gemini's CLI, MCP and ADK have words for kinds too."""
    assert mapped(attributes).kind == kind


def test_vercels_reply_in_pieces_is_one_message(mapped: Mapped) -> None:
    """A reply in pieces becomes one message; the vendor stands before the first dot."""
    span = mapped(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.provider": "google.vertex.chat",
            "ai.response.model": "gemini-2.5-pro",
            "ai.prompt.messages": '[{"role": "user", "content": "Hi"}]',
            "ai.prompt.tools": ['{"name": "search"}'],
            "ai.response.text": "Looking.",
            "ai.response.toolCalls": '[{"toolCallId": "c", "toolName": "s", "input": "{}"}]',
            "ai.usage.promptTokens": 82,
            "ai.usage.completionTokens": 17,
            "ai.usage.cachedInputTokens": 64,
            "ai.response.msToFirstChunk": 250,
        }
    )
    assert (span.provider, span.input) == ("google", [{"role": "user", "content": "Hi"}])
    call = {"type": "tool_call", "id": "c", "name": "s", "arguments": None}
    text = {"type": "text", "content": "Looking."}
    assert span.output == [{"role": "assistant", "parts": [text, call]}]
    assert (span.input_tokens, span.output_tokens, span.cache_read_tokens) == (82, 17, 64)
    assert span.attributes["gen_ai.tool.definitions"] == [{"name": "search"}]
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 0.25


def test_vercel_with_anthropic(mapped: Mapped) -> None:
    """What Anthropic told of its cache stands in the provider's metadata, fresh tokens apart."""
    usage = {"input_tokens": 5000, "cache_read_input_tokens": 900, "output_tokens": 25}
    span = mapped(
        {
            "ai.usage.promptTokens": 5000,
            "ai.response.providerMetadata": json.dumps({"anthropic": {"usage": usage}}),
        }
    )
    assert (span.input_tokens, span.cache_read_tokens) == (5900, 900)


def test_langfuses_json_gives_model_tokens_cost_and_error(mapped: Mapped) -> None:
    """Langfuse's JSON gives model, tokens, cost and error."""
    usage = {"input": 82, "output": 17, "input_cached_tokens": 64}
    span = mapped(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": '"gpt-4o-mini"',
            "langfuse.observation.usage_details": json.dumps(usage),
            "langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2}',
            "langfuse.observation.level": "ERROR",
            "langfuse.observation.status_message": "too many requests",
            "langfuse.observation.completion_start_time": '"2023-11-14T22:13:20.500Z"',
        }
    )
    assert (span.model, span.provider) == ("gpt-4o-mini", "openai")
    assert (span.input_tokens, span.output_tokens, span.cache_read_tokens) == (82, 17, 64)
    assert span.cost_usd == pytest.approx(0.3)
    assert (span.status, span.error_message) == ("error", "too many requests")
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 0.5


def test_mlflows_values_are_read_as_json(mapped: Mapped) -> None:
    """MLflow's values are JSON, texts as well."""
    span = mapped(
        {
            "mlflow.spanType": '"LLM"',
            "mlflow.llm.model": '"gpt-4o-mini"',
            "mlflow.spanInputs": '{"messages": []}',
            "mlflow.spanOutputs": '"Hello"',
            "mlflow.chat.tokenUsage": '{"input_tokens": 82, "output_tokens": 17}',
            "mlflow.llm.cost": '{"total_cost": 0.5}',
        }
    )
    assert (span.model, span.output, span.cost_usd) == ("gpt-4o-mini", "Hello", 0.5)
    assert (span.input_tokens, span.output_tokens) == (82, 17)


def test_wrapped_arguments(mapped: Mapped) -> None:
    """What LangChain wraps around a tool's arguments and result is taken off, and kept beside."""
    given = {"input_str": "{'city': 'Paris'}", "tags": [], "metadata": {"run": 1}}
    kwargs = {"content": '{"temp_c": 18}'}
    got = {"output": {"lc": 1, "type": "constructor", "kwargs": kwargs}}
    span = mapped(
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.input": json.dumps(given),
            "traceloop.entity.output": json.dumps(got),
        }
    )
    assert (span.input, span.output) == ({"city": "Paris"}, {"temp_c": 18})
    assert json.loads(span.attributes["traceloop.entity.input"]) == given


def test_first_generation_events(mapped: Mapped) -> None:
    """The first GenAI conventions put whole prompts into events."""
    span = mapped(
        events=[
            ("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "Hi"}]'}),
            ("gen_ai.content.completion", {"gen_ai.completion": "Hello", "more": 1}),
        ]
    )
    assert (span.input, span.output) == ([{"role": "user", "content": "Hi"}], "Hello")
    assert [event["attributes"] for event in span.attributes["events"]] == [{"more": 1}]


def test_details_in_an_event(mapped: Mapped) -> None:
    """The newest conventions may put content into one event."""
    messages = [{"role": "user", "parts": []}]
    attributes = {
        "gen_ai.input.messages": json.dumps(messages),
        "gen_ai.system_instructions": "Be kind.",
    }
    span = mapped(events=[("gen_ai.client.inference.operation.details", attributes)])
    system = {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]}
    assert span.input == [system, *messages]


def test_first_token_event(mapped: Mapped) -> None:
    """The event of a first token gives the time to it, in seconds."""
    span = mapped(events=[("First Token Stream Event", {})])
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 0.5


def test_everyday_words_stay(mapped: Mapped) -> None:
    """Words that mean something to one instrumentation mean nothing in other people's spans."""
    attributes = {"model": "T", "input_tokens": 3, "success": False, "error": "x", "tool_name": "y"}
    span = mapped(attributes)
    assert (span.model, span.input_tokens, span.status, span.kind) == (None, None, "ok", "chain")
    assert attributes.items() <= span.attributes.items()


def test_own_events_attribute(mapped: Mapped) -> None:
    """An attribute called `events` and the span's events are both kept."""
    span = mapped({"events": "mine"}, events=[("retry", {})])
    assert span.attributes["events"] == "mine"
    assert span.attributes["span.events"][0]["name"] == "retry"


def test_standard_names_are_not_overwritten(mapped: Mapped) -> None:
    """A fact under its standard name stays as it came."""
    definitions = [{"name": "search"}]
    span = mapped(
        {"gen_ai.tool.definitions": json.dumps(definitions), "user.id": "u", "gen_ai.user": "v"}
    )
    assert span.attributes["gen_ai.tool.definitions"] == definitions
    assert (span.attributes["user.id"], span.attributes["gen_ai.user"]) == ("u", "v")


def test_claude_codes_tokens(mapped: Mapped) -> None:
    """Claude Code leaves cached tokens out of the input, also where they are the smaller part."""
    attributes = {
        "span.type": "llm_request",
        "model": "claude-sonnet-4-6",
        "input_tokens": 5000,
        "output_tokens": 25,
        "cache_read_tokens": 900,
        "cache_creation_tokens": 30,
        "ttft_ms": 20,
    }
    span = mapped(attributes, scope=CLAUDE_CODE, name="claude_code.llm_request")
    assert (span.kind, span.input_tokens, span.cache_write_tokens) == ("llm", 5930, 30)
    assert span.attributes["gen_ai.response.time_to_first_chunk"] == 0.02


def test_claude_codes_withheld_prompt(mapped: Mapped) -> None:
    """The mark of a prompt that was withheld is no prompt."""
    attributes = {"span.type": "interaction", "user_prompt": "<REDACTED>"}
    span = mapped(attributes, scope=CLAUDE_CODE)
    assert (span.kind, span.input) == ("agent", None)


def test_claude_codes_phases(mapped: Mapped) -> None:
    """What comes before a tool runs, and hooks, are inner life; spans yet unknown are too."""
    for what in ("tool.blocked_on_user", "tool.execution", "hook", "mcp.rpc"):
        span = mapped({"span.type": what}, scope=CLAUDE_CODE, name=f"claude_code.{what}")
        assert (span.kind, span.attributes[INTERNAL]) == ("chain", True)
    assert INTERNAL not in mapped({"span.type": "compaction"}, scope=CLAUDE_CODE).attributes


def test_codex_of_other_people(mapped: Mapped) -> None:
    """A scope that is called like Codex, with spans that are not Codex's, is not folded."""
    assert INTERNAL not in mapped({"a": 1}, scope="codex-tools").attributes


def test_a_stream_of_logfire(mapped: Mapped) -> None:
    """The log of a stream lasts as long as the stream did, under a name that does not vary."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "logfire.span_type": "log",
        "logfire.msg": "streaming response from 'm' took 0.25s",
        "duration": 0.25,
        "gen_ai.usage.raw": '{"input_tokens": 120, "cache_read_input_tokens": 900}',
    }
    span = mapped(
        attributes, scope="logfire.openai", name="streaming response from {m} took {d:.2f}s"
    )
    assert span.name == "streaming response from 'm'"
    assert span.start_ns == 1_699_999_999_750_000_000
    assert span.attributes["otel.start_time_unix_nano"] == 1_700_000_000_000_000_000
    assert (span.input_tokens, span.cache_read_tokens) == (1020, 900)


def test_older_pydantic_ai(mapped: Mapped) -> None:
    """Its messages were a list of events in an attribute."""
    events = [
        {"event.name": "gen_ai.user.message", "role": "user", "content": "Hi"},
        {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "Hello"}},
    ]
    attributes = {"gen_ai.operation.name": "chat", "events": json.dumps(events)}
    span = mapped(attributes, scope="pydantic-ai")
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert span.output == [{"role": "assistant", "content": "Hello"}]
    assert "events" not in span.attributes


def test_a_tool_of_strands(mapped: Mapped) -> None:
    """A tool's arguments and result come as messages in events, its failure as an attribute."""
    span = mapped(
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.status": "error"},
        events=[
            ("gen_ai.tool.message", {"content": '{"city": "Paris"}'}),
            ("gen_ai.choice", {"message": '[{"text": "lookup is down"}]'}),
        ],
        scope="strands.telemetry.tracer",
    )
    assert (span.input, span.output) == ({"city": "Paris"}, "lookup is down")
    assert span.status == "error"


def test_a_failed_tool_of_claude_code(request_of: Callable[..., object], store: Store) -> None:
    """The failure sits on the tool once the trace is together, and search finds it there."""
    requests = [
        request_of(
            {"span.type": "tool.execution", "success": False, "error": "exit 7"},
            scope=CLAUDE_CODE,
            name="claude_code.tool.execution",
            span_id=b"2" * 8,
            parent_span_id=b"1" * 8,
        ),
        request_of(
            {"span.type": "tool", "tool_name": "Bash"},
            scope=CLAUDE_CODE,
            name="claude_code.tool",
            span_id=b"1" * 8,
        ),
    ]
    for request in requests * 2:
        store.write(decode_protobuf(request.SerializeToString()).batch)  # type: ignore[attr-defined]
        store.refresh()
    with store.read() as conn:
        (row,) = queries.traces(conn).rows
        spans = {span.name: span for span in queries.trace(conn, row.trace_id).spans}
    assert (spans["Bash"].status, spans["Bash"].error_message) == ("error", "exit 7")
    assert (row.failed, row.error_count) == (True, 1)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("gcp.gemini", "google"),
        ("gcp.gen_ai", "google"),
        ("google", "google"),
        ("Bedrock", "aws.bedrock"),
        ("azure.ai.openai", "azure"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("mistral_ai", "mistral"),
        ("OpenAI", "openai"),
        ("openai.chat", "openai"),
        ("acme", "acme"),
    ],
)
def test_spellings_of_providers(mapped: Mapped, spelling: str, name: str) -> None:
    """One vendor is one provider, whatever instrumentation names it."""
    assert mapped({"gen_ai.provider.name": spelling}).provider == name


LOGFIRE_AGENTS = "logfire.openai_agents"


def test_logfire_of_the_openai_agents(mapped: Mapped) -> None:
    """Agents, tools and calls are known by their templates, and go by their own names."""
    attributes = {
        "logfire.msg_template": "Function: {name}",
        "name": "search",
        "gen_ai.system": "openai",
    }
    failed = json.dumps({"message": "Error running tool", "data": {"error": "backend is down"}})
    io = {"input": '{"q": 1}', "output": "found", "error": failed}
    span = mapped({**attributes, **io}, scope=LOGFIRE_AGENTS, status=2, name="Function: {name}")
    assert (span.kind, span.name, span.input, span.output) == ("tool", "search", {"q": 1}, "found")
    assert span.error_message == "Error running tool: backend is down"
    attributes = {"logfire.msg_template": "Agent run: {name!r}", "name": "planner"}
    span = mapped(attributes, scope=LOGFIRE_AGENTS, name="Agent run: {name!r}")
    assert (span.kind, span.name) == ("agent", "planner")
    usage = {"input_tokens": 82, "output_tokens": 17, "input_tokens_details": {"cached_tokens": 64}}
    attributes = {
        "logfire.msg_template": "Chat completion with {gen_ai.request.model!r}",
        "logfire.msg": "Chat completion with 'gpt-4o-mini'",
        "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 82,
        "gen_ai.usage.output_tokens": 17,
        "usage": json.dumps(usage),
    }
    span = mapped(attributes, scope=LOGFIRE_AGENTS)
    assert (span.kind, span.input_tokens, span.cache_read_tokens) == ("llm", 82, 64)


def test_no_session(sessions: Callable[..., str | None]) -> None:
    """A session that is JSON's null is none."""
    assert sessions({"group_id": "null"}, scope=LOGFIRE_AGENTS) is None
    assert sessions({"group_id": "conv-7"}, scope=LOGFIRE_AGENTS) == "conv-7"


def test_litellms_cost_and_cached_tokens_are_read(mapped: Mapped) -> None:
    """LiteLLM's money is read, and the cached tokens from its vendor's usage, a `repr`."""
    usage = {
        "prompt_tokens": 1050,
        "completion_tokens": 25,
        "completion_tokens_details": None,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 30,
    }
    attributes = {
        "llm.request.type": "completion",
        "gen_ai.usage.input_tokens": 1050,
        "gen_ai.usage.output_tokens": 25,
        "metadata.usage_object": repr(usage),
        "gen_ai.cost.total_cost": 0.5,
    }
    span = mapped(attributes, scope="litellm")
    assert (span.input_tokens, span.cache_read_tokens, span.cache_write_tokens) == (1050, 900, 30)
    assert (span.kind, span.cost_usd) == ("llm", 0.5)
    assert (
        mapped({**attributes, "metadata.usage_object": "{"}, scope="litellm").input_tokens == 1050
    )


def test_the_model_in_a_request(mapped: Mapped) -> None:
    """A call that failed names its model in the whole request alone (MLflow)."""
    attributes = {
        "mlflow.spanType": '"LLM"',
        "mlflow.spanInputs": '{"model": "gpt-4o", "messages": []}',
    }
    assert mapped(attributes, status=2).model == "gpt-4o"
