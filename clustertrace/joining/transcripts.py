"""What an agent's own transcript says of a turn that its telemetry reported.

Telemetry has the times and, unless it was asked for content, nothing that was said; a transcript
has all that was said and no times. The spans of telemetry stay and are filled; a step that
telemetry has not reported, because it was turned on late or was lost, is added from the transcript.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from clustertrace.conventions.readers import text
from clustertrace.joining.filling import Spans
from clustertrace.model import Span

__all__ = ["fill"]

_TURNS: Final = frozenset({"claude_code.interaction", "session_task.turn"})
_CODEX_CALL: Final = "handle_responses"
_TOLD: Final = ("skill.name", "message.id", "request.shape", "prompt.id", "message.uuid")
"""Attributes that telemetry has not."""

Key = Callable[[Span], Hashable]


def fill(twins: Sequence[Span], table: Spans) -> None:
    """Fill the spans of a trace from those that a transcript tells of the same turns."""
    matched: dict[str, str] = {}
    for kind, key in (("agent", _turn), ("llm", _call), ("tool", _tool)):
        for twin, span in _pairs((one for one in twins if one.kind == kind), table, kind, key):
            matched[twin.span_id] = span.span_id
            told = {name: twin.attributes[name] for name in _TOLD if name in twin.attributes}
            fields = ("input", "output", "finish_reason")
            table.fill(span.span_id, told, **{name: getattr(twin, name) for name in fields})
    _add(twins, matched, table)


def _turn(span: Span) -> Hashable:
    return span.name if span.name in _TURNS else None


def _call(span: Span) -> Hashable:
    told = span.attributes
    request = text(told.get("request_id"))
    if request is None and span.name == _CODEX_CALL:
        # Codex names its requests in neither.
        return span.input_tokens, span.output_tokens
    return request


def _tool(span: Span) -> Hashable:
    told = span.attributes
    used = text(told.get("tool_use_id")) or text(told.get("call_id"))
    return used and (used, told.get("tool_name"))


def _pairs(twins: Iterable[Span], table: Spans, kind: str, key: Key) -> Iterator[tuple[Span, Span]]:
    """Twins with their spans: equal keys, nearest starts first, one to one."""
    spans: dict[Hashable, list[Span]] = defaultdict(list)
    for span in table.of_kind(kind):
        if (of := key(span)) is not None:
            spans[of].append(span)
    candidates = sorted(
        (abs(span.start_ns - twin.start_ns), twin.start_ns, twin.span_id, span.span_id, twin, span)
        for twin in twins
        for span in spans.get(key(twin), ())
    )
    taken: set[str] = set()
    for *_, twin, span in candidates:
        if twin.span_id not in taken and span.span_id not in taken:
            taken |= {twin.span_id, span.span_id}
            yield twin, span


def _add(twins: Sequence[Span], matched: dict[str, str], table: Spans) -> None:
    """Add the calls and tools that telemetry lacks, where it is known to name them alike."""
    by_id = {twin.span_id: twin for twin in twins}
    root = table.root()
    if root is None or not any(by_id[one].kind == "llm" for one in matched):
        return

    def above(twin: Span) -> str:
        seen: set[str] = set()
        at: str | None = twin.parent_span_id
        while at is not None and at not in seen:
            seen.add(at)
            if at in matched:
                return matched[at]
            at = by_id[at].parent_span_id if at in by_id else None
        return root.span_id

    for twin in twins:
        ended = twin.end_ns is not None and twin.span_id not in matched
        known = _call(twin) if twin.output_tokens is not None else None
        if ended and (twin.kind == "tool" or (twin.kind == "llm" and known is not None)):
            table.put(twin._replace(trace_id=root.trace_id, parent_span_id=above(twin)))
