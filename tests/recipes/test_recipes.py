"""Each program of docs/recipes.md, as it stands there, ends in the trace that the page promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from clustertrace.model import Trace
from tests.ingest.conftest import running
from tests.recipes.conftest import ANSWER, BROKEN, CACHED, INPUT, OUTPUT

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
PROGRAMS = dict(
    re.findall(r"^## (.*?)\n.*?^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
)
FRAMEWORKS = ("langchain", "llama_index", "agents", "pydantic_ai", "smolagents")
DOLLARS = ((INPUT - CACHED) * 0.15 + CACHED * 0.075 + OUTPUT * 0.60) / 1e6

pytestmark = [
    pytest.mark.recipes,
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in FRAMEWORKS),
        reason="needs the frameworks of docs/recipes.md: make test-recipes installs them",
    ),
]

AGENTS = {
    "LangChain and LangGraph": "weather_agent",
    "LlamaIndex": "FunctionAgent.run",
    "OpenAI Agents SDK": "weather_agent",
    "Pydantic AI": "weather_agent",
    "smolagents": "weather_agent.run",
    "Without a server": "weather_agent",
}
"""What the agent's span is called; LlamaIndex's instrumentation says the class only."""

Recipe = Callable[[str, str], Trace]


@pytest.fixture
def recipe(tmp_path: Path, model_url: str) -> Recipe:
    """Run a recipe with a question against a receiver of its own; the one trace that it leaves."""

    def run(title: str, question: str) -> Trace:
        program = tmp_path / "agent.py"
        program.write_text(PROGRAMS[title])
        with running(tmp_path / "traces.db") as receiver:
            env = os.environ | {
                "OPENAI_BASE_URL": model_url,
                "OPENAI_API_BASE": model_url,
                "OPENAI_API_KEY": "none",
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            }
            done = subprocess.run(
                [sys.executable, str(program), question],
                env=env,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert (done.returncode == 0) == (BROKEN not in question), done.stderr
            (trace,) = receiver.traces()
        return trace

    return run


def test_every_recipe_is_tried() -> None:
    """A recipe that is added to the page is added here."""
    assert PROGRAMS.keys() == AGENTS.keys()


@pytest.mark.parametrize("title", AGENTS)
def test_a_run_is_seen_whole(recipe: Recipe, title: str) -> None:
    """The agent, its model calls with model, tokens and cost, and its tool by name."""
    trace = recipe(title, "How is the weather?")
    assert not trace.failed
    assert AGENTS[title] in {
        name for span in trace.spans for name in (span.name, span.attributes.get("agent.name"))
    }
    calls = [span for span in trace.spans if span.kind == "llm" and span.output_tokens]
    assert len(calls) == 2
    for call in calls:
        assert call.model is not None
        assert call.model.startswith("gpt-4o-mini")
        tokens = (call.input_tokens, call.output_tokens)
        assert tokens == (INPUT, OUTPUT)
        # Not every instrumentation tells cached tokens apart; then they cost what others do.
        full = (INPUT * 0.15 + OUTPUT * 0.60) / 1e6
        assert call.cost_usd == pytest.approx(DOLLARS if call.cache_read_tokens else full)
    (tool,) = [span for span in trace.spans if "get_weather" in span.name]
    assert tool.kind == "tool"
    assert "Paris" in repr(tool.input)
    assert "18 C" in repr(tool.output)
    assert ANSWER in repr([span.output for span in trace.spans])


@pytest.mark.parametrize("title", AGENTS)
def test_an_error_is_seen_where_it_happened(recipe: Recipe, title: str) -> None:
    """A refused call is a failed model call, with the model's own words."""
    trace = recipe(title, f"How is the weather? {BROKEN}")
    failed = [span for span in trace.spans if span.kind == "llm" and span.status == "error"]
    assert failed
    assert "maximum context length" in (failed[0].error_message or "")
    assert any(span.kind in ("agent", "chain") and span.status == "error" for span in trace.spans)
