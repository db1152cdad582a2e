"""Snapshots: one file, which loads nothing and in which text stays text."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.assembling import assembled
from clustertrace.exchange.native import dump_trace, parse_trace
from clustertrace.model import Span, Trace, TraceFacts
from clustertrace.snapshot.document import SPANS_SHOWN, trace_document
from clustertrace.snapshot.leaving import leaving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHELL_BYTES = 40_000
"""What a snapshot may weigh beside its data."""

HOSTILE = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    '"><svg onload="window.hit = 1">',
    "</style><script>window.hit = 1</script>",
    "<!-- --><iframe src='javascript:parent.hit = 1'></iframe>",
    "javascript:window.hit=1",
    "\u202egnirts\x00\ud800",
)


def trace_of(text: str, **fields: Any) -> Trace:
    """A trace with a text in every place."""
    root = Span("1" * 32, "1" * 16, None, text, "agent", "error", 1, 90, text, {text: [text]})
    call = Span("1" * 32, "2" * 16, "1" * 16, text, "llm", "ok", 2, 50)
    messages = [{"role": text, "content": text, "tool_calls": [{"name": text, "arguments": text}]}]
    spans = [
        root._replace(error_type=text, error_message=text, attributes={text: text}),
        call._replace(input=messages, output=text, model=text, finish_reason=text),
    ]
    facts = TraceFacts("1" * 32, outcome="fail", outcome_reason=text, tags={text: text}, **fields)
    return assembled(spans, facts)


def demo() -> list[Trace]:
    lines = gzip.decompress(Path(__file__).parents[2].joinpath("demo/traces.jsonl.gz").read_bytes())
    return [assembled(*parse_trace(line)) for line in lines.splitlines()]


class _Elements(HTMLParser):
    """Every element and attribute of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@given(st.text(max_size=40) | st.sampled_from(HOSTILE))
def test_only_our_elements(text: str) -> None:
    """Whatever a trace holds, the document has no element or attribute but its own."""
    elements = _Elements()
    elements.feed(trace_document(trace_of(text)))
    names = {name for name, _ in elements.found}
    assert names <= set(
        "html head meta title style body h1 p div span small details summary svg rect pre footer"
        " ol li".split()
    )
    attributes = {key for _, given in elements.found for key in given}
    assert not any(key.startswith("on") or key in ("style", "src", "href") for key in attributes)


@pytest.mark.browser
def test_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """Opened from the disk, hostile text is shown as text, steps open, nothing is asked for."""
    file = tmp_path / "run.html"
    file.write_text(trace_document(trace_of(" ".join(HOSTILE))), "utf-8", "replace")
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file.as_uri())
    page.locator("summary").nth(1).click()
    assert "<script>window.hit = 1</script>" in page.locator("details[open] pre").last.inner_text()
    assert page.evaluate("window.hit") is None
    assert page.locator("script, iframe, img").count() == 0
    assert requests == [file.as_uri()]
    assert complaints == []
    page.close()


def test_the_document_forbids_all_but_its_style() -> None:
    """The document forbids everything but its one style sheet, known by its digest."""
    head = trace_document(trace_of("x")).partition("</head>")[0]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', head)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_a_snapshot_weighs_little_beside_its_data() -> None:
    """Beside its data, the snapshot of any run of the demo weighs little."""
    for trace in demo():
        weight = len(trace_document(trace).encode())
        assert weight - len(dump_trace(trace)) <= SHELL_BYTES


def test_embeddings_alone_cost_something_too() -> None:
    """A run that only filled an index says what it read and what that cost."""
    span = Span("1" * 32, "1" * 16, None, "index", "embedding", "ok", 1, 9)
    span = span._replace(input_tokens=1_200, cost_usd=0.0125)
    text = trace_document(assembled([span], TraceFacts("1" * 32)))
    assert "1,200 tokens read, 0 written" in text
    assert "model call" not in text


def test_a_run_took_as_long_as_was_said_of_it() -> None:
    """Where an import tells when the run began and ended, the page and the snapshot both say so."""
    minute = 60 * 10**9
    span = Span("1" * 32, "1" * 16, None, "run", "agent", "ok", minute, 2 * minute)
    facts = TraceFacts("1" * 32, start_ns=0, end_ns=5 * minute)
    assert "took 5 min" in trace_document(assembled([span], facts))


def test_long_trace() -> None:
    """A very long trace is cut where a browser would crawl, and says so."""
    root = Span("1" * 32, "f" * 16, None, "run", "agent", "ok", 1, 10)
    spans = [
        Span("1" * 32, f"{number:016x}", "f" * 16, "step", "tool", "ok", 2, 3)
        for number in range(SPANS_SHOWN + 4)
    ]
    text = trace_document(assembled([root, *spans], TraceFacts("1" * 32)))
    assert text.count("<details") == SPANS_SHOWN
    assert "5 more spans left out." in text


def test_secrets_are_cut_again() -> None:
    """A secret that was stored all the same does not leave, and is counted."""
    secret = "sk-ant-api03-" + "a" * 30
    kept, cut = leaving([trace_of(f"key {secret}")])
    assert cut > 0
    assert secret not in trace_document(kept[0], secrets_cut=cut)
    assert f"{cut} secrets were cut" in trace_document(kept[0], secrets_cut=cut)


def test_without_content() -> None:
    """With metadata only, the document has steps, times and costs, and no text of the run's."""
    trace = trace_of("x")._replace(name="run")
    spans = [
        span._replace(name="step", input="private", output="private", error_message="private")
        for span in trace.spans
    ]
    private = trace._replace(spans=tuple(spans), outcome_reason="private", tags={})
    (kept,), _ = leaving([private], metadata_only=True)
    text = trace_document(kept)
    assert "private" not in text
    assert "step" in text
