"""Every question of every page and command as the database grows; growth, search, deletion.

    python benchmarks/bench_scale.py [TRACES [FOLDER]]     (default 10 000; docs: 1 000 000)

Made runs (`made_runs.py`) are written, settled and indexed as a receiver does it, in one process,
and the cost of a span is told of each tenth. At a hundredth, a tenth and the whole of the traces
each question is asked of a database that nothing else uses: cold, when the system has forgotten the
file's pages, then warm, the best of three. At the end they are asked again while another process
writes 2 000 spans a second. Then three tenths of the runs are deleted while that goes on; the
longest that a write of it had to wait is told. With a FOLDER the database stays there, and one that
stands there already is taken as it is.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from bench_deleting import delete
from figures import Figure, tell
from made_runs import END_NS, batches
from steady_writer import report, writing

from clustertrace.filters import parse
from clustertrace.review.weeks import last_seven_days
from clustertrace.store import Store, queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries.prompts import habits

WITHIN_MS = 200
"""What a page's questions may take at a million traces."""
SMALL = 10_000
"""Traces of the database that a larger one is compared with."""
NOTICED_MS = 5
"""Growth of questions that take less is noise."""

LEARNED = ("/clusters rules", "/clusters rules of tags")
"""Asked in a thread of their own: the page shows the rules of before, and does not wait."""

Ask = Callable[[Connection], object]


class Cost(NamedTuple):
    """Seconds that some spans took, by stage."""

    spans: int
    write: float
    settle: float
    index: float
    note: float


