"""Filters in SQL find the traces that the plain meaning of the filter finds."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrace.errors import StoreError
from clustertrace.filters import parse
from clustertrace.filters.tree import (
    And,
    Compare,
    Filter,
    Match,
    Not,
    Or,
    Sequence,
    Since,
    StepName,
    Text,
    Until,
)
from clustertrace.model import INTERNAL, REPLAY_OF, Batch, Metric, Span, Trace, TraceFacts
from clustertrace.patterns.signature import KEPT, in_order, root_of, steps_of
from clustertrace.store import Store, filtering, queries
from clustertrace.store.answers import PatternAnnotation
from clustertrace.store.user_entries.annotations import PatternEdit, annotate_pattern
from clustertrace.understanding.endings import dead_end
from tests.filters.meaning import Subject, holds
from tests.store.conftest import SECOND, START

NAMES = ("search", "open_page", "Cite", "a%b", "page 12", " look ")
WORDS_ON_PATTERNS = (
    PatternEdit(expected=True, priority="high"),
    PatternEdit(priority="low"),
    PatternEdit(note="look"),
)
WORDS = ("alpha", "beta", "gamma")


def random_trace(rng: random.Random, number: int) -> tuple[list[Span], TraceFacts]:
    """Make a small random trace; each eighth repeats another."""
    trace_id = f"{rng.getrandbits(128):032x}"
    start = START + number * 60 * SECOND
    status = rng.choice(("ok", "error", "running"))
    end = None if status == "running" else start + rng.randint(1, 20) * SECOND
    message = rng.choice(WORDS) if status == "error" else None
    name = rng.choice(("agent", "Agent", "other"))
    root = Span(trace_id, "1" * 16, None, name, "agent", status, start, end, error_message=message)
    spans = [root]
    for at in range(rng.randint(0, 7)):
        kind = rng.choice(("tool", "llm", "chain"))
        spans.append(
            Span(
                trace_id,
                f"{at + 2:016x}",
                rng.choice([one for one in spans if one.kind in ("agent", "chain")]).span_id,
                rng.choice(NAMES),
                kind,
                "ok" if kind == "chain" else rng.choice(("ok", "ok", "error")),
                start + at,
                start + at + 5,
                rng.choice(WORDS),
                model=rng.choice(("gpt-x", "Claude-1")) if kind == "llm" else None,
                input_tokens=rng.randint(0, 5) if kind == "llm" else None,
                cost_usd=rng.choice((0.0, 0.5)) if kind == "llm" else None,
                attributes={INTERNAL: True} if kind == "chain" and rng.random() < 0.3 else {},
            )
        )
    facts = TraceFacts(
        trace_id,
        outcome=rng.choice((None, "pass", "fail")),
        session_id=rng.choice((None, "s1", "S2")),
        tags=({"tier": rng.choice(("gold", "Tin"))} if rng.random() < 0.7 else {})
        | ({REPLAY_OF: "f" * 32} if number % 8 == 7 else {}),
        metrics=(Metric("score", rng.choice((0.2, 0.8)), start),) if rng.random() < 0.5 else (),
        starred=rng.random() < 0.3,
        note=rng.choice((None, "look again")),
    )
    return spans, facts


def subject(
    trace: Trace, variant: str | None, family: str | None, annotation: PatternAnnotation
) -> Subject:
    """A stored trace as the plain meaning of filters sees it."""
    ordered = in_order(trace.spans)
    root = root_of(ordered)
    calls = [span for span in ordered if span.kind == "llm"]
    bad = next((s for s in (root, *ordered) if s.status == "error"), None)
    failed = (
        trace.outcome == "fail" if trace.outcome else {"ok": False, "error": True}.get(trace.status)
    )
    replay = REPLAY_OF in trace.tags
    ending = None if replay else dead_end(trace.outcome, trace.status, root, calls)
    texts = {
        "name": (trace.name,),
        "status": (trace.status,),
        "outcome": (trace.outcome or "none",),
        "ending": (ending or "none",),
        "failed": () if failed is None or replay else ("yes" if failed else "no",),
        "model": tuple(span.model for span in calls if span.model),
        "session": (trace.session_id,) if trace.session_id else (),
        "pattern": (variant,) if variant else (),
        "family": (family,) if family else (),
        "id": (trace.trace_id,),
        "error": (bad.error_message or f"{bad.name} failed",) if bad else (),
        "starred": ("yes" if trace.starred else "no",),
        "finished": () if replay else ("no" if failed is None else "yes",),
        "note": (trace.note,) if trace.note else (),
        "expected": ("yes" if annotation.expected else "no",),
        "priority": (annotation.priority or "normal",),
    }
    texts |= {f"tag.{key}": (value,) for key, value in trace.tags.items()}
    read = sum(span.input_tokens or 0 for span in calls)
    numbers: dict[str, tuple[float, ...]] = {
        "cost": (sum(span.cost_usd or 0 for span in calls),),
        "duration": () if trace.end_ns is None else (trace.end_ns - trace.start_ns,),
        "tokens": (read,),
        "input_tokens": (read,),
        "output_tokens": (0,),
        "spans": (len(ordered),),
        "errors": (sum(span.status == "error" for span in ordered),),
        "calls": (len(calls),),
    }
    for metric in trace.metrics:
        numbers[f"metric.{metric.name}"] = (metric.value,)
    steps = tuple((step.name, step.status == "error") for step in steps_of(ordered))
    words = {str(span.input).lower() for span in ordered} | {
        w for v in texts["error"] for w in v.split()
    }
    words |= {
        w for s in ordered for w in s.name.lower().replace("_", " ").replace("%", " ").split()
    }
    return Subject(trace.start_ns, texts, numbers, steps, frozenset(words))


@pytest.fixture(scope="module")
def world(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, dict[str, Subject]]]:
    """Sixty random traces, and each as the plain meaning sees it."""
    path = tmp_path_factory.mktemp("world") / "t.db"
    shutil.copy(empty_database, path)
    rng = random.Random(4)
    with Store.open(path) as store:
        for number in range(60):
            spans, facts = random_trace(rng, number)
            store.write(Batch(spans, [facts]))
        store.refresh()
        with store.read() as conn:
            patterns = [one.id for one in queries.clusters(conn).clusters]
        for one, word in zip(patterns, WORDS_ON_PATTERNS, strict=False):
            annotate_pattern(store, one, word)
        with store.read() as conn:
            annotations = queries.pattern_annotations(conn, patterns)
            variants = {row.trace_id: row.variant for row in queries.traces(conn, limit=100).rows}
            families: dict[str | None, str] = {
                one.id: one.family for one in queries.clusters(conn).clusters
            }
            subjects = {
                trace.trace_id: subject(
                    trace,
                    variants[trace.trace_id],
                    families.get(variants[trace.trace_id]),
                    annotations.get(variants[trace.trace_id] or "", PatternAnnotation()),
                )
                for trace in queries.export(conn)
            }
        yield store, subjects


PATTERNS = st.sampled_from(
    [
        *("*", "s*", "search", "SEARCH", "a%b", "*e", "open_page", "openXpage", "x", "page #", "#"),
        *("page 7", "PAGE 7", "page 8", "pag*7", "a\\b", "deadbeef00", "look", "* look *"),
    ]
)
STEPS = st.builds(StepName, PATTERNS, st.booleans())
CONDITIONS = st.one_of(
    st.builds(Match, st.just("name"), st.sampled_from(["agent", "AG*", "*r", "%"])),
    st.builds(Match, st.just("status"), st.sampled_from(["ok", "error", "running"])),
    st.builds(Match, st.just("outcome"), st.sampled_from(["pass", "fail", "none"])),
    st.builds(Match, st.just("ending"), st.sampled_from(["fail", "error", "none"])),
    st.builds(Match, st.just("failed"), st.sampled_from(["yes", "no"])),
    st.builds(Match, st.just("starred"), st.sampled_from(["yes", "no"])),
    st.builds(Match, st.just("finished"), st.sampled_from(["yes", "no"])),
    st.builds(Match, st.just("expected"), st.sampled_from(["yes", "no"])),
    st.builds(Match, st.just("priority"), st.sampled_from(["high", "normal", "low"])),
    st.builds(Match, st.just("note"), st.sampled_from(["look*", "x", "*"])),
    st.builds(Match, st.just("model"), st.sampled_from(["gpt-*", "claude-1", "GPT-X", "*", "x*"])),
    st.builds(Match, st.just("session"), st.sampled_from(["s1", "s*", "x"])),
    st.builds(
        Match, st.sampled_from(["tag.tier", "tag.none"]), st.sampled_from(["gold", "t*", "*"])
    ),
    st.builds(Match, st.just("error"), st.sampled_from(["alpha", "*a*", "b*"])),
    st.builds(
        Match,
        st.sampled_from(["id", "pattern", "family"]),
        st.sampled_from(["a", "0", "7", "F*"]),
    ),
    st.builds(
        Compare,
        st.sampled_from(["cost", "tokens", "input_tokens", "spans", "errors", "calls"]),
        st.sampled_from([">", ">=", "<", "<=", "="]),
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0]),
    ),
    st.builds(Compare, st.just("duration"), st.sampled_from([">", "<="]), st.just(8e9)),
    st.builds(
        Compare, st.sampled_from(["metric.score", "metric.none"]), st.just("<"), st.just(0.5)
    ),
    st.builds(Since, st.integers(START, START + 3600 * SECOND)),
    st.builds(Until, st.integers(START, START + 3600 * SECOND)),
    st.builds(Text, st.sampled_from([*WORDS, "search", "absent"])),
    st.builds(Sequence, st.lists(STEPS, min_size=1, max_size=3).map(tuple)),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(filter_=FILTERS, few=st.booleans())
def test_the_database_finds_what_the_filter_means(
    world: tuple[Store, dict[str, Subject]], filter_: Filter, few: bool
) -> None:
    """SQL and the naive evaluation agree on every trace, for any filter, whether an index finds
    what few traces have or each trace is looked at."""
    store, subjects = world
    with pytest.MonkeyPatch.context() as patched, store.read() as conn:
        if not few:
            patched.setattr(filtering, "_INDEX_LIMIT", 0)
            patched.setattr(filtering, "_SPAN_READ_LIMIT", 0)
        page = queries.traces(conn, filter_, limit=100)
    expected = {trace_id for trace_id, one in subjects.items() if holds(filter_, one)}
    assert {row.trace_id for row in page.rows} == expected
    assert page.total == len(expected)


@pytest.mark.sqlite("its plans")
def test_a_model_of_many_runs_is_looked_for_in_each(
    world: tuple[Store, dict[str, Subject]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among a run's few spans, not among all calls of the model."""
    monkeypatch.setattr(filtering, "_INDEX_LIMIT", 0)
    with world[0].read() as conn:
        condition, params = filtering.condition(conn, Match("model", "gpt-x"))
        sql = f"EXPLAIN QUERY PLAN SELECT trace_id FROM traces WHERE {condition}"
        plan = [str(step[-1]) for step in conn.rows(sql, params)]
    assert any(step.startswith("SEARCH spans") and "(trace_id=?)" in step for step in plan), plan


