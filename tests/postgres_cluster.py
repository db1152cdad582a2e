"""A PostgreSQL server of the tests' own, started when the first test asks for it.

It listens on loopback only, at a port below the range that the system hands out by itself, so that
nobody takes the port while a test has stopped the server. It ends with the run, or with the process
that runs the tests, however that comes.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, NoReturn

import pytest

USER: Final = "clustertrace"

_PORTS: Final = range(20_000, 30_000)

_OPTIONS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}

# What keeps the server: a line on its input stops the server and leaves the data. The input ends
# when the tests' process does, be it killed: without a line the data go too.
_KEEPER: Final = """
"$1/pg_ctl" -D data -l log -w start >/dev/null && echo up && read line
"$1/pg_ctl" -D data -m fast -w stop >/dev/null
[ -n "$line" ] || rm -rf "$2"
"""


class Cluster:
    """A server with its data in a temporary folder; anybody on this machine may connect."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # PostgreSQL refuses to run as root. Another user can't pass root's own temporary folders.
        self._user = _unprivileged() if os.geteuid() == 0 else None
        home = "/tmp" if self._user else None
        self.folder = Path(tempfile.mkdtemp(prefix="clustertrace-postgres-", dir=home))
        if self._user:
            shutil.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self.port = _free_port()
        self._keeper: subprocess.Popen[str] | None = None
        self._names = (f"test_{number}" for number in count(1))
        self._initialise()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the server was started and not stopped since."""
        return self._keeper is not None

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._keeper = self._run("sh", "-c", _KEEPER, "sh", str(self._binaries), str(self.folder))
        assert self._keeper.stdout
        if self._keeper.stdout.readline() != "up\n":
            self.stop()
            raise RuntimeError(f"PostgreSQL does not start: {self.log()}")

    def stop(self) -> None:
        """Stop the server: its connections break, its data stay for the next start."""
        if self._keeper:
            self._keeper.communicate("stop\n")
            self._keeper = None

    def close(self) -> None:
        """Stop the server, and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, template: str = "template1") -> str:
        """The name of a new database, a copy of the template's."""
        name = next(self._names)
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """Where a database is, as `CLUSTERTRACE_DB` names it."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str) -> None:
        """Run a statement outside of any test's database."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, dbname="postgres", autocommit=True
        ) as conn:
            conn.execute(statement)

    def log(self) -> str:
        """What the server has said."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def _initialise(self) -> None:
        options = (
            "--encoding=UTF8",
            "--no-locale",
            "--auth=trust",
            "--no-sync",
            "--no-instructions",
        )
        made = self._run(
            str(self._binaries / "initdb"), *options, f"--username={USER}", "--pgdata=data"
        )
        output, _ = made.communicate()
        if made.returncode:
            raise RuntimeError(f"PostgreSQL makes no cluster: {output}")
        lines = [f"{name} = '{value}'" for name, value in _OPTIONS.items()]
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("\n".join([*lines, f"port = {self.port}", ""]))

    def _run(self, *command: str) -> subprocess.Popen[str]:
        owner = self._user
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            start_new_session=True,  # an interrupt from the keyboard is for the tests
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The run's PostgreSQL; a test that stops it starts it again."""
    binaries = newest_binaries()
    if binaries is None:
        _missing("needs PostgreSQL: install it (on Debian: apt-get install postgresql)")
    try:
        import psycopg  # noqa: F401
    except ImportError:
        _missing("needs the driver of PostgreSQL: pip install 'clustertrace[postgres]'")
    cluster = Cluster(binaries)
    yield cluster
    cluster.close()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    with _database(postgres, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def _migrated(postgres: Cluster) -> str:
    """Make an empty database to copy: migrating one anew takes half a second."""
    from clustertrace.store.store import Store

    name = postgres.create()
    Store.open(postgres.url(name)).close()
    return name


@pytest.fixture
def migrated_url(postgres: Cluster, _migrated: str) -> Iterator[str]:
    """The URL of a database of the test's own that has our tables, and no rows."""
    with _database(postgres, _migrated) as url:
        yield url


@pytest.fixture
def other_url(postgres: Cluster, _migrated: str) -> Iterator[str]:
    """The URL of one more such database, where the test's own may be in PostgreSQL already."""
    with _database(postgres, _migrated) as url:
        yield url


@contextmanager
def _database(cluster: Cluster, template: str) -> Iterator[str]:
    """A database for one test, which may stop the server."""
    if not cluster.running:
        cluster.start()
    name = cluster.create(template)
    yield cluster.url(name)
    if not cluster.running:
        cluster.start()
    cluster.drop(name)


def newest_binaries() -> Path | None:
    """The folder of the newest server that is installed; Debian keeps it out of the PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    found = newest or shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _unprivileged() -> pwd.struct_passwd:
    """Debian's package makes the user `postgres`."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError(f"no free port from {_PORTS.start} to {_PORTS.stop}")


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
