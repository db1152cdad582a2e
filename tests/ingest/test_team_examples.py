"""docs/team.md and its files: they parse, and name commands, options and settings that exist."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

import clustertrace.cli.program  # noqa: F401  (what `clustertrace` alone does)
from clustertrace.cli.app import app
from clustertrace.ingest.exposition import Figures, Histogram, exposition
from clustertrace.settings import Settings
from clustertrace.telling.addresses import public_address

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER = DOCS / "team"
PAGE = (DOCS / "team.md").read_text()
HOST = "traces.example.com"
VARIABLES = {f"CLUSTERTRACE_{name.upper()}" for name in Settings.model_fields}


def options_of(command: list[str]) -> dict[str, Any]:
    """What `clustertrace <command>` understands, without running it. Fails if it does not."""
    group: Any = get_command(app)
    named = group.get_command(typer.Context(group), command[0])
    context = named.make_context(command[0], command[1:])
    found: dict[str, Any] = context.params
    return found


def read(name: str) -> str:
    """The text of an example."""
    return (FOLDER / name).read_text()


def unit() -> configparser.RawConfigParser:
    """The systemd unit; of keys that come again, the last."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(read("clustertrace.service"))
    return parser


def test_the_page_names_every_example() -> None:
    """The page names each example that there is, and no other."""
    assert set(re.findall(r"\]\(team/([\w.]+)\)", PAGE)) == {path.name for path in FOLDER.iterdir()}


def test_the_unit_starts_a_receiver_of_a_team() -> None:
    """Its command is one, its variables are settings, its database is where it may write."""
    service = unit()["Service"]
    program, *command = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/clustertrace")
    options = options_of(command)
    assert (options["url"], options["no_browser"], options["host"]) == (
        f"https://{HOST}",
        True,
        "localhost",
    )
    set_ = dict(re.findall(r"^Environment=(\w+)=(.*)$", read("clustertrace.service"), re.M))
    assert set(set_) - {"HOME"} <= VARIABLES
    state = f"/var/lib/{service['StateDirectory']}"
    assert set_["CLUSTERTRACE_DB"].startswith(f"{state}/")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """systemd knows every line of the unit; for the check only the program is another one."""
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    copy = tmp_path / "clustertrace.service"
    copy.write_text(read(copy.name).replace(program, sys.executable))
    ran = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60
    )
    assert "clustertrace.service" not in ran.stderr


def test_compose_has_a_receiver_behind_caddy() -> None:
    """Its command is one, the key is asked for, and Caddy finds the receiver and its file."""
    compose = yaml.safe_load(read("compose.yaml"))
    receiver, caddy = compose["services"]["clustertrace"], compose["services"]["caddy"]
    assert receiver["command"][0] == "clustertrace"
    options = options_of(receiver["command"][1:])
    assert (options["url"], options["host"]) == (f"https://{HOST}", "0.0.0.0")
    assert set(receiver["environment"]) <= VARIABLES
    assert receiver["environment"]["CLUSTERTRACE_KEY"].startswith("${CLUSTERTRACE_KEY:?")
    assert "ports" not in receiver
    [used] = [one.partition(":")[0] for one in receiver["volumes"]]
    assert receiver["environment"]["CLUSTERTRACE_DB"].startswith("/data/")
    assert {used, "certificates"} == set(compose["volumes"])
    assert caddy["environment"]["CLUSTERTRACE"] == f"clustertrace:{options['port']}"
    assert "./Caddyfile:/etc/caddy/Caddyfile:ro" in caddy["volumes"]
    compile(receiver["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_the_proxies_pass_on_to_the_port() -> None:
    """Host and websocket too; the key stays out of nginx's log."""
    port = options_of(["dashboard"])["port"]
    caddy = read("Caddyfile")
    assert re.search(rf"^{re.escape(HOST)} {{$", caddy, re.M)
    assert f"reverse_proxy {{$CLUSTERTRACE:localhost:{port}}}" in caddy
    assert caddy.count("{") == caddy.count("}")
    nginx = re.sub(r"#.*", "", read("nginx.conf"))
    assert nginx.count("{") == nginx.count("}")
    lines = [line.strip() for line in nginx.splitlines() if line.strip()]
    assert all(line.endswith((";", "{", "}")) for line in lines)
    assert f"proxy_pass http://127.0.0.1:{port};" in lines
    assert "proxy_set_header Host $http_host;" in lines
    assert "proxy_set_header Upgrade $http_upgrade;" in lines
    [log] = [line for line in lines if line.startswith("log_format")]
    assert "$uri" in log
    assert not re.search(r"\$request\b|\$request_uri|\$args|\$http_authorization", log)
    assert (
        f"client_max_body_size {Settings.model_fields['otlp_max_bytes'].default >> 20}m;" in lines
    )


def test_prometheus_scrapes_over_tls_with_the_key() -> None:
    """The defaults for the path and the kind of credentials are ours."""
    [job] = yaml.safe_load(read("prometheus.yaml"))["scrape_configs"]
    assert job["scheme"] == "https"
    assert "metrics_path" not in job
    assert set(job["authorization"]) == {"credentials_file"}
    assert job["static_configs"] == [{"targets": [HOST]}]


def test_the_page_names_every_metric() -> None:
    """The page names every metric that is exposed, and no other."""
    figures = Figures("1", False, 0, 0, 0, {}, Histogram(), {}, 0.0, 0)
    names = set(re.findall(r"^# TYPE (\w+)", exposition(figures), re.M))
    assert set(re.findall(r"^\| `(clustertrace_\w+)", PAGE, re.M)) == names


def test_every_example_has_the_same_host() -> None:
    """One name to replace; and it is an address that the receiver takes."""
    for path in FOLDER.iterdir():
        assert HOST in path.read_text(), path.name
    assert public_address(f"https://{HOST}").hosts == {HOST, f"{HOST}:443"}


def test_what_the_page_says_to_type() -> None:
    """Commands of its text are understood."""
    for command in re.findall(r"clustertrace ((?:dashboard|vacuum) --[^`\n]*)", PAGE):
        options_of(shlex.split(command))
    assert set(re.findall(r"CLUSTERTRACE_\w+", PAGE)) <= VARIABLES
