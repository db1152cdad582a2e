"""A database of the bundled runs, and a client that asks the server in process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from clustertrace.exchange.bundle import load_bundle
from clustertrace.mcp.server import server
from clustertrace.store import Store

NOW = 1_800_000_000_000_000_000

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def bundled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled runs, to copy."""
    path = tmp_path_factory.mktemp("bundled") / "traces.db"
    with Store.open(path) as store:
        load_bundle(store, NOW)
        store.refresh()
    return path


@pytest.fixture
def runs(tmp_path: Path, bundled_database: Path) -> Path:
    """The test's own database of the bundled runs."""
    return Path(shutil.copy(bundled_database, tmp_path / "traces.db"))


@pytest.fixture
def ask(runs: Path) -> Ask:
    """Call a tool; what it answers, structured."""

    def call(tool: str, **arguments: Any) -> Any:
        answer = result(runs, tool, arguments)
        assert not answer.is_error, answer.content[0].text
        return answer.structured_content

    return call


@pytest.fixture
def refusal(runs: Path) -> Callable[..., str]:
    """Call a tool that must refuse; what it says."""

    def call(tool: str, **arguments: Any) -> str:
        answer = result(runs, tool, arguments)
        assert answer.is_error
        text: str = answer.content[0].text
        return text.removeprefix(f"Error executing tool {tool}: ")

    return call


def result(db: Path, tool: str, arguments: dict[str, Any]) -> Any:
    """One call by a real client, in process."""

    async def one() -> Any:
        async with Client(server(str(db))) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(one())
