"""What a run did, as a short sequence of steps, and the id of all runs that did the same.

One pass over the spans of a trace, without looking at any other trace, so that a new trace is
placed at once and an old one never moves. The algorithm has a version, which is part of the id.

1. *Steps* are the spans that act: tools, retrievers, rerankers, guardrails and agents, by name;
   so are the user's own functions (chains) that hold no other step. Model calls, embeddings and
   user turns are counted, not listed: how often an agent thinks between two tools is noise.
   A run without any step is described by its model calls instead.
2. *Names* lose what differs from run to run: ids, and numbers that stand alone. The model that a
   root asked, such as claude-sonnet-4-5, keeps its numbers.
3. *Repeats* are folded, first of one step, then of a pair of steps, and keep a count bucket:
   an agent that searched twice differs from one that searched nine times, but three is two.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.understanding.folding import visible
from clustertrace.understanding.reports import same_model

__all__ = [
    "KEPT",
    "VERSION",
    "CutShort",
    "Step",
    "Variant",
    "bucket",
    "cut_short",
    "ids_above",
    "in_order",
    "label_of",
    "normal_name",
    "root_of",
    "steps_of",
    "variant",
]

VERSION: Final = 1
"""Part of every variant's id, raised by any change after which an id would mean other runs."""

KEPT: Final = 500
"""Steps of a variant that are kept to be shown and compared."""

STEP_KINDS: Final = frozenset({"tool", "retriever", "reranker", "guardrail", "agent"})

NOT_STEPS: Final = frozenset({"llm", "embedding", "user", "evaluator"})
_VARYING_PART = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a UUID
    r"|(?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])[0-9a-f]{8,}(?![0-9A-Za-z])"  # hex digits, one a number
    r"|(?<![0-9A-Za-z])[0-9]+(?![0-9A-Za-z])"  # a number that stands alone
    r"|[0-9]{3,}(?![0-9A-Za-z])",  # a long number at the end of a word
    re.IGNORECASE,
)


CutShort = Literal["broke off", "raised"]


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a variant: a step, or a pair of steps that repeats as a whole."""

    names: tuple[str, ...]
    """Usually one; two when a pair of steps repeats."""
    failed: tuple[bool, ...]
    """For each name, whether it ended in error there."""
    kinds: tuple[str, ...]
    """For each name, its span kind."""
    count: str
    """How often in a row, as a `bucket`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, those that ended in error with a `!`."""
        return tuple(name + "!" * bad for name, bad in zip(self.names, self.failed, strict=True))


class Variant(NamedTuple):
    """The execution signature of a trace: its id and what the id stands for."""

    id: str
    """12 hex digits."""
    name: str
    """The root span's name, normalised."""
    steps: tuple[Step, ...]
    """The first ones (`KEPT`); the id is of all of them."""


class _Single(NamedTuple):
    name: str
    failed: bool
    kind: str


@lru_cache(maxsize=65536)
def normal_name(name: str) -> str:
    """A span's name without what differs from run to run; ids and numbers become `#`."""
    return _VARYING_PART.sub("#", name.strip())


def label_of(span: Span) -> str:
    """How a step is called where steps are compared: its normal name, with a `!` if it failed."""
    return normal_name(span.name) + "!" * (span.status == "error")


def bucket(count: int) -> str:
    """How often, as exactly as it matters: "1", "2-3", "4-7" or "8+"."""
    if count < 2:
        return "1"
    if count < 4:
        return "2-3"
    return "4-7" if count < 8 else "8+"


def in_order(spans: Sequence[Span]) -> list[Span]:
    """Spans by start; equal starts by place in the record, then by id, whatever came first."""
    return sorted(spans, key=lambda span: (span.start_ns, span.ordinal, span.span_id))


def root_of(ordered: Sequence[Span]) -> Span:
    """The span that stands for the trace: the first without a parent, else with an unknown one."""
    for span in ordered:
        if span.parent_span_id is None:
            return span
    span_ids = {span.span_id for span in ordered}
    for span in ordered:
        if span.parent_span_id not in span_ids:
            return span
    return ordered[0]


