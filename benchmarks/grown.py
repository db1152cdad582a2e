"""A large database out of a small one, by SQL: what questions cost there, without an hour of wait.

    python benchmarks/grown.py [TRACES [FOLDER]]     (default 1 000 000, in the current folder)

Some 30 000 made runs are stored as a receiver would do it. Then their rows are copied under other
ids and times: first all of them once for each clone of every pattern, so that there are some 50 000
patterns, then those of common patterns again and again. Roll-ups are summed up anew. Copies
have one span, their root, without payload: such a database is right for lists and for what is asked
of patterns, not for search, `seq(…)` and what is on disk. `bench_scale.py TRACES FOLDER` asks it.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from hashlib import blake2b
from pathlib import Path

from made_runs import batches

from clustertrace.model import NS_PER_DAY
from clustertrace.store import Store
from clustertrace.summary import duration_bucket

STORED = 30_000
CLONES = 3
COMMON = 3
"""Runs of a pattern that is copied beyond its clones."""
NO_PAYLOAD = ("input", "output", "attributes", "extra")
MOVED = {"start_ns", "end_ns", "told_start_ns", "told_end_ns"}
COPIED = ("spans", "traces", "trace_tags")
CLONED = (*COPIED, "trace_spending", "trace_traits", "prompts")
RUNS = {
    "traces": "1",
    "running": "failed IS NULL AND status = 'running'",
    "incomplete": "failed IS NULL AND status <> 'running'",
    "failed": "failed IS 1",
    "failed_by_outcome": "failed IS 1 AND outcome IS NOT NULL",
    "spans": "span_count",
    "missed_runs": "missed_tokens > 0",
    "dead_ends": "dead_end IS NOT NULL",
}


def store(path: Path, runs: int) -> None:
    """Store runs as a receiver does it."""
    with Store.open(path) as opened:
        for batch in batches(runs, spans=4_000):
            opened.write(batch)
            while opened.settle(everything=True, limit=2_000):
                pass
            while opened.index_text(limit=20_000):
                pass
            while opened.note_traits(limit=2_000) + opened.note_prompts(limit=2_000):
                pass


class Grower:
    """Copies rows within one database."""

    def __init__(self, path: Path) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None)
        self.raw.execute("PRAGMA synchronous = OFF")
        self.raw.execute("PRAGMA cache_size = -400000")
        self.raw.create_function("other_id", 2, _other_id, deterministic=True)
        self.raw.create_function("other_pattern", 2, _other_pattern, deterministic=True)
        self.raw.create_function("bucket", 1, duration_bucket, deterministic=True)

    def grow(self, traces: int) -> None:
        """Copy until there are so many traces."""
        indexes = self.raw.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            f" AND tbl_name IN ({', '.join(map(repr, CLONED))})"
        ).fetchall()
        self.raw.execute("BEGIN")
        for name, _ in indexes:
            self.raw.execute(f"DROP INDEX {name}")
        self.raw.execute("CREATE TEMP TABLE chosen (trace_id BLOB PRIMARY KEY) WITHOUT ROWID")
        self.raw.execute("INSERT INTO chosen SELECT trace_id FROM traces")
        for clone in range(1, CLONES + 1):
            self._clone(clone)
            self._copy(clone, clone)
        self._choose_common()
        (stored,) = self.raw.execute("SELECT count(*) FROM traces").fetchone()
        (chosen,) = self.raw.execute("SELECT count(*) FROM chosen").fetchone()
        copies = max(0, round((traces - stored) / max(chosen, 1)))
        for copy in range(copies):
            self._copy(CLONES + 1 + copy, 0)
            print(f"copied {stored + (copy + 1) * chosen:,} traces", flush=True)
        self.raw.execute("COMMIT")
        self.raw.execute("BEGIN")
        self._roll_up(CLONES + copies)
        for _, sql in indexes:
            self.raw.execute(sql)
        self.raw.execute("COMMIT")
        self.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _columns(self, table: str) -> list[str]:
        return [row[1] for row in self.raw.execute(f"PRAGMA table_info({table})")]

    def _clone(self, clone: int) -> None:
        """Every pattern and family once more."""
        for table in ("variants", "families"):
            expressions = {"variant_id": "other_pattern(variant_id, :clone)",
                    "family_id": "other_pattern(family_id, :clone)"}  # fmt: skip
            # The clone of what was there first, of which the ids are told apart by a mark.
            self._insert(table, expressions, "first_of = 0", {"clone": clone})

    def _insert(
        self, table: str, expressions: dict[str, str], where: str, params: dict[str, int]
    ) -> None:
        columns = self._columns(table)
        source = table
        if where == "first_of = 0":
            source, where = f"temp.first_{table}", "TRUE"
            self.raw.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS first_{table} AS SELECT * FROM main.{table}"
            )
        selected = ", ".join(expressions.get(name, name) for name in columns)
        self.raw.execute(
            f"INSERT INTO main.{table} SELECT {selected} FROM {source} WHERE {where}",
            params,
        )

    def _copy(self, copy: int, clone: int) -> None:
        """The chosen traces once more; with a `clone`, as runs of that clone of their pattern."""
        shift = f" + {copy} * 7919000003"
        for table in CLONED if clone else COPIED:
            columns = self._columns(table)
            expressions = {name: f"{name}{shift}" for name in columns if name in MOVED}
            expressions |= {"trace_id": "other_id(trace_id, :copy)"}
            expressions |= {
                name: f"{name} || '-{copy}'" for name in ("session_id", "rolled_session_id")
            }
            if table == "traces":
                expressions["half_day"] = f"2 * (start_ns{shift}) / {NS_PER_DAY}"
                if clone:
                    expressions["variant_id"] = "other_pattern(variant_id, :clone)"
            if table == "prompts":
                expressions |= {name: f"{name} + :copy" for name in ("kin", "text_hash")}
            which = "trace_id IN (SELECT trace_id FROM chosen)"
            if table == "spans":
                expressions |= dict.fromkeys(NO_PAYLOAD, "NULL")
                expressions["seq"] = f"{self._last_number()} + row_number() OVER ()"
                which += " AND parent_span_id IS NULL"
            self._insert(table, expressions, which, {"copy": copy, "clone": clone})

    def _last_number(self) -> int:
        (last,) = self.raw.execute("SELECT max(seq) FROM spans").fetchone()
        return int(last)

    def _choose_common(self) -> None:
        """From now on, copy the runs of common patterns, clones included."""
        self.raw.execute("DELETE FROM chosen")
        self.raw.execute(
            "INSERT INTO chosen SELECT trace_id FROM traces WHERE variant_id IN"
            f" (SELECT variant_id FROM traces GROUP BY variant_id HAVING count(*) >= {COMMON})"
        )

    def _roll_up(self, copies: int) -> None:
        """Sum up the roll-ups of patterns and sessions; of money, count sessions and scale the
        rest."""
        measures = [name for name in self._columns("variant_days") if name not in
                    ("variant_id", "day")]  # fmt: skip
        sums = ", ".join(f"total({RUNS.get(name, name)})" for name in measures)
        of_day = f"start_ns / {NS_PER_DAY}"
        for table, column, day, by in (
            ("variant_days", "day", of_day, f"variant_id, {of_day}"),
            ("variant_totals", "last_day", f"max({of_day})", "variant_id"),
        ):
            self.raw.execute(f"DELETE FROM {table}")
            self.raw.execute(
                f"INSERT INTO {table} (variant_id, {', '.join(measures)}, {column})"
                f" SELECT variant_id, {sums}, {day} FROM traces WHERE variant_id IS NOT NULL"
                f" GROUP BY {by}"
            )
        self.raw.execute(
            "UPDATE variant_totals SET family_id = (SELECT family_id FROM variants"
            " WHERE variants.variant_id = variant_totals.variant_id)"
        )
        self.raw.execute("DELETE FROM variant_durations")
        self.raw.execute(
            f"INSERT INTO variant_durations SELECT variant_id, {of_day}, bucket(duration_ns),"
            " count(*) FROM traces WHERE duration_ns IS NOT NULL AND failed IS NOT NULL"
            " GROUP BY 1, 2, 3"
        )
        self.raw.execute("DELETE FROM sessions")
        self.raw.execute(
            "INSERT INTO sessions SELECT session_id, count(*), total(failed), total(cost_usd),"
            " min(start_ns), max(start_ns) FROM traces WHERE session_id IS NOT NULL GROUP BY 1"
        )
        columns = self._columns("spending")
        measured = columns[3:]
        self.raw.execute("CREATE TEMP TABLE spent AS SELECT * FROM spending")
        for copy in range(1, copies + 1):
            self.raw.execute(
                f"INSERT INTO spending SELECT dimension, name || '-{copy}', day,"
                f" {', '.join(measured)} FROM spent WHERE dimension = 'session'"
                f" AND name || '-{copy}' IN (SELECT session_id FROM sessions)"
            )
        scaled = ", ".join(f"{name} = {name} * {copies + 1}" for name in measured)
        self.raw.execute(
            f"UPDATE spending SET {scaled} WHERE dimension <> 'session' OR name = '(none)'"
        )


def _other_id(own: bytes, copy: int) -> bytes:
    return blake2b(copy.to_bytes(2) + own, digest_size=16).digest()


def _other_pattern(own: str | None, clone: int) -> str | None:
    if own is None:
        return None
    return blake2b(f"{clone}{own}".encode(), digest_size=len(own) // 2).hexdigest()


def main() -> None:
    """Store some and grow them."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    path = Path(sys.argv[2] if len(sys.argv) > 2 else ".") / f"scale-{traces}.db"
    begin = time.process_time()
    store(path, STORED)
    Grower(path).grow(traces)
    print(f"{path}: {path.stat().st_size:,} bytes, {time.process_time() - begin:.0f} s of CPU")


if __name__ == "__main__":
    main()
