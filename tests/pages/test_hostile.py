"""Stored and reflected cross-site scripting: every page, a snapshot, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from clustertrace.app.shell import PAGES
from clustertrace.model import Batch, Metric, Span, TraceFacts
from clustertrace.snapshot.document import trace_document
from clustertrace.store import Store, queries

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DO = "window.owned=1"
CORPUS = (
    f"<script>{DO}</script>",
    f"</script><script>{DO}</script>",
    f"<img src=x onerror={DO}>",
    f"<svg/onload={DO}>",
    f"\"><svg onload='{DO}'>",
    f"' onmouseover='{DO}' autofocus onfocus='{DO}' x='",
    f"<iframe srcdoc='<script>parent.{DO}</script>'></iframe>",
    f"<iframe src=javascript:parent.{DO}>",
    f"<a href=javascript:{DO}>x</a>",
    f"[x](javascript:{DO}) ![x](http://evil.invalid/a.png) <http://evil.invalid/b>",
    f"<details open ontoggle={DO}><video><source onerror={DO}>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror={DO}>'>",
    f"<noscript><p title='</noscript><img src=x onerror={DO}>'>",
    f"&lt;img src=x onerror={DO}&gt; &#60;script&#62;{DO}&#60;/script&#62;",
    "<style>@import 'http://evil.invalid/c.css';*{background:url(http://evil.invalid/d)}</style>",
    "<link rel=stylesheet href=http://evil.invalid/e><base href=http://evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=http://evil.invalid/f'>",
    f"<form action=http://evil.invalid/g><button formaction=javascript:{DO}>x</form>",
    f"{{{{constructor.constructor('{DO}')()}}}} ${{{DO}}} datum['a'] %3Cscript%3E{DO}%3C/script%3E",
    f"$\\href{{javascript:{DO}}}{{x}}$ $$\\htmlData{{x={DO}}}{{y}}$$ \\includegraphics{{http://evil.invalid/h}}",
    ":material/star: :red[red] :smile: **bold** `code` | # h \n\n# heading\n\n---\n",
    f"\x00<scr\x00ipt>{DO}</scr\x00ipt>\u202e\ufeff\x1b]8;;http://evil.invalid/i\x1b\\x",
)
"""Each tried in every field of a run."""

RUNS = len(CORPUS)
START = time.time_ns() - RUNS * 600 * 10**9


def run(number: int) -> Batch:
    """One run whose every text is of the corpus; each field begins elsewhere in it."""
    words = cycle(CORPUS[number % len(CORPUS) :] + CORPUS[: number % len(CORPUS)])
    word = words.__next__
    trace_id, start = f"{number:032x}", START + number * 600 * 10**9

    def span(place: int, kind: str, **more: Any) -> Span:
        fields: dict[str, Any] = {
            "input": {word(): [word(), {word(): word()}]},
            "output": [{"role": word(), "content": [{"type": "text", "text": word()}]}],
            "attributes": {word(): word(), "exception.stacktrace": word(), "url": word()},
            "error_type": word(), "error_message": word(), "finish_reason": word(),
        }  # fmt: skip
        parent = f"{1:016x}" if place > 1 else None
        times = (start + place * 10**9, start + (20 - place) * 10**9)
        # Few names, so that there are patterns.
        name = CORPUS[(number % 3 + place) % len(CORPUS)]
        step = Span(trace_id, f"{place:016x}", parent, name, kind, "error", *times)
        return step._replace(**(fields | more))

    prompt = [{"role": "user", "content": f"{word()} maybe fix it {word()}"}]
    spans = [
        span(1, "agent", status="error" if number % 2 else "ok", input=prompt),
        span(2, "tool"),
        span(3, "llm", input=prompt, model=word(), provider=word(), input_tokens=900,
             output_tokens=50, cost_usd=0.5),
        span(4, "retriever", status="ok"),
    ]  # fmt: skip
    facts = TraceFacts(
        trace_id,
        name=CORPUS[number % 3],
        outcome="fail" if number % 2 else "pass",
        outcome_reason=word(),
        session_id=CORPUS[number % 4],
        tags={CORPUS[number % 5]: word(), "service": word(), "folder": word()},
        metrics=(Metric(CORPUS[number % 3], float(number), start),),
    )
    return Batch(spans, [facts])


@pytest.fixture
def attacked(store: Store) -> Store:
    """A database full of it."""
    for number in range(1, RUNS + 1):
        store.write(run(number))
    store.refresh()
    return store


def test_nothing_that_is_stored_or_asked_runs(
    page: Page, attacked: Store, dashboard: Callable[[Path], str], tmp_path: Path
) -> None:
    """No page, and no snapshot, runs, loads or follows any of it; all of it is shown as text."""
    url = dashboard(attacked.path)
    with attacked.read() as conn:
        pattern = queries.newest(conn, None, 1)[0].variant
        trace = queries.trace(conn, f"{1:032x}")
    snapshot = tmp_path / "snapshot.html"
    snapshot.write_text(trace_document(trace))
    own = {
        "trace": f"id={1:032x}&span={2:016x}",
        "pattern": f"id={pattern}",
        "compare": f"a={1:032x}&b={2:032x}",
        "search": "q=onerror",
    }
    ways = [f"{url}/{one.path}?{own.get(one.path, '')}" for one in PAGES]
    reflected = quote(CORPUS[4])
    ways += [
        f"{url}/?where={reflected}",
        f"{url}/search?q={reflected}",
        f"{url}/trace?id={reflected}",
        snapshot.as_uri(),
    ]
    asked: set[str | None] = set()
    dialogs: list[str] = []
    page.context.on("request", lambda request: asked.add(_host(request.url)))
    page.context.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for begin in range(0, len(ways), 7):
        _look(page, ways[begin : begin + 7])
    assert dialogs == []
    assert asked - {None} == {"localhost"}


def _look(page: Page, ways: list[str]) -> None:
    """Open some pages at once, and see what became of them."""
    tabs = [page.context.new_page() for _ in ways]
    for tab, way in zip(tabs, ways, strict=True):
        tab.goto(way, wait_until="commit")
    for tab, way in zip(tabs, ways, strict=True):
        if way.startswith("http"):
            tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
            tab.locator('[data-testid="stMain"] .ct').first.wait_for()
        assert tab.evaluate("window.owned") is None, way
        # A spreadsheet would run the formulas in what a table's own button writes.
        assert not tab.get_by_label("Download as CSV").locator("visible=true").count(), way
        if f"id={1:032x}" in way or way.startswith("file"):
            # The test looks at the right thing: what would run elsewhere stands there as text.
            assert f"<script>{DO}</script>" in (tab.locator("body").text_content() or "")
        assert all(not frame.evaluate("window.owned") for frame in tab.frames), way
        found = tab.locator(
            '[src^="http://evil"], [href^="http://evil"], [href^="javascript"], [onerror],'
            " [onload], [onfocus], [ontoggle], iframe[srcdoc*=script], .katex, base"
        )
        assert found.count() == 0, (way, found.first.evaluate("one => one.outerHTML"))
        tab.close()


def _host(url: str) -> str | None:
    parts = urlsplit(url)
    return parts.hostname if parts.scheme in ("http", "https", "ws", "wss") else None
