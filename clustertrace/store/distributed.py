"""A store whose traces are on several servers (clustertrace.store.postgres.shards).

Incoming data goes straight to the shard of its trace. Each shard is a complete store that writes,
settles and indexes its own traces. A trace is on one shard, as a whole or not at all; a batch of
several is written shard by shard, and if one does not answer the batch is refused: when it is sent
again, what was already written changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, TypeVar

from clustertrace.errors import StoreBusy, StoreError
from clustertrace.model import TraceFacts
from clustertrace.store import state
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.place import Place
from clustertrace.store.postgres.connection import connect
from clustertrace.store.postgres.shards import NOT_HERE, Shard, split
from clustertrace.store.settling.traits import COUNTED
from clustertrace.store.store import Store
from clustertrace.store.writing.writer import Prepared, Written

__all__ = ["DistributedStore"]

T = TypeVar("T")

_CARRIED_STATE: Final[Mapping[str, Callable[[list[int]], int]]] = {
    "text_index_seq": max,
    COUNTED: sum,
}
"""What the coordinator says of the shards' work, by key in `state`, and how theirs make it up."""


class DistributedStore(Store):
    """The coordinator's database for questions, and a store for each shard."""

    is_spread = True

    def __init__(self, place: Place, conn: Connection, shards: Sequence[Shard]) -> None:
        super().__init__(place, conn)
        self._shards = tuple(shards)
        self._open: dict[int, Store] = {}
        self._opening = Lock()

    def put(self, conn: Connection, batch: Prepared, now_ns: int) -> Written:
        """Write a batch, each trace on its shard, before the coordinator's transaction commits.

        Raises StoreBusy where a shard does not answer; then what lies on others may be written.
        """
        batch_by_shard = _split_batch(
            batch, _shard_by_trace(conn, _trace_ids(batch), len(self._shards))
        )
        # All of them before any is written: most often one that is away is away from the start.
        nodes = {at: self._shard_store(at) for at in sorted(batch_by_shard)}
        new = updated = 0
        for at, node in nodes.items():
            written = node.write_prepared(batch_by_shard[at])
            new, updated = new + written.new, updated + written.updated
        return Written(new, updated, batch.spans - new - updated)

    def end(self, conn: Connection, segment: str) -> None:
        """End what ran in the process of a spool segment, on each shard."""
        for node in self.nodes():
            with node.writing() as node_conn:
                node.end(node_conn, segment)

    def nodes(self) -> Sequence[Store]:
        """The stores of all shards."""
        return [self._shard_store(at) for at in range(len(self._shards))]

    def split(self, trace_ids: Sequence[str]) -> Iterator[tuple[Store, list[str]]]:
        """The store that holds them, for each part of these traces."""
        ids_by_shard: dict[int, list[str]] = defaultdict(list)
        with self.read() as conn:
            shard_of = _shard_by_trace(conn, map(bytes.fromhex, trace_ids), len(self._shards))
        for trace_id, shard in shard_of.items():
            ids_by_shard[shard].append(trace_id.hex())
        for shard, shard_ids in sorted(ids_by_shard.items()):
            yield self._shard_store(shard), shard_ids

    def remove(self, *trace_ids: str) -> None:
        """Take traces out again, with all that followed from them; unknown ones are no matter."""
        for node, shard_ids in self.split(trace_ids):
            node.remove(*shard_ids)

    def settle(self, *, everything: bool = False, limit: int = 200) -> int:
        """Settle traces that are due on each shard, or `everything` with news; how many."""
        return sum(
            self._on_each_shard(lambda node: node.settle(everything=everything, limit=limit))
        )

    def index_text(self, *, limit: int = 5000) -> int:
        """Carry each shard's text index forward by at most `limit` spans; how many were added."""
        return self._carry_state(
            sum(self._on_each_shard(lambda node: node.index_text(limit=limit)))
        )

    def tidy_text(self, *, limit: int = 5000) -> bool:
        """Nothing is ever left behind in PostgreSQL."""
        return False

    def note_traits(self, *, limit: int = 200) -> int:
        """Work out what is true of finished runs, at most `limit` a shard; how many."""
        return self._carry_state(
            sum(self._on_each_shard(lambda node: node.note_traits(limit=limit)))
        )

    def note_prompts(self, *, limit: int = 200) -> int:
        """Look at what users wrote to begin runs, at most `limit` a shard; how many."""
        return sum(self._on_each_shard(lambda node: node.note_prompts(limit=limit)))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that asks all shards; each of them in one state, if not the same moment."""
        with self._naming_lost_shard(), super().read() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The coordinator's connection, for what is kept there; runs are changed by `split`."""
        with self._naming_lost_shard(), super().writing() as conn:
            try:
                yield conn
            except StoreError as error:
                if not isinstance(error.__cause__, NOT_HERE):
                    raise
                places = " and ".join(f"--db {shard.place}" for shard in self._shards)
                raise StoreError(
                    f"The runs of {self.place} are on its shards, each a database of its own; do "
                    f"this on each of them, with {places}."
                ) from error

    def close(self) -> None:
        """Close every connection."""
        super().close()
        for node in self._open.values():
            node.close()

    def _shard_store(self, at: int) -> Store:
        """The store of a shard, which is opened when it is needed first."""
        with self._opening:
            if at not in self._open:
                self._open[at] = Store.open(self._shards[at].place.text)
            return self._open[at]

    def _on_each_shard(self, work: Callable[[Store], T]) -> list[T]:
        """Have each shard do some work: one that does not answer keeps none of the others."""
        results: list[T] = []
        first_error: StoreError | None = None
        for shard in range(len(self._shards)):
            try:
                results.append(work(self._shard_store(shard)))
            except StoreError as error:
                first_error = first_error or error
        if first_error is not None and not any(results):
            raise first_error
        return results

    def _carry_state(self, count: int) -> int:
        """After some work, tell the coordinator how far the shards have come."""
        if count:
            numbers_by_key: dict[str, list[int]] = defaultdict(list)
            for value in self._on_each_shard(_carried_state):
                for key, number in value.items():
                    numbers_by_key[key].append(number)
            with super().writing() as conn:
                for key, numbers in numbers_by_key.items():
                    state.put(conn, key, _CARRIED_STATE[key](numbers))
        return count

    @contextmanager
    def _naming_lost_shard(self) -> Iterator[None]:
        """Say which shard it was that did not answer, where the coordinator can't."""
        try:
            yield
        except StoreBusy:
            for shard in self._shards:
                try:
                    connect(shard.place, read_only=True).close()
                except StoreBusy as error:
                    raise error from None
            raise


