"""Throw broken input at everything that reads from outside, and see whether anything breaks.

    python tests/faults/fuzz.py [--inputs N] [--seed S] [--plain] [TARGET ...]

Each target takes bytes the whole way: decoded, stored, settled, indexed, shown and written out
again. It may refuse them with one of the library's own errors; anything else is a fault, and so
is an input that takes more than a second of the processor, a trace that could not be summed up,
or memory that grows. Where atheris is installed (`make fuzz`), inputs are found by the code that
they reach (https://github.com/google/atheris); without it, and in the suite, by chance.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))
import fuzz_inputs

SLOW_SECONDS: Final = 1.0
GROWTH_BYTES: Final = 150 << 20
"""Memory that a campaign may come to need beyond what its first tenth needed."""

ROUND: Final = 20
"""Inputs into one database, which is then looked at from all sides."""


class Fault(Exception):
    """What an input did that it must not do."""


class Bench:
    """A database for a round of inputs, and the ways into it."""

    def __init__(self, folder: Path) -> None:
        from clustertrace.store import Store

        self._folder = folder
        self._empty = folder / "empty.db"
        Store.open(self._empty).close()
        self._inputs = 0
        self._store: Any = None
        self.targets: dict[str, Callable[[bytes], object]] = self._ways()

    def run(self, target: str, data: bytes) -> None:
        """Take one input in. Raises Fault."""
        began = time.process_time()
        try:
            if self._inputs % ROUND == 0:
                self._new_store()
            self._inputs += 1
            with suppress(_own_errors()):
                self.targets[target](data)
            if self._inputs % ROUND == 0:
                self._look()
        except Exception as error:
            raise Fault("".join(traceback.format_exception(error))) from None
        took = time.process_time() - began
        if took > SLOW_SECONDS:
            raise Fault(f"it took {took:.1f} s")

    def _new_store(self) -> None:
        from clustertrace.store import Store

        if self._store is not None:
            self._store.close()
        path = self._folder / "traces.db"
        for old in self._folder.glob("traces.db*"):
            old.unlink()
        shutil.copy(self._empty, path)
        self._store = Store.open(path)

    def _look(self) -> None:
        """Settle and show all that came; nothing that was stored may break what shows it."""
        from clustertrace.exchange.native import dump_trace, parse_trace
        from clustertrace.exchange.otlp import dump_otlp
        from clustertrace.exchange.tables import csv_table
        from clustertrace.snapshot.document import trace_document
        from clustertrace.store import queries

        self._store.refresh()
        with self._store.read() as conn:
            csv_table(queries.newest(conn, None, 50))
            queries.overview(conn)
            for trace in queries.export(conn):
                spans, _ = parse_trace(dump_trace(trace))
                if len(spans) != len(trace.spans):
                    raise Fault("a trace is another one after export and import")
                dump_otlp(trace)
                queries.suspects_of(conn, trace)
                if 0 < len(trace.spans) < 200:
                    trace_document(trace)

    def _ways(self) -> dict[str, Callable[[bytes], object]]:
        from clustertrace.conventions.otlp import logs, metrics, traces

        return {
            "otlp-json": lambda data: self._otlp(traces.slices_of_json, data),
            "otlp-protobuf": lambda data: self._otlp(traces.slices_of_protobuf, data),
            "logs-json": lambda data: self._otlp(logs.logs_of_json, data),
            "logs-protobuf": lambda data: self._otlp(logs.logs_of_protobuf, data),
            "metrics-json": lambda data: self._otlp(metrics.metrics_of_json, data),
            "lines": self._lines,
            "native": self._native,
            "claude-code": lambda data: self._history("claude-code", data),
            "codex": lambda data: self._history("codex", data),
            "langfuse": lambda data: self._foreign("langfuse", data),
            "langsmith": lambda data: self._foreign("langsmith", data),
            "phoenix": lambda data: self._foreign("phoenix", data),
            "filter": self._filter,
            "search": self._search,
        }

    def _otlp(self, decode: Callable[..., Any], data: bytes) -> None:
        for received in decode(data, 1_000):
            self._store.write(received.batch)

    def _lines(self, data: bytes) -> None:
        from clustertrace.wire import parse_lines

        self._store.write(parse_lines(data.splitlines()).batch)

    def _native(self, data: bytes) -> None:
        import io

        from clustertrace.exchange.importing import import_native
        from clustertrace.exchange.reading import source_of

        import_native(self._store, source_of(io.BytesIO(data), "input"))

    def _foreign(self, form: str, data: bytes) -> None:
        import io

        from clustertrace.exchange.foreign.importing import import_foreign
        from clustertrace.exchange.reading import source_of

        import_foreign(self._store, source_of(io.BytesIO(data), "input"), form)

    def _history(self, agent: Any, data: bytes) -> None:
        from clustertrace.transcripts.finding import find
        from clustertrace.transcripts.importing import import_history

        name = "rollout-2026-11-23T06-59-24-x.jsonl" if agent == "codex" else "session.jsonl"
        path = self._folder / name
        path.write_bytes(data)
        import_history(self._store, find(agent, path))

    def _filter(self, data: bytes) -> None:
        from clustertrace.filters import parse
        from clustertrace.store import queries

        where = parse(data.decode("utf-8", "surrogateescape"))
        with self._store.read() as conn:
            queries.newest(conn, where, 5)

    def _search(self, data: bytes) -> None:
        from clustertrace.store import queries

        with self._store.read() as conn:
            queries.search(conn, data.decode("utf-8", "surrogateescape"))


def _own_errors() -> type[Exception]:
    from clustertrace.errors import ClustertraceError

    return ClustertraceError


class _Raise(logging.Handler):
    """A trace that could not be computed is only logged by the library: here it is a fault."""

    def emit(self, record: logging.LogRecord) -> None:
        raise Fault(record.getMessage())


def by_chance(bench: Bench, target: str, count: int, seed: int) -> dict[str, object]:
    """Run mutated samples; what was found."""
    rng = random.Random(f"{seed}-{target}")
    seeds = fuzz_inputs.seeds(target)
    faults: dict[str, str] = {}
    slowest, early = 0.0, 0
    for number in range(count):
        data = fuzz_inputs.mutated(rng, target, seeds) if number >= len(seeds) else seeds[number]
        began = time.process_time()
        try:
            bench.run(target, data)
        except Fault as fault:
            report = str(fault)
            frames = [line for line in report.splitlines() if "/clustertrace/" in line]
            name = f"{report.strip().splitlines()[-1].partition(':')[0]} {''.join(frames[-1:])}"
            if name not in faults:
                kept = Path(tempfile.gettempdir()) / f"fault-{target}-{len(faults)}.bin"
                kept.write_bytes(data)
                faults[name] = f"{kept}\n{report[-1500:]}"
        slowest = max(slowest, time.process_time() - began)
        if number == count // 10:
            early = _memory()
    grown = _memory() - early
    if grown > GROWTH_BYTES:
        faults["memory grows"] = f"{grown >> 20} MiB"
    return {
        "inputs": count,
        "slowest_s": round(slowest, 3),
        "grown_mib": grown >> 20,
        "faults": faults,
    }


def _memory() -> int:
    """Bytes of memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def by_coverage(bench: Bench, target: str, count: int, seed: int) -> None:
    """Have atheris look for inputs that reach new code; ends the process."""
    import atheris

    rng = random.Random(seed)
    seeds = fuzz_inputs.seeds(target)
    corpus = Path(tempfile.mkdtemp(prefix=f"corpus-{target}-"))
    for number, data in enumerate(seeds):
        (corpus / str(number)).write_bytes(data)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        rng.seed(number)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return fuzz_inputs.mutated(rng, target, [data])[:most]

    atheris.Setup(
        [
            *("fuzz", f"-runs={count}", f"-seed={seed + 1}", "-timeout=5", "-max_len=65536"),
            *("-rss_limit_mb=1500", "-print_final_stats=1", f"-artifact_prefix={corpus}/fault-"),
            str(corpus),
        ],
        lambda data: bench.run(target, data),
        custom_mutator=mutate,
    )
    atheris.Fuzz()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets; 1 when there was a fault."""
    parser = argparse.ArgumentParser(description="Broken input for everything that reads.")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--inputs", type=int, default=1_000, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="by chance, without atheris")
    options = parser.parse_args(arguments)
    logging.getLogger("clustertrace").addHandler(_Raise())
    for name in [name for name in os.environ if name.startswith("CLUSTERTRACE")]:
        del os.environ[name]
    covered = not options.plain and _instrumented(options)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        bench = Bench(Path(folder))
        targets = options.targets or list(bench.targets)
        if covered:
            by_coverage(bench, targets[0], options.inputs, options.seed)
            return 0
        found = {one: by_chance(bench, one, options.inputs, options.seed) for one in targets}
    print(json.dumps(found, indent=2))
    return int(any(one["faults"] for one in found.values()))


def _instrumented(options: argparse.Namespace) -> bool:
    """Load the library so that atheris sees what is reached; one process for each target."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: inputs are found by chance", file=sys.stderr)
        return False
    if len(options.targets) != 1:
        with tempfile.TemporaryDirectory() as folder:
            targets = options.targets or list(Bench(Path(folder)).targets)
        sizes = ["--inputs", str(options.inputs), "--seed", str(options.seed)]
        codes = {
            one: subprocess.run([sys.executable, __file__, one, *sizes], check=False).returncode
            for one in targets
        }
        print(json.dumps(codes, indent=2))
        sys.exit(int(any(codes.values())))
    with atheris.instrument_imports(include=["clustertrace"], enable_loader_override=False):
        import clustertrace.conventions.otlp.logs
        import clustertrace.conventions.otlp.metrics
        import clustertrace.conventions.otlp.traces
        import clustertrace.exchange.foreign.importing
        import clustertrace.exchange.importing
        import clustertrace.store.queries
        import clustertrace.transcripts.importing  # noqa: F401
    return True


if __name__ == "__main__":
    sys.exit(main())
