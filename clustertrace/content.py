"""What part of a span is content, for CLUSTERTRACE_CAPTURE=metadata: all that may be some.

Inputs, outputs, messages and error messages are always removed. Of the attributes numbers and
booleans stay, and short texts under names that are known to hold identifiers; any other text may be
a prompt under an unknown name, and is removed too. A run's name, its tags, metrics and session are
the user's own labels and stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.model import EMPTY, Span

__all__ = ["CAPTURE", "bare", "without_content"]

CAPTURE: Final = "clustertrace.capture"
"""The attribute that says `metadata` where something was left out."""

_LONGEST: Final = 200
"""Characters. Identifiers are shorter."""

_NAMESPACES: Final = (
    *("clustertrace.", "resource.service.", "resource.telemetry.", "resource.os."),
    *("resource.deployment.", "resource.host.", "resource.cloud.", "resource.container."),
    *("resource.k8s.", "resource.process.runtime.", "ai.model.", "telemetry.", "service."),
)
"""Beginnings of names under which texts are identifiers."""

_NAMES: Final = frozenset(
    (
        "agent.name agent_id agent_name ai.operationId ai.response.finishReason ai.response.id "
        "ai.response.model ai.telemetry.functionId anthropic.provider call_id conversation.id "
        "decision embedding.model_name error.type error_class event.name exception.type "
        "gen_ai.agent.id gen_ai.agent.name gen_ai.agent.version gen_ai.conversation.id "
        "gen_ai.operation.name gen_ai.output.type gen_ai.provider.name gen_ai.request.model "
        "gen_ai.request.reasoning.level gen_ai.response.finish_reasons gen_ai.response.id "
        "gen_ai.response.model gen_ai.system gen_ai.tool.call.id gen_ai.tool.name "
        "gen_ai.tool.type gen_ai.workflow.name graph.node.id graph.node.parent_id "
        "http.request.method langfuse.environment langfuse.observation.type langfuse.release "
        "llm.model_name llm.provider llm.request.type llm.response.model_name llm.system "
        "logfire.span_type mcp.method.name mlflow.spanType model openai.request.service_tier "
        "openai.response.service_tier openinference.span.kind prompt.id query_source "
        "request_body_id request_id scope.name scope.version server.address service_tier "
        "session.id span.kind span.type speed stop_reason tool.id tool.name tool_call.id "
        "tool_name tool_use_id "
        "traceloop.entity.name traceloop.span.kind traceloop.workflow.name user.id"
    ).split()
)


def bare(span: Span) -> Span:
    """The span without content."""
    attributes = without_content(span.attributes)
    if not all(value is None for value in (span.input, span.output, span.error_message)):
        attributes[CAPTURE] = "metadata"
    return span._replace(
        input=None, output=None, error_message=None, attributes=attributes, extra=EMPTY
    )


def without_content(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are no content; if any had to go, `CAPTURE` says so."""
    kept = {key: value for key, value in attributes.items() if _is_metadata(key, value)}
    if len(kept) < len(attributes):
        kept[CAPTURE] = "metadata"
    return kept


def _is_metadata(key: str, value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    if key not in _NAMES and not key.startswith(_NAMESPACES):
        return False
    texts = value if isinstance(value, list | tuple) else (value,)
    return all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