def cut_short(spans: Sequence[Span]) -> CutShort | None:
    """How an error of its root ended a run, so that nobody knows which steps would have come.

    "broke off": by a call that failed, the last span that began. "raised": by its own code, after a
    call that worked; it may have given up, such as after six searches, and come to its end, or
    stumbled over what it got: that alone does not say.
    """
    ordered = in_order(spans)
    if len(ordered) < 2 or root_of(ordered).status != "error":
        return None
    return "broke off" if ordered[-1].status == "error" else "raised"


def steps_of(spans: Sequence[Span]) -> list[Span]:
    """The spans of a trace that act, in order, whatever order they are given in."""
    ordered = in_order(spans)
    if not ordered:
        return []
    root = root_of(ordered)
    return _acting_spans(visible(ordered, root), root)


def ids_above(inner: Sequence[Span], spans: Sequence[Span]) -> set[str]:
    """Ids of the spans of a trace that hold one of the inner ones."""
    if not inner:
        return set()  # as of most runs, whose steps all worked
    parents = {span.span_id: span.parent_span_id for span in spans}
    above: set[str] = set()
    for span in inner:
        parent = span.parent_span_id
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
    return above


def variant(ordered: Sequence[Span], root: Span) -> Variant:
    """The variant of a trace whose spans are in order (`in_order`)."""
    singles = _single_steps(ordered, root)
    if singles:
        steps = _folded_steps(singles)
    else:
        calls = sum(1 for span in ordered if span.kind in MODEL_KINDS and span is not root)
        steps = (Step(("model call",), (False,), ("llm",), bucket(calls)),) if calls else ()
    name = _root_name(root)
    return Variant(_variant_id(name, steps), name, steps[:KEPT])


def _root_name(root: Span) -> str:
    """Its normal name; a call that is a run by itself is mostly named after its model."""
    if root.model is None:
        return normal_name(root.name)
    words = root.name.strip().split(" ")
    return " ".join(word if same_model(word, root.model) else normal_name(word) for word in words)


def _single_steps(ordered: Sequence[Span], root: Span) -> list[_Single]:
    return [
        _Single(normal_name(span.name), span.status == "error", span.kind)
        for span in _acting_spans(ordered, root)
    ]


def _acting_spans(ordered: Sequence[Span], root: Span) -> list[Span]:
    wrappers = _ids_above_steps(ordered)
    return [
        span
        for span in ordered
        if span is not root
        and span.kind not in NOT_STEPS
        and (span.kind in STEP_KINDS or span.span_id not in wrappers)
    ]


def _ids_above_steps(ordered: Sequence[Span]) -> set[str]:
    """Ids of the spans above any step: a chain among them holds steps and is none itself.

    A chain counts as a step until a step is found below it, so innermost spans come first.
    """
    parents = {span.span_id: span.parent_span_id for span in ordered}
    above: set[str] = set()
    for span in ordered:
        if span.kind in NOT_STEPS:
            continue
        parent = span.parent_span_id
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
    return above


def _folded_steps(singles: Sequence[_Single]) -> tuple[Step, ...]:
    runs: list[tuple[_Single, int]] = []
    for single in singles:
        if runs and runs[-1][0] == single:
            runs[-1] = (single, runs[-1][1] + 1)
        else:
            runs.append((single, 1))
    steps: list[Step] = []
    index = 0
    while index < len(runs):
        pair_count = _pair_repeats(runs, index)
        if pair_count > 1:
            (a, _), (b, _) = runs[index], runs[index + 1]
            steps.append(
                Step((a.name, b.name), (a.failed, b.failed), (a.kind, b.kind), bucket(pair_count))
            )
            index += 2 * pair_count
        else:
            single, count = runs[index]
            steps.append(Step((single.name,), (single.failed,), (single.kind,), bucket(count)))
            index += 1
    return tuple(steps)


def _pair_repeats(runs: Sequence[tuple[_Single, int]], index: int) -> int:
    """How often the two runs at `index` follow each other, each step once."""
    if index + 1 >= len(runs) or runs[index][1] != 1 or runs[index + 1][1] != 1:
        return 0
    times = 1
    while runs[index + 2 * times : index + 2 * times + 2] == runs[index : index + 2]:
        times += 1
    return times


def _variant_id(name: str, steps: Sequence[Step]) -> str:
    parts = [str(VERSION), name]
    for step in steps:
        parts.append(step.count)
        parts += (f"{a}\x1f{b:d}" for a, b in zip(step.names, step.failed, strict=True))
    text = "\x1e".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=6).hexdigest()