def test_a_step_beyond_those_that_a_pattern_keeps(store: Store) -> None:
    """A very long run is found by its last step, which its pattern does not name."""
    run, start = "a" * 32, START
    root = Span(run, "1" * 16, None, "agent", "agent", "ok", start, start + SECOND)
    steps = [
        Span(run, f"{at + 2:016x}", "1" * 16, name, "tool", "ok", start + at, start + at + 1)
        for at, name in enumerate([*"abcdefg" * (KEPT // 7 + 1), "last"])
    ]
    store.write(Batch([root, *steps], []))
    store.refresh()
    with store.read() as conn:
        assert [queries.traces(conn, parse(f"has({one})")).total for one in ("last", "no")] == [
            1,
            0,
        ]


@pytest.mark.parametrize("few", [True, False])
def test_a_step_that_came_late(store: Store, monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    """It is found before the run is placed anew, so that nobody deletes a run as one without it."""
    if not few:
        monkeypatch.setattr(filtering, "_SPAN_READ_LIMIT", 0)
    root = Span("a" * 32, "1" * 16, None, "agent", "agent", "ok", START, START + SECOND)
    step = root._replace(span_id="2" * 16, parent_span_id="1" * 16, name="plan", kind="tool")
    store.write(Batch([root, step], []))
    store.refresh()
    store.write(Batch([step._replace(span_id="3" * 16, name="answer")], []))
    with store.read() as conn:
        asked = ("has(answer)", "lacks(answer)", "seq(plan -> none)")
        assert [queries.traces(conn, parse(one)).total for one in asked] == [1, 0, 0]


@pytest.mark.sqlite("its parser's stack")
def test_what_sqlite_cannot_read_is_said(store: Store) -> None:
    """Few people write `or` and `and` within each other dozens of times; those are told."""
    nested = "(name:a or (name:b " * 20 + "has(a!)" + "))" * 20
    with store.read() as conn:
        try:
            answer = f"{queries.traces(conn, parse(nested)).total} traces"
        except StoreError as error:  # later versions of SQLite have a stack that grows
            answer = str(error)
    assert answer == "0 traces" or answer.endswith("split it.")


@pytest.mark.parametrize("first", ["has(a!)", "lacks(a)", f"seq({' -> '.join(['a!'] * 30)})"])
def test_the_longest_filters(store: Store, first: str) -> None:
    """What the language takes, the database can be asked."""
    nested = f"{'not ' * 50}{first}"
    longest = " or ".join([nested, *(["text:a", "tag.a:b", "cost>1"] * 156)])
    with store.read() as conn:
        assert queries.traces(conn, parse(longest)).total == 0
