"""What the victims of the crash harness do, and the ledger of what they were promised.

A promise is a line in a file that is written with one `os.write` after the fact, so that no kill
can take it back: a token that one span in the database must hold.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import clustertrace
from clustertrace.store.connection import Connection

_TOKEN: Final = re.compile(r"token-[0-9a-f]{16}")
_TOOLS: Final = ("search", "fetch", "read", "answer")
_RECORDING_SECONDS: Final = 0.004
"""Between calls of a recorder: it is to be killed at work, not to fill the disk."""

_FAULTS: Final = ("Traceback", "Error:", "a request failed", "malformed", "damaged")


def prepare() -> None:
    """Load what the victims will need, and take this machine's settings out of the way."""
    import httpx  # noqa: F401

    from clustertrace.cli import program  # noqa: F401
    from clustertrace.exchange import native  # noqa: F401
    from clustertrace.record import shipping  # noqa: F401

    for name in [name for name in os.environ if name.startswith(("CLUSTERTRACE", "OTEL_"))]:
        del os.environ[name]


def token() -> str:
    """A word that no other span has."""
    return f"token-{random.getrandbits(64):016x}"


class Ledger:
    """Tokens that have been promised; one file a process."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{time.monotonic_ns()}-{os.getpid()}.ledger"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def promise(self, *tokens: str) -> None:
        """These spans must be there from now on."""
        os.write(self._fd, "".join(f"{one}\n" for one in tokens).encode())


def promises(folder: Path) -> set[str]:
    """All that was promised."""
    return {line for path in folder.glob("*.ledger") for line in path.read_text().split()}


def stored(conn: Connection) -> Counter[str]:
    """How many spans hold each token."""
    found: Counter[str] = Counter()
    for texts in conn.rows("SELECT input, attributes FROM spans"):
        found.update(set(_TOKEN.findall(" ".join(text or "" for text in texts))))
    return found


def faults(log: Path) -> Iterator[str]:
    """Lines of a process's log that no kill excuses."""
    for line in log.read_text(errors="replace").splitlines():
        if any(word in line for word in _FAULTS):
            yield f"{log.name}: {line}"


@clustertrace.trace(name="step")
def _step(word: str) -> str:
    return word


def record(folder: Path, number: int) -> None:
    """Record runs from two threads, as long as it lives."""
    ledger = Ledger(folder)
    other = threading.Thread(target=_runs, args=(ledger, number), daemon=True)
    other.start()
    _runs(ledger, number)


def _runs(ledger: Ledger, number: int) -> None:
    while True:
        own = token()
        with clustertrace.span("agent", kind="agent", mark=own) as root:
            clustertrace.tag("recorder", str(number % 3))
            for _ in range(random.randint(1, 5)):
                word = token()
                _step(word)
                ledger.promise(word)
                time.sleep(_RECORDING_SECONDS)
            word = token()
            with clustertrace.span("chat", kind="llm", mark=word) as call:
                call.set_usage(model="gpt-4o-mini", provider="openai", input_tokens=900)
            ledger.promise(word)
            clustertrace.metric("score", random.random())
            root.set_output("done")
            if random.random() < 0.2:
                clustertrace.outcome("fail", "told so")
        ledger.promise(own)


def ship(db: Path, port: int) -> None:
    """Send what is left in the outbox to a receiver."""
    outbox = db.parent / "outbox"
    os.environ["CLUSTERTRACE_ENDPOINT"] = f"http://127.0.0.1:{port}"
    with clustertrace.span("last"):
        pass
    until = time.monotonic() + 60
    while not clustertrace.flush() or len([*outbox.glob("*.jsonl")]) > 1:
        if time.monotonic() > until:
            raise AssertionError(f"the outbox is never emptied: {[*outbox.iterdir()]}")


def receive(db: Path, port: int) -> int:
    """Be the receiver."""
    from clustertrace.ingest.__main__ import main

    return main(["--port", str(port), "--no-ui", "--db", str(db)])


def send(folder: Path, port: int) -> None:
    """Post OTLP, again and again until it is acknowledged or given up, as exporters do."""
    ledger = Ledger(folder)
    while True:
        tokens: list[str] = []
        spans = [span for _ in range(random.randint(1, 8)) for span in trace(tokens)]
        random.shuffle(spans)
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
        acknowledged = _post(port, body)
        while not acknowledged and random.random() < 0.98:
            time.sleep(0.02)
            acknowledged = _post(port, body)
        if acknowledged:
            ledger.promise(*tokens)
        if random.random() < 0.2:
            _post(port, body)  # as when an answer was lost on its way


def trace(tokens: list[str]) -> list[dict[str, Any]]:
    """A run over OTLP; the tokens of its spans are added to `tokens`."""
    trace_id, session = f"{random.getrandbits(128):032x}", f"talk-{random.randint(1, 40)}"
    start = 1_760_000_000 * 10**9 + random.randrange(40 * 86_400) * 10**9
    ids = [f"{random.getrandbits(64):016x}" for _ in range(random.randint(1, 12))]
    spans = []
    for at, span_id in enumerate(ids):
        tokens.append(token())
        attributes: dict[str, str | int] = {"input.value": tokens[-1], "session.id": session}
        if at and random.random() < 0.4:
            attributes |= {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.usage.input_tokens": random.randint(100, 9000),
                "gen_ai.usage.output_tokens": random.randint(1, 900),
            }
        spans.append(
            {
                "traceId": trace_id,
                "spanId": span_id,
                "parentSpanId": ids[random.randrange(at)] if at else "",
                "name": random.choice(_TOOLS) if at else "agent",
                "startTimeUnixNano": str(start + at * 10**6),
                "endTimeUnixNano": str(start + 10**9 - at * 10**6),
                "status": {"code": 2 if random.random() < 0.1 else 1},
                "attributes": [
                    {"key": key, "value": _value(value)} for key, value in attributes.items()
                ],
            }
        )
    return spans


def _value(value: str | int) -> dict[str, str]:
    return {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}


def _post(port: int, body: bytes) -> bool:
    """Whether the receiver acknowledged it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def bring_in(folder: Path, number: int) -> int:
    """Import a file: one that was left when its importer was killed, or a new one."""
    from clustertrace.cli import main

    left = sorted(folder.glob("*.jsonl"))
    path = left[0] if left and random.random() < 0.7 else folder / f"{number}.jsonl"
    if not path.exists():
        _write_file(path)
    tokens = _TOKEN.findall(path.read_text())
    if main(["import", str(path)]) == 0:
        Ledger(folder).promise(*tokens)
        path.unlink(missing_ok=True)
    return 0


def _write_file(path: Path) -> None:
    lines = []
    for number in range(random.randint(50, 400)):
        start = 1_765_000_000 * 10**9 + number * 10**9
        common = {"start_time_unix_nano": start, "end_time_unix_nano": start + 10**8}
        ids = [f"{random.getrandbits(64):016x}" for _ in range(5)]
        spans = [
            {"span_id": one, "parent_span_id": ids[0] if at else None, "kind": "tool",
             "name": random.choice(_TOOLS), "input": token(), **common}
            for at, one in enumerate(ids)
        ]  # fmt: skip
        trace = {"format": "clustertrace/1", "trace_id": f"{random.getrandbits(128):032x}"}
        lines.append(json.dumps(trace | {"spans": spans}))
    making = path.with_suffix(".new")
    making.write_text("\n".join(lines))
    making.rename(path)


def command() -> int:
    """A command that reads, which drains and settles first, or one that works all out anew."""
    from clustertrace.cli import main

    return main(random.choice((["stats"], ["backfill-signatures"], ["inspect", "--latest"])))
