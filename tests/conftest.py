"""What every test gets: a database and a home of its own, a clean environment, no network."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from clustertrace.store.store import Store

ROOT = Path(__file__).resolve().parents[1]

pytest_plugins = ("tests.postgres_cluster",)

ON_POSTGRES = os.environ.get("CLUSTERTRACE_TEST_DATABASE") == "postgres"
"""Whether tests that name no database have one in PostgreSQL (`make test-postgres`)."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out, on PostgreSQL, what is about SQLite's files."""
    if ON_POSTGRES and (marked := item.get_closest_marker("sqlite")):
        pytest.skip(f"about SQLite: {marked.args[0] if marked.args else 'its file'}")


FOREIGN_SETTINGS = (
    *("CLUSTERTRACE_", "OTEL_", "STREAMLIT_", "XDG_", "ANTHROPIC_", "CLAUDE_", "OPENAI_"),
    *("AWS_", "AZURE_", "GOOGLE_", "GEMINI_", "CLOUD_ML_"),
    "PG",  # PGHOST, PGPASSWORD and the like: PostgreSQL's own put no line between
)
"""How variables of the machine begin that would change what a test sees."""

DEAD_PROXY = "http://127.0.0.1:9"
"""Where child processes are sent for other hosts: the discard port, which nothing listens on."""

OUTSIDE: list[str] = []
"""What wanted to talk to another host; the end of the run names it."""

# What an example takes is the machine's affair: the first text that Hypothesis draws in a fresh
# checkout makes it build its tables of Unicode, which on a busy machine is slow enough to fail.
settings.register_profile(
    "patient",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

LOOPBACK_NAMES = frozenset({"", "localhost", "ip6-localhost", "testserver"})


@pytest.fixture
def on_sqlite() -> None:
    """Leave a test that looks at SQLite's query plans out on PostgreSQL."""
    if ON_POSTGRES:
        pytest.skip("about SQLite: its query plans")


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name the test's own database, as CLUSTERTRACE_DB does; empty, or not there yet."""
    if ON_POSTGRES:
        return str(request.getfixturevalue("migrated_url"))
    return str(tmp_path / "traces.db")


@pytest.fixture(autouse=True)
def _own_environment(
    database: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give the test a database and a home folder of its own, and none of the machine's settings."""
    for name in [name for name in os.environ if name.startswith(FOREIGN_SETTINGS)]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("CLUSTERTRACE_DB", database)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
        monkeypatch.setenv(name.upper(), DEAD_PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost,::1")


@pytest.fixture(autouse=True)
def _fresh_recorder(_own_environment: None) -> Iterator[None]:
    """Let the recorder read the test's environment, and end its segment with the test."""
    from clustertrace.record import config, notices, spool

    def forget() -> None:
        spool.spool.close()
        spool.spool.dropped = 0
        config.config.cache_clear()
        notices.forget()

    forget()
    yield
    forget()


@pytest.fixture
def forget_prices() -> Iterator[Callable[[], None]]:
    """Forget the user's own prices, which a process reads once; call it to do so again."""
    from clustertrace import pricing

    def forget() -> None:
        pricing.own_prices.cache_clear()
        pricing._prices.cache_clear()

    forget()
    yield forget
    forget()


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to look up or connect to any other host, so that no test depends on a network."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        _check_host(sock.family, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        _check_host(sock.family, address)
        return connect_ex(sock, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check_host(socket.AF_INET, (host, 0))
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which anything but the test of this very thing wanted to talk to others."""
    if _uninvited() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often anything wanted to."""
    uninvited = _uninvited()
    for line in uninvited:
        terminalreporter.write_line(line, red=True)
    summary = f"{len(uninvited)} connections to other hosts were tried"
    terminalreporter.write_line(summary, red=bool(uninvited))


def _uninvited() -> list[str]:
    return [line for line in OUTSIDE if not line.startswith("tests/test_isolation.py::")]


def _check_host(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0]
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name not in LOOPBACK_NAMES and not name.startswith("127.") and name != "::1":
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        OUTSIDE.append(f"{test or 'outside of tests'} wanted {name}")
        raise ConnectionRefusedError(f"tests talk to loopback only, not to {name}")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty database to copy: migrating one anew takes half a second."""
    from clustertrace.store.store import Store

    path = tmp_path_factory.mktemp("empty") / "traces.db"
    Store.open(path).close()
    return path


@pytest.fixture
def store(database: str, empty_database: Path) -> Iterator[Store]:
    """Open the test's own database."""
    from clustertrace.store.store import Store

    if not ON_POSTGRES:
        shutil.copy(empty_database, database)
    with Store.open(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with samples of real runs that may stand beside the checkout."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder with samples of real runs beside the checkout")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium that reaches loopback only.

    For one module: as long as Playwright is open, its event loop runs in this thread, and no test
    could run one of its own.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        missing = "needs a browser: install chromium (on Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",  # a container's root has no user namespace to sandbox in
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            ],
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page on a wide screen, with no cookies or storage of other tests."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    yield context.new_page()
    context.close()
