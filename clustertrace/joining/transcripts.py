"""What an agent's own transcript says of a turn that its telemetry reported.

Telemetry has the times but, unless content was turned on, nothing that was said; a transcript has
everything that was said but no times. The spans of telemetry stay and are filled; a step that
telemetry has not reported, because it was turned on late or was lost, is added from the transcript.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from clustertrace.conventions.readers import text
from clustertrace.joining.filling import Spans
from clustertrace.model import Span
from clustertrace.understanding.pairing import Candidate, one_to_one

__all__ = ["fill"]

_TURNS: Final = frozenset({"claude_code.interaction", "session_task.turn"})
_CODEX_CALL: Final = "handle_responses"
_TRANSCRIPT_ATTRIBUTES: Final = (
    "skill.name",
    "message.id",
    "request.shape",
    "prompt.id",
    "message.uuid",
)
"""Attributes that telemetry has not."""

Key = Callable[[Span], Hashable]


def fill(twins: Sequence[Span], table: Spans) -> None:
    """Fill the spans of a trace from those that a transcript tells of the same turns."""
    matched: dict[str, str] = {}
    for kind, key in (("agent", _turn_key), ("llm", _call_key), ("tool", _tool_key)):
        for twin, span in _match_twins(
            (one for one in twins if one.kind == kind), table, kind, key
        ):
            matched[twin.span_id] = span.span_id
            attributes = {
                name: twin.attributes[name]
                for name in _TRANSCRIPT_ATTRIBUTES
                if name in twin.attributes
            }
            fields = ("input", "output", "finish_reason")
            table.fill(span.span_id, attributes, **{name: getattr(twin, name) for name in fields})
    _add_missing(twins, matched, table)


def _turn_key(span: Span) -> Hashable:
    return span.name if span.name in _TURNS else None


def _call_key(span: Span) -> Hashable:
    attributes = span.attributes
    request = text(attributes.get("request_id"))
    if request is None and span.name == _CODEX_CALL:
        # Codex names its requests in neither.
        return span.input_tokens, span.output_tokens
    return request


def _tool_key(span: Span) -> Hashable:
    attributes = span.attributes
    call_id = text(attributes.get("tool_use_id")) or text(attributes.get("call_id"))
    return call_id and (call_id, attributes.get("tool_name"))


def _match_twins(
    twins: Iterable[Span], table: Spans, kind: str, key: Key
) -> Iterator[tuple[Span, Span]]:
    """Twins with their spans: equal keys, nearest starts first, one to one."""
    spans: dict[Hashable, list[Span]] = defaultdict(list)
    for span in table.of_kind(kind):
        if (span_key := key(span)) is not None:
            spans[span_key].append(span)
    return one_to_one(
        Candidate(
            (abs(span.start_ns - twin.start_ns), twin.start_ns, twin.span_id, span.span_id),
            (twin.span_id, span.span_id),
            twin,
            span,
        )
        for twin in twins
        for span in spans.get(key(twin), ())
    )


def _add_missing(twins: Sequence[Span], matched: dict[str, str], table: Spans) -> None:
    """Add the calls and tools that telemetry lacks, where it is known to name them alike."""
    by_id = {twin.span_id: twin for twin in twins}
    root = table.root()
    if root is None or not any(by_id[span_id].kind == "llm" for span_id in matched):
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
        known = _call_key(twin) if twin.output_tokens is not None else None
        if ended and (twin.kind == "tool" or (twin.kind == "llm" and known is not None)):
            table.put(twin._replace(trace_id=root.trace_id, parent_span_id=above(twin)))
