"""Start the receiver unless it runs: what the hook executes when a session starts.

As a hook this file is a script of its own, run by its path with `python -I -S`: no environment can
break it, and without site-packages it is done in twenty milliseconds. So it imports the standard
library only, and little of that; `subprocess`, `argparse` or `pathlib` alone would double its time.

It prints nothing, since a hook's output reaches the model, and what goes wrong stays without
consequence: no session may be disturbed by a receiver that can't start (`clustertrace doctor` says
why).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["IDLE_MINUTES", "PORT", "ensure", "log_path", "main", "options"]

PORT = 7777
IDLE_MINUTES = 15.0

_OPTIONS = {
    "--port": ("port", int),
    "--idle-shutdown-minutes": ("idle_minutes", float),
    "--grpc-port": ("grpc_port", int),
    "--db": ("db", str),
}
"""What `ensure` calls each, and how it is read."""

_LOG_BYTES = 1 << 20
"""A log longer than this begins anew."""

_LOCK_FD = 3

_KEPT = frozenset(
    "HOME PATH USER LOGNAME LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH DYLD_LIBRARY_PATH".split()
)
_KEPT_PREFIXES = ("LC_", "XDG_", "CLUSTERTRACE_")
"""All that the receiver gets of the environment: a session's holds keys and tokens."""


def main(arguments: list[str]) -> int:
    """Start the receiver unless it runs; always 0."""
    try:
        ensure(**(options(arguments) or {}))
    except BaseException:
        # Whatever it is, the session goes on.
        return 0
    return 0


def options(arguments: list[str]) -> dict[str, Any] | None:
    """What `ensure` takes, from pairs of an option and its value; None if they are others."""
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    try:
        return {_OPTIONS[name][0]: _OPTIONS[name][1](value) for name, value in pairs}
    except (KeyError, ValueError):
        return None


def ensure(
    port: int = PORT, idle_minutes: float = IDLE_MINUTES, db: str = "", grpc_port: int | None = None
) -> None:
    """Start the receiver on `port`, detached, unless something listens there or is about to.

    It serves `db`, or what CLUSTERTRACE_DB says, starts the pages when one is asked for, and leaves
    after so many minutes with nothing to do. With `grpc_port` it takes OTLP/gRPC there. Raises
    OSError where that can't be done.
    """
    folder = _folder()
    os.makedirs(folder, mode=0o700, exist_ok=True)
    lock = _lock(os.path.join(folder, f"receiver-{port}.lock"))
    if lock is None or _taken(port):
        return
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    db = db or environment.get("CLUSTERTRACE_DB", "")
    if db:
        # Not as an argument, which every user of the machine can read: a URL may hold a password.
        # As a whole path, since the receiver runs in another folder than we do.
        whole = db if "://" in db else os.path.abspath(os.path.expanduser(db))
        environment["CLUSTERTRACE_DB"] = whole
    command = [sys.executable, "-P", "-m", "clustertrace.ingest", "--port", str(port)]
    command += ["--idle-shutdown-minutes", f"{idle_minutes:g}"]
    if grpc_port is not None:
        command += ["--grpc-port", str(grpc_port)]
    _start(command, environment, folder, lock)


def log_path() -> str:
    """Where a receiver that was started here says what went wrong."""
    return os.path.join(_folder(), "receiver.log")


def _folder() -> str:
    return os.path.join(os.path.expanduser("~"), ".clustertrace")


def _lock(path: str) -> int | None:
    """Take the lock, which the receiver then holds for as long as it lives; None: it is held."""
    import fcntl

    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    # Above the numbers that the receiver's own streams will have.
    high = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, _LOCK_FD + 1)
    os.close(lock)
    return high


def _taken(port: int) -> bool:
    """Whether something listens on the port already, such as `clustertrace dashboard`."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.05)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start(command: list[str], environment: dict[str, str], folder: str, lock: int) -> None:
    """Leave a process behind that has nothing of ours but the lock."""
    # In this order: where the hook was given no streams, the first of these takes their number.
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if os.fstat(log).st_size > _LOG_BYTES:
        os.ftruncate(log, 0)
    if os.fork():
        # The lock stays with the child's copy.
        for ours in (nothing, log, lock):
            os.close(ours)
        return
    try:
        os.setsid()
        os.chdir(folder)
        for source, target in ((nothing, 0), (log, 1), (log, 2), (lock, _LOCK_FD)):
            os.dup2(source, target)
            os.set_inheritable(target, True)
        # A pipe of the hook's that stayed open would keep the session waiting for its end.
        os.closerange(_LOCK_FD + 1, 256)
        os.execve(command[0], command, environment)
    finally:
        os._exit(127)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