def _trace_ids(batch: Prepared) -> Iterator[bytes]:
    yield from (key[0] for key in batch.rows)
    yield from (bytes.fromhex(fact.trace_id) for fact in batch.facts)
    yield from (row[0] for row in batch.logs)


def _shard_by_trace(conn: Connection, trace_ids: Iterable[bytes], shards: int) -> dict[bytes, int]:
    """The number of each trace's shard."""
    ids = list(dict.fromkeys(trace_ids))
    return dict(zip(ids, split(conn, ids, shards), strict=True))


def _split_batch(batch: Prepared, shard_of: Mapping[bytes, int]) -> dict[int, Prepared]:
    """What of a batch is each shard's."""
    rows: dict[int, dict[Any, Any]] = defaultdict(dict)
    facts: dict[int, list[TraceFacts]] = defaultdict(list)
    logs: dict[int, list[Any]] = defaultdict(list)
    for key, row in batch.rows.items():
        rows[shard_of[key[0]]][key] = row
    for fact in batch.facts:
        facts[shard_of[bytes.fromhex(fact.trace_id)]].append(fact)
    for row in batch.logs:
        logs[shard_of[row[0]]].append(row)
    return {
        shard: Prepared(len(rows[shard]), rows[shard], facts[shard], logs[shard])
        for shard in set(shard_of.values())
    }


def _carried_state(node: Store) -> dict[str, int]:
    with node.read() as conn:
        marks = placeholders(_CARRIED_STATE)
        return dict(conn.rows(f"SELECT * FROM state WHERE key IN ({marks})", list(_CARRIED_STATE)))
