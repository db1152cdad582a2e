"""What log records and metrics say about the spans of a run, attached to those spans.

Content of model calls often comes as log records (OpenTelemetry's GenAI events), and coding agents
report half of a run in logs: costs, prompts, answers, tool results. Where an agent sent no spans at
all, its run is built from its records. A pure function of the spans as they came and of the
records, so that the order of arrival decides nothing.

Most traces have no records, so their readers are loaded only when the first records arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.conventions.otlp.log_homes import CLAUDE_CODE, CODEX
from clustertrace.joining.belonging import Host, in_order, of_trace
from clustertrace.model import Log, Span

__all__ = ["concerned", "joined"]

_CHANGED_KINDS: Final = frozenset({"agent", "llm", "tool"})
"""Of a coding agent's spans, those that records are about without naming them."""


def concerned(spans: Sequence[Span], logs: Sequence[Log], twins: Sequence[Span] = ()) -> set[str]:
    """The ids of the spans that these may change, of a trace given without payloads."""
    from clustertrace.joining.filling import Spans

    changed_ids = {log.span_id for log in logs if log.span_id is not None}
    if twins or any(log.scope.startswith((CLAUDE_CODE, CODEX)) for log in logs):
        changed_ids.update(span.span_id for span in spans if span.kind in _CHANGED_KINDS)
    root = Spans(spans).root()
    if root is not None:
        changed_ids.add(root.span_id)
    return changed_ids & {span.span_id for span in spans}


def joined(
    trace_id: str,
    spans: Sequence[Span],
    logs: Sequence[Log],
    hosts: Sequence[Host] = (),
    left_out: int = 0,
    *,
    twins: Sequence[Span] = (),
) -> list[Span]:
    """The spans of a trace that its records change, as they should be, and those made of records.

    `spans` come whole where they are `concerned`. `logs` are the records of the trace, of its
    turns, and those of its session that name no trace; `hosts` the traces of the session of which
    spans came. `left_out` more records are too many to be looked at. `twins` are spans that a
    transcript tells of the same turns.
    """
    from clustertrace.joining import claude_code, codex, genai, transcripts, usage
    from clustertrace.joining.filling import Spans

    table = Spans(spans)
    records = of_trace(trace_id, in_order(logs), hosts)
    points = [log for log in records if usage.is_point(log)]
    if points:
        usage.build(trace_id, points, table)
    other_records = [log for log in records if not usage.is_point(log)]
    for scope, agent in ((CLAUDE_CODE, claude_code), (CODEX, codex)):
        agent_logs = [log for log in other_records if log.scope.startswith(scope)]
        if agent_logs and not table.reported_by(scope):
            agent.build(trace_id, agent_logs, table)
        agent.fill(agent_logs, table)
    span_records = [log for log in other_records if not log.scope.startswith((CLAUDE_CODE, CODEX))]
    genai.build(trace_id, span_records, table)
    genai.fill(span_records, table)
    transcripts.fill(twins, table)
    for log in other_records:
        table.mark(log)
    return table.changed(left_out)
