"""Where each table lies once a database is spread, and what is told to Citus."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlmodel import SQLModel

from clustertrace.errors import StoreError
from clustertrace.store.place import place_of
from clustertrace.store.postgres import citus, nodes
from clustertrace.store.postgres.placement import BY_TRACE, HERE, NAMED, SUMMED
from clustertrace.store.schema import tables


def test_every_table_is_in_one_group() -> None:
    """Every table is placed exactly once, and those that are keyed by a trace are spread by it."""
    declared = SQLModel.metadata.tables
    assert tables.SpanRow.metadata is SQLModel.metadata
    groups = Counter((*BY_TRACE, *SUMMED, *NAMED, *HERE))
    assert groups == Counter((*declared, "span_index"))
    by_trace = {name for name, table in declared.items() if next(iter(table.primary_key)).name ==
                "trace_id"}  # fmt: skip
    assert {*by_trace, "span_index"} == set(BY_TRACE)
    for name, keys in (SUMMED | NAMED).items():
        assert {column.name for column in declared[name].primary_key} == set(keys)


def test_citus_is_told_of_each_table_once() -> None:
    """Traces first, what belongs to them beside them, the rest everywhere; nothing unique else."""
    statements = citus.statements()
    spread = [one for one in statements if "create_distributed_table" in one]
    assert spread[0] == "SELECT create_distributed_table('traces', 'trace_id')"
    assert spread[1:] == [
        f"SELECT create_distributed_table('{name}', 'trace_id', colocate_with => 'traces')"
        for name in BY_TRACE[1:]
    ]
    everywhere = [one.split("'")[1] for one in statements if "create_reference_table" in one]
    assert sorted(everywhere) == sorted((*SUMMED, *NAMED, *HERE))
    unique = {
        str(index.name)
        for name in BY_TRACE
        if name in SQLModel.metadata.tables
        for index in SQLModel.metadata.tables[name].indexes
        if index.unique and next(iter(index.columns)).name != "trace_id"
    }
    assert unique == {one.split()[-1] for one in statements if one.startswith("DROP INDEX")}


def test_what_is_told_runs_as_far_as_postgres_knows_it(migrated_url: str) -> None:
    """All but Citus's own functions; without these one sentence says what is missing."""
    with pytest.raises(StoreError, match="has no extension citus; install it on every node"):
        nodes.spread_by_citus(place_of(migrated_url))
    from clustertrace.store.postgres.connection import connect

    conn = connect(place_of(migrated_url))
    conn.control("CREATE FUNCTION create_reference_table(regclass) RETURNS void RETURN NULL")
    conn.control(
        "CREATE FUNCTION create_distributed_table(regclass, text, colocate_with text = 'default')"
        " RETURNS void RETURN NULL"
    )
    for statement in citus.statements():
        conn.control(statement)
    unique = conn.value("SELECT indisunique FROM pg_index WHERE indexrelid = 'spans_seq'::regclass")
    conn.close()
    assert unique is False
