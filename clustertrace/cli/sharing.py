"""`snapshot`: a run, or a pattern, as one file to send to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import note, print_json
from clustertrace.opening import reading
from clustertrace.telling.words import counted

if TYPE_CHECKING:
    from clustertrace.model import Trace
    from clustertrace.store.answers import Cluster
    from clustertrace.store.store import Store

__all__ = ["snapshot"]


@command(
    "snapshot",
    "clustertrace snapshot 3f2a -o run.html",
    "clustertrace snapshot 9c41d2 -o pattern.html --metadata-only",
)
def snapshot(
    of: Annotated[str, typer.Argument(metavar="TRACE|PATTERN", help="Its id, or the start of it.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write.", show_default=False)
    ],
    runs: Annotated[
        int, typer.Option(min=1, max=50, help="Runs of a pattern, the newest failed ones first.")
    ] = 3,
    metadata_only: Annotated[
        bool, typer.Option("--metadata-only", help="Leave out inputs, outputs and messages.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write a run or a pattern as one HTML file.

    It opens anywhere, even offline, and loads nothing. It is checked for secrets once more before
    it is written.
    """
    from clustertrace.exchange.writing import open_target
    from clustertrace.snapshot.document import pattern_document, trace_document
    from clustertrace.snapshot.leaving import leaving

    with reading(db) as store:
        cluster, traces = _find_runs(store, of, runs)
    kept, secrets = leaving(traces, metadata_only=metadata_only)
    if cluster is None:
        text = trace_document(kept[0], secrets_cut=secrets)
    else:
        text = pattern_document(cluster, kept, secrets_cut=secrets)
    encoded = text.encode("utf-8", "replace")
    # Whole or not at all, and for its owner's eyes, as every file that holds what was said.
    with open_target(output) as target:
        target.write(encoded)
    if as_json:
        print_json(
            {
                "file": str(output),
                "bytes": len(encoded),
                "traces": [trace.trace_id for trace in kept],
                "pattern": cluster.id if cluster else None,
                "secrets_cut": secrets,
            }
        )
    else:
        cut_words = f" {counted(secrets, 'secret')} cut on the way." if secrets else ""
        note(f"Wrote {output} ({len(encoded) / 1000:,.0f} kB).{cut_words}")


def _find_runs(store: Store, of: str, runs: int) -> tuple[Cluster | None, list[Trace]]:
    """A pattern with some of its traces, or a trace alone. Raises NotFound."""
    from clustertrace.filters import parse
    from clustertrace.store import queries

    with store.read() as conn:
        found = queries.named(conn, of)
        if found.pattern is None:
            return None, [queries.trace(conn, found.id)]
        cluster = queries.cluster(conn, found.id)
        rows = queries.failed_runs(conn, cluster.id, runs)
        if len(rows) < runs:
            rest = parse(f"pattern:{cluster.id} not failed:yes")
            rows += queries.traces(conn, rest, limit=runs - len(rows)).rows
        return cluster, [queries.trace(conn, row.trace_id) for row in rows]
