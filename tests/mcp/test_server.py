"""The server as editors meet it: over stdio, over HTTP, and its resources and prompts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from clustertrace.mcp.install import Target, edit_of, entry, place_of
from clustertrace.mcp.server import server


def test_started_as_an_editor_does(runs: Path, tmp_path: Path) -> None:
    """By absolute path, in a folder with its own `mcp` and `app`, with hardly any environment."""
    project = tmp_path / "project"
    for name in ("mcp", "app", "clustertrace"):
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("raise SystemExit('not this one')\n")
    config = entry(str(runs))
    started = StdioServerParameters(
        command=config["command"], args=config["args"], env={"HOME": str(tmp_path)}, cwd=project
    )

    async def talk() -> Any:
        async with Client(started) as client:
            return (await client.call_tool("list_clusters", {"limit": 1})).structured_content

    assert asyncio.run(talk())["total"] == 18


def test_it_ends_with_its_editor(runs: Path) -> None:
    """When standard input closes it ends, having written nothing that is no message."""
    done = subprocess.run(
        [sys.executable, "-m", "clustertrace", "mcp", "--db", str(runs)],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_traces_and_patterns_are_resources_by_the_beginning_of_their_ids(runs: Path) -> None:
    """Traces and patterns are there to read, as JSON, by the beginnings of their ids."""

    async def read() -> dict[str, Any]:
        async with Client(server(str(runs))) as client:
            listed = {one.uri for one in (await client.list_resources()).resources}
            assert listed == {"clustertrace://patterns", "clustertrace://traces/failed"}
            found = {}
            for uri in listed:
                found[uri] = await _json(client, uri)
            worst = found["clustertrace://patterns"]["patterns"][0]
            pattern = await _json(client, f"clustertrace://patterns/{worst['pattern_id'][:6]}")
            assert pattern == worst
            run = found["clustertrace://traces/failed"]["runs"][0]
            whole = await _json(client, f"clustertrace://traces/{run['trace_id'][:8]}")
            assert whole["run"] == run
            with pytest.raises(MCPError, match="There is no trace feedbeef"):
                await client.read_resource("clustertrace://traces/feedbeef")
            return found

    assert asyncio.run(read())["clustertrace://traces/failed"]["total"] == 14


async def _json(client: Client, uri: str) -> Any:
    (content,) = (await client.read_resource(uri)).contents
    assert content.mime_type == "application/json"
    return json.loads(content.text)  # type: ignore[union-attr]


def test_prompts_name_the_tools_to_call(runs: Path) -> None:
    """The two prompts name the tools to call, with what the user gave."""

    async def read() -> list[str]:
        async with Client(server(str(runs))) as client:
            given = {"before": "until:2026-01-01", "after": "since:2026-01-01"}
            asked = [
                await client.get_prompt("why-is-my-agent-failing", {"where": "since:7d"}),
                await client.get_prompt("compare-before-and-after", given),
            ]
            names = {tool.name for tool in (await client.list_tools()).tools}
            texts = [one.messages[0].content.text for one in asked]  # type: ignore[union-attr]
            assert {"failure_summary", "why", "get_trace", "verdict"} <= names
            return texts

    failing, comparing = asyncio.run(read())
    assert "failure_summary with where='since:7d'" in failing
    assert "verdict with before='until:2026-01-01'" in comparing


@contextmanager
def over_http(runs: Path, **environment: str) -> Iterator[tuple[str, str]]:
    """A server on a free port: its address, and what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "clustertrace", "mcp", "--http", "0", "--db", str(runs)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            yield line.split(" at ")[1].split()[0], line
        finally:
            process.terminate()


def test_over_http_with_the_token(runs: Path) -> None:
    """Whoever has the token that it printed may ask; nobody else, and no other host or page."""
    with over_http(runs) as (url, first_line):
        token = first_line.rpartition(" ")[2].strip().rstrip(".")

        async def talk() -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                httpx2_client(headers) as http,
                Client(streamable_http_client(url, http_client=http)) as client,
            ):
                return (await client.call_tool("recent_failed", {})).structured_content

        assert asyncio.run(talk())["total"] == 14
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        with httpx.Client(trust_env=False) as plain:
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer guess"}, 401),
                ({"Authorization": f"Bearer {token}", "Host": "evil.example"}, 421),
                ({"Authorization": f"Bearer {token}", "Origin": "https://evil.example"}, 403),
            ):
                answer = plain.post(url, json=body, headers=headers)
                assert answer.status_code == status, headers


def httpx2_client(headers: dict[str, str]) -> Any:
    """An HTTP client of the kind that the SDK takes."""
    import httpx2

    return httpx2.AsyncClient(headers=headers, trust_env=False)


def test_the_token_of_the_environment(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLUSTERTRACE_MCP_TOKEN is used, and never printed."""
    monkeypatch.setenv("CLUSTERTRACE_MCP_TOKEN", "a-secret-of-mine")
    with over_http(runs) as (url, first_line):
        assert "a-secret-of-mine" not in first_line
        with httpx.Client(trust_env=False) as plain:
            headers = {"Authorization": "Bearer a-secret-of-mine"}
            assert plain.post(url, json={}, headers=headers).status_code == 400
            assert plain.post(url, json={}).status_code == 401


@pytest.mark.parametrize("target", list(Target))
def test_what_is_installed_starts(
    runs: Path, target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command that stands in each editor's settings is one that runs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    place = place_of(target)
    written = json.loads(edit_of(place, entry(str(runs)))(""))[place.key]["clustertrace"]
    done = subprocess.run(
        [written["command"], *written["args"], "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert place.path.is_relative_to(tmp_path)
