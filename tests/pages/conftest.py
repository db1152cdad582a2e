"""Databases to look at, pages without a server, and a dashboard with one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from clustertrace.model import Batch, Metric, Span, TraceFacts
from clustertrace.store.store import Store
from tests.processes import until

SECOND = 10**9
START = 1_700_000_000 * SECOND

HOSTILE = (
    "<script>document.title='owned'</script><img src=http://evil.invalid/a.png onerror=alert(1)>"
    " ![x](http://evil.invalid/b.png) [y](javascript:alert(1)) **bold** `code` $x^2$ $$y$$"
    " :material/star: :red[red] :smile: <b>b</b> &amp; \u202e \x01 | # h"
)
"""Markdown, HTML, LaTeX, Streamlit's directives, and characters that can't be shown."""


def run(number: int, *tools: str, facts: TraceFacts | None = None, **root: Any) -> Batch:
    """One trace: a root that lasts ten seconds, with a tool a second under it.

    A tool that ends in `!` failed.
    """
    trace_id = f"{number:032x}"
    start = START + number * 3600 * SECOND
    fields: dict[str, Any] = {"name": "agent", "kind": "agent", "status": "ok"}
    fields |= {"end_ns": start + 10 * SECOND}
    spans = [Span(trace_id, f"{1:016x}", None, start_ns=start, **(fields | root))]
    for at, tool in enumerate(tools, 2):
        failed = tool.endswith("!")
        spans.append(
            Span(
                trace_id,
                f"{at:016x}",
                f"{1:016x}",
                name=tool.removesuffix("!"),
                kind="tool",
                status="error" if failed else "ok",
                start_ns=start + at * SECOND,
                end_ns=start + (at + 1) * SECOND,
                error_type="Timeout" if failed else None,
                error_message="no answer within 5 s" if failed else None,
                attributes={"exception.stacktrace": "line 1\nline 2"} if failed else {},
            )
        )
    return Batch(spans, [facts._replace(trace_id=trace_id)] if facts else [])


def facts_with(**fields: Any) -> TraceFacts:
    """Facts for `run`, which puts the trace's id in."""
    return TraceFacts("", **fields)


def chat_call(parent: Span) -> Span:
    """A model call with a conversation below a root."""
    messages = [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": [{"type": "text", "text": "What are tides?"}]},
    ]
    answer = {"role": "assistant", "content": None, "tool_calls": [
        {"function": {"name": "search", "arguments": '{"q": "tides"}'}}
    ]}  # fmt: skip
    return parent._replace(
        span_id=f"{99:016x}",
        parent_span_id=parent.span_id,
        name="chat",
        kind="llm",
        input=messages,
        output=answer,
        model="a-model",
        provider="someone",
        input_tokens=1200,
        output_tokens=34,
        cache_read_tokens=1000,
        cost_usd=0.0123,
    )


@pytest.fixture
def some(store: Store) -> Store:
    """Seven runs: three patterns, failures by outcome and by error, one running, one vanished."""
    bad = facts_with(outcome="fail", outcome_reason="cites nothing", tags={"version": "2"})
    good = facts_with(outcome="pass", session_id="s-1", metrics=(Metric("score", 0.5, START),))
    batches = [
        run(1, "search", "fetch!", facts=bad),
        run(2, "search", "fetch!", status="error", error_message="gave up"),
        run(3, "search", "fetch!"),
        run(4, "search", "fetch", facts=good),
        run(5, "lookup"),
        run(6, "search", status="running", end_ns=None),
        run(7, "search", status="incomplete", end_ns=None),
    ]
    chat = chat_call(batches[0].spans[0])
    batches[0].spans.append(chat)
    batches[4].spans.append(chat_call(batches[4].spans[0])._replace(cost_usd=1.0))
    for batch in batches:
        store.write(batch)
    store.refresh()
    return store


@pytest.fixture
def make_runs() -> Callable[[Store, int], None]:
    """Writes as many runs as one likes."""

    def make(store: Store, count: int) -> None:
        batches = [run(number, "search") for number in range(1, count + 1)]
        store.write(Batch([span for batch in batches for span in batch.spans], []))
        store.refresh()

    return make


@pytest.fixture
def hostile(store: Store) -> Store:
    """A failed run whose every text is hostile."""
    facts = facts_with(
        outcome="fail",
        outcome_reason=HOSTILE,
        session_id=HOSTILE,
        tags={HOSTILE[:60]: HOSTILE},
        metrics=(Metric(HOSTILE, 1.0, START),),
    )
    batch = run(1, HOSTILE + "!", HOSTILE, facts=facts, name=HOSTILE, error_message=HOSTILE)
    tool = batch.spans[1]._replace(
        input={HOSTILE: [HOSTILE]},
        output=[{"role": HOSTILE, "content": HOSTILE, "tool_calls": [{"name": HOSTILE}]}],
        error_type=HOSTILE,
        error_message=HOSTILE,
        model=HOSTILE,
        attributes={HOSTILE: HOSTILE, "exception.stacktrace": HOSTILE},
    )
    store.write(Batch([batch.spans[0], tool, batch.spans[2]], batch.facts))
    store.refresh()
    return store


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pages wait for what else would come with their next look, which tests don't take."""
    monkeypatch.setattr("clustertrace.app.clusters.rules._WAIT_SECONDS", 30)


class Shown:
    """What one run of a page has put on screen."""

    def __init__(self, ran: AppTest) -> None:
        self.ran = ran
        assert not ran.exception, ran.exception

    @property
    def html(self) -> str:
        """All hand-made HTML, one piece after the other."""
        return "\n".join(piece.proto.body for piece in self.ran.get("html"))

    @property
    def table(self) -> Any:
        """The only table, as a pandas frame."""
        [table] = self.ran.dataframe
        return table.value


@pytest.fixture
def show() -> Callable[..., Shown]:
    """Draw a page by its module's name and the parameters of its address."""

    def draw(page: str, /, **params: str | list[str]) -> Shown:
        def script(page: str) -> None:
            from importlib import import_module

            from clustertrace.app.guard import guarded
            from clustertrace.app.shell import PAGES, above

            above(next(one for one in PAGES if one.module == page))
            guarded(import_module(f"clustertrace.pages.{page}").draw)()

        app = AppTest.from_function(script, kwargs={"page": page}, default_timeout=30)
        for name, value in params.items():
            app.query_params[name] = value
        return Shown(app.run())

    return draw


@pytest.fixture
def dashboard() -> Iterator[Callable[[Path], str]]:
    """Serve a database as users do, on a free port; gives the address."""
    started: list[subprocess.Popen[bytes]] = []

    def serve(db: Path) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "clustertrace.ingest", "--port", "0", "--db", str(db)],
            stderr=subprocess.PIPE,
            env={**os.environ},
        )
        started.append(process)
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        assert "receives at" in line, line
        url = f"http://localhost:{int(line.rpartition(':')[2])}"
        with httpx.Client(trust_env=False, timeout=60) as http:
            until(lambda: http.get(f"{url}/_stcore/health").status_code == 200)
        return url

    yield serve
    for process in started:
        process.terminate()
        process.communicate(timeout=30)
