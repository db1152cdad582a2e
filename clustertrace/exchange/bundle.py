"""The traces that come with the package, recorded by the demo's agents."""

from __future__ import annotations

from importlib.resources import files

from clustertrace.exchange.native import traces_of
from clustertrace.exchange.reading import source_of
from clustertrace.exchange.shifting import newest_ns, shift_times
from clustertrace.model import Batch
from clustertrace.store.store import Store

__all__ = ["load_bundle"]


def load_bundle(store: Store, now_ns: int) -> int:
    """Write the bundled traces, moved so that the newest ends at `now_ns`; how many they are."""
    with (files("clustertrace.demo") / "traces.jsonl.gz").open("rb") as raw:
        traces = list(traces_of(source_of(raw, "traces.jsonl.gz")))
    delta_ns = now_ns - max(newest_ns(spans) for spans, _ in traces)
    moved = [shift_times(spans, facts, delta_ns) for spans, facts in traces]
    store.write(
        Batch([span for spans, _ in moved for span in spans], [facts for _, facts in moved])
    )
    return len(moved)