def build(store: Store, traces: int, marks: list[int]) -> Iterator[int]:
    """Store the runs; gives the traces there are at each mark, and prints what a span cost."""
    step = max(1, traces // 10)
    print(
        f"{'traces':>10} {'spans':>11} {'write':>7} {'settle':>7} {'index':>7} {'note':>7} µs/span"
    )
    done, last, cost, spans = 0, 0, Cost(0, 0, 0, 0, 0), 0
    for batch in batches(traces):
        cost = Cost(*(a + b for a, b in zip(cost, stored(store, batch), strict=True)))
        done += len(batch.facts)
        spans += len(batch.spans)
        if done - last >= step or done == traces:
            shown = " ".join(f"{took / cost.spans * 1e6:7.1f}" for took in cost[1:])
            print(f"{done:>10,} {spans:>11,} {shown}", flush=True)
            last, cost = done, Cost(0, 0, 0, 0, 0)
        while marks and done >= marks[0]:
            marks.pop(0)
            yield done


def stored(store: Store, batch: Any) -> Cost:
    """Write some runs and do all that follows; what each stage took."""
    at = [time.perf_counter()]
    store.write(batch)
    at.append(time.perf_counter())
    while store.settle(everything=True, limit=2_000):
        pass
    at.append(time.perf_counter())
    while store.index_text(limit=20_000):
        pass
    at.append(time.perf_counter())
    while store.note_traits(limit=2_000) + store.note_prompts(limit=2_000):
        pass
    at.append(time.perf_counter())
    return Cost(len(batch.spans), *(b - a for a, b in pairwise(at)))


def questions(conn: Connection, now_ns: int) -> dict[str, Ask]:
    """What pages and commands ask, by where it is asked."""
    failed = queries.latest(conn, failed=True)
    passed = queries.latest(conn, parse("failed:no"))
    pattern = queries.trace_row(conn, failed).variant or ""
    cluster = queries.cluster(conn, pattern)
    session = queries.sessions(conn, limit=1).rows[0].session_id
    metric = next(iter(queries.metric_names(conn)), "")
    today = datetime.fromtimestamp(now_ns / 1e9, UTC)
    week, month = (f"since:{today - timedelta(days=days):%Y-%m-%d}" for days in (7, 30))

    def lists(where: str, order: Any = "start_ns", offset: int = 0) -> Ask:
        asked = parse(where) if where else None
        return lambda conn: queries.traces(conn, asked, order=order, offset=offset)

    found: dict[str, Ask] = {"/ (all)": lists("")}
    found |= {f"/ by {order}": lists("", order) for order in ("cost_usd", "duration_ns")}
    found["/ page 100"] = lists("", offset=5_000)
    for where in (
        *("failed:yes", "outcome:fail", "tag.tier:gold", "tag.tier:lead", "name:nobody"),
        *(f"name:{cluster.name} failed:yes", "cost>0.5", "duration>30s", week),
        *("seq(search -> fetch)", "seq(search -> nobody)"),
        *('text:"row 77 not found"', f"pattern:{pattern}"),
    ):
        found[f"/ {where}"] = lists(where)
    found |= {
        "/ filter words": lambda conn: (queries.names(conn), queries.tag_values(conn, "task")),
        "/clusters totals": queries.overview,
        "/clusters": lambda conn: queries.clusters(conn, limit=25),
        "/clusters families": lambda conn: queries.families(conn, limit=25),
        f"/clusters {week}": lambda conn: queries.clusters(conn, parse(week)),
        f"/clusters {month}": lambda conn: queries.clusters(conn, parse(month)),
        "/clusters tag.tier:gold": lambda conn: queries.clusters(conn, parse("tag.tier:gold")),
        "/clusters tag.tier:tin": lambda conn: queries.clusters(conn, parse("tag.tier:tin")),
        "/clusters rules": lambda conn: queries.learned(conn, 10_000),
        "/clusters rules of tags": lambda conn: queries.learned_of_tags(conn, 10_000),
        "/pattern": lambda conn: queries.cluster(conn, pattern),
        "/pattern why": lambda conn: queries.why(conn, cluster),
        "/pattern paths": lambda conn: queries.paths(conn, cluster),
        "/pattern relatives": lambda conn: queries.relatives(conn, pattern, failed=False, limit=5),
        "/failures patterns": lambda conn: queries.pattern_runs(conn),
        "/failures messages": lambda conn: queries.failure_messages(conn),
        "/failures by tag": lambda conn: queries.patterns_by_tag(conn, "task"),
        "/failures failed:yes": lambda conn: queries.pattern_runs(conn, parse("failed:yes")),
        "/trace": lambda conn: queries.trace(conn, failed),
        "/trace where it broke": lambda conn: queries.suspects_of(
            conn, queries.trace(conn, failed)
        ),
        "/compare": lambda conn: queries.sides(conn, failed, passed),
        "/sessions": lambda conn: queries.sessions(conn),
        "/sessions by cost": lambda conn: queries.sessions(conn, order="cost_usd"),
        "/sessions one": lambda conn: queries.session(conn, session),
        "/metrics": lambda conn: (queries.metric_names(conn), queries.metric_values(conn, metric)),
        "/prompts habits": habits,
        "/review": lambda conn: queries.review(conn, last_seven_days(now_ns, UTC), now_ns=now_ns),
        "/search common word": lambda conn: queries.search(conn, "trace"),
        "/search rare phrase": lambda conn: queries.search(conn, '"row 77 not found"'),
        "/search prefix, OR": lambda conn: queries.search(conn, "settl* OR zebra"),
        "/search nothing": lambda conn: queries.search(conn, "xyzzyq"),
        "/search facets": lambda conn: queries.facets(conn, "trace"),
        "cost --by model": lambda conn: queries.spending(conn, "model"),
        "cost --by session": lambda conn: queries.spending(conn, "session"),
        "stats": queries.overview,
        "drift": lambda conn: queries.runs_by_pattern(conn, parse(week)),
        "verdict": lambda conn: queries.before_and_after(
            conn, parse(f"name:{cluster.name} failed:yes"), parse(f"name:{cluster.name} {week}"),
            "tag.task",
        ),
    }  # fmt: skip
    return found


def asked(store: Store, times: int = 3, *, cold: bool = True) -> dict[str, tuple[float, float]]:
    """Milliseconds of each question: the first time (cold), and the best of some after it."""
    with store.read() as conn:
        every = questions(conn, END_NS)
    took = {}
    for name, ask in every.items():
        if cold:
            forget(store.path)
        tries = [timed(store, ask) for _ in range(times + 1)]
        took[name] = (tries[0], min(tries[1:]))
    return took


def timed(store: Store, ask: Ask) -> float:
    """Milliseconds of one question."""
    with store.read() as conn:
        begin = time.perf_counter()
        answer = ask(conn)
        if isinstance(answer, Iterator):
            for _ in answer:
                pass
        return (time.perf_counter() - begin) * 1e3


def forget(path: Path) -> None:
    """Have the system drop what it keeps of a file, where it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def index_bytes(path: Path) -> int | None:
    """What the text index takes on disk; None where SQLite can't tell."""
    with sqlite3.connect(path) as raw:
        try:
            found = raw.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'span_index%'")
        except sqlite3.OperationalError:
            return None
        return int(found.fetchone()[0])


def main() -> None:
    """Build, ask, write meanwhile, delete."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(sys.argv[2] if len(sys.argv) > 2 else temporary) / f"scale-{traces}.db"
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite "
              f"{sqlite3.sqlite_version}, {platform.system()}")  # fmt: skip
        marks = [traces] if path.exists() else [traces // 100, traces // 10, traces]
        with Store.open(path) as store:
            found = {}
            for count in marks[:1] if len(marks) == 1 else build(store, traces, marks):
                found[count] = asked(store)
            show(found)
            figures = questions_figures(found)
            size, spans = path.stat().st_size, store_spans(store)
            index = index_bytes(path)
            print(f"on disk: {size / spans:,.0f} bytes a span, with its payload"
                  + (f"; text index {index / spans:,.0f}" if index else ""))  # fmt: skip
            with writing(path, 1) as wrote:
                busy = asked(store, cold=False)
            print(f"asked again, {report(wrote)}")
            worst = sorted(busy.items(), key=lambda one: -one[1][1])[:8]
            for name, (_, warm) in worst:
                print(f"  {name:34} {warm:8.1f} ms")
            figures += delete(store)
            tell(*figures)


def questions_figures(found: dict[int, dict[str, tuple[float, float]]]) -> list[Figure]:
    """The slowest question that a page waits for, the slowest search, and what grew most."""
    traces, large = list(found.items())[-1]
    small = found.get(SMALL, {})
    searches = {name: warm for name, (_, warm) in large.items() if name.startswith("/search")}
    pages = {name: warm for name, (_, warm) in large.items() if name not in {*searches, *LEARNED}}
    of = f"{traces:,} traces"
    slowest, word = max(pages, key=pages.__getitem__), max(searches, key=searches.__getitem__)
    figures = [
        Figure("page", pages[slowest], of=f"{slowest}, {of}"),
        Figure("search", searches[word], of=f"{word}, {of}"),
    ]
    grown = {
        name: warm / small[name][1]
        for name, warm in pages.items()
        if warm > NOTICED_MS and name in small
    }
    if traces > SMALL and grown:
        most = max(grown, key=grown.__getitem__)
        figures.append(Figure("page growth", grown[most], of=f"{most}, {of}"))
    return figures


def store_spans(store: Store) -> int:
    """How many spans there are."""
    with store.read() as conn:
        return queries.overview(conn).spans


def show(found: dict[int, dict[str, tuple[float, float]]]) -> None:
    """A row for each question: warm at each size, cold at the largest, how it grew."""
    counts = list(found)
    small, large = found[counts[0]], found[counts[-1]]
    heads = "".join(f"{count:>11,}" for count in counts)
    print(f"{'question':36}{heads} traces, warm ms   cold   grew")
    for name, (cold, warm) in large.items():
        cells = "".join(
            f"{found[count][name][1]:11.1f}" if name in found[count] else f"{'-':>11}"
            for count in counts
        )
        before = small.get(name, (0.0, warm))[1]
        mark = "  over" if warm > WITHIN_MS else ""
        print(f"{name:36}{cells} {cold:22.1f}   × {warm / max(before, 0.1):.1f}{mark}")


if __name__ == "__main__":
    main()
