"""What each page costs: time on the server, time until it can be read in Chromium, memory.

    python benchmarks/bench_pages.py [DATABASE]     (default: the demo's runs)

The script's time is a rerun of the page alone, without a browser, the median of seven. A page is
painted when its heading stands and nothing runs any more, on a warm server and with the browser's
cache; the median of three. Memory is what the pages' process holds after that, and again with ten
tabs open on /clusters, which then are left alone for ten seconds. The last column is the script's
time over that of a page that draws one heading.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from figures import Figure, tell
from streamlit.testing.v1 import AppTest

from clustertrace.app.shell import PAGES
from clustertrace.errors import NotFound
from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.store import Store, queries

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABS = 10
REST_SECONDS = 10


def needed(store: Store) -> dict[str, dict[str, str]]:
    """What pages need in their address to show something."""
    with store.read() as conn:
        failed = queries.latest(conn, failed=True)
        try:
            passed = queries.latest(conn, parse("failed:no"))
        except NotFound:
            passed = failed
        pattern = queries.trace_row(conn, failed).variant or ""
    return {
        "trace": {"id": failed},
        "pattern": {"id": pattern},
        "compare": {"a": failed, "b": passed},
        "search": {"q": "index"},
    }


def script_ms(name: str, params: dict[str, str]) -> float:
    """The median time of a rerun of a page; of one that draws a heading for no name."""

    def script(page: str) -> None:
        from importlib import import_module

        import streamlit as st

        from clustertrace.app.shell import PAGES, above

        if not page:
            st.title("nothing")
            return
        above(next(one for one in PAGES if one.module == page))
        import_module(f"clustertrace.pages.{page}").draw()

    app = AppTest.from_function(script, kwargs={"page": name}, default_timeout=120)
    for key, value in params.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return median_ms(7, app.run)


def median_ms(times: int, work: Callable[[], Any]) -> float:
    """The median of what some work takes."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(took)


def painted_ms(browser: Browser, url: str) -> float:
    """The median time until a page can be read."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})

    def opened() -> None:
        page = context.new_page()
        page.goto(url, wait_until="commit")
        page.locator("h1, h2, h3, [data-testid='stDataFrame']").first.wait_for()
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        page.close()

    opened()
    took = median_ms(3, opened)
    context.close()
    return took


class Used(NamedTuple):
    """What the processes below one hold, MiB, and have taken of a processor, seconds."""

    mib: float
    seconds: float


def used_below(parent: int) -> Used:
    """What they use now."""
    pages = ticks = 0
    for entry in Path("/proc").iterdir():
        try:
            facts = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(facts[1]) == parent:
            pages += int(facts[21])
            ticks += int(facts[11]) + int(facts[12])
    return Used(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, ticks / os.sysconf("SC_CLK_TCK"))


def main() -> None:
    """Print a row for each page, then what open tabs take."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "demo.db"
        with Store.open(path) as store:
            if len(sys.argv) < 2:
                load_bundle(store, time.time_ns())
            store.refresh()
            params = needed(store)
            with store.read() as conn:
                traces = conn.value("SELECT sum(traces) FROM variant_days")
        os.environ["CLUSTERTRACE_DB"] = str(path)
        floor = script_ms("", {})
        scripts = {
            page.module: script_ms(page.module, params.get(page.module, {})) for page in PAGES
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "clustertrace.ingest", "--port", "0", "--db", str(path)],
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().decode().rpartition(":")[2])
            url = f"http://localhost:{port}"
            with httpx.Client(trust_env=False, timeout=60) as http:
                while http.get(f"{url}/_stcore/health").status_code != 200:
                    time.sleep(0.1)
            measure(url, params, scripts, floor, traces, process.pid)
        finally:
            process.terminate()
            process.wait()


def measure(
    url: str,
    params: dict[str, dict[str, str]],
    scripts: dict[str, float],
    floor: float,
    traces: int,
    server: int,
) -> None:
    """Open every page in a browser, if there is one, and print what was found."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    print(
        f"{traces:,} traces; {os.cpu_count()} cores; a page with one heading takes {floor:.0f} ms"
    )
    print(f"{'page':12} {'script ms':>10} {'painted ms':>11}   script / heading")
    if chromium is None:
        for name, script in scripts.items():
            print(f"{name:12} {script:>10.0f} {'no browser':>11}   × {script / floor:.1f}")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        slowest = 0.0
        for page in PAGES:
            script = scripts[page.module]
            asked = "&".join(f"{key}={value}" for key, value in params.get(page.module, {}).items())
            painted = painted_ms(browser, f"{url}/{page.path}?{asked}")
            print(f"{page.module:12} {script:>10.0f} {painted:>11.0f}   × {script / floor:.1f}")
            slowest = max(slowest, painted)
        before = used_below(server)
        tabs = [browser.new_context().new_page() for _ in range(TABS)]
        for tab in tabs:
            tab.goto(f"{url}/clusters")
            tab.locator("h1, h2").first.wait_for()
        opened = used_below(server)
        time.sleep(REST_SECONDS)
        rested = used_below(server)
        share = (rested.seconds - opened.seconds) / REST_SECONDS
        print(
            f"the pages' process: {before.mib:.0f} MiB; with {TABS} tabs open"
            f" {opened.mib:.0f} MiB, and at rest {share:.0%} of a core"
        )
        browser.close()
    tell(Figure("painted", slowest, floor, "a page of one heading", f"{traces:,} traces"))


if __name__ == "__main__":
    main()
