"""Words in PostgreSQL: the same searches find the same texts as in SQLite's index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustertrace.store.postgres.passages import passages
from clustertrace.store.postgres.words import text_query, text_vector
from clustertrace.store.search.index import MARK, MARK_END
from clustertrace.store.search.words import match_expression
from tests.postgres_cluster import Cluster

WORDS = st.sampled_from(
    [
        *("find", "Find", "finder", "user", "größe", "grosse", "café", "naïve"),
        *("日本語", "x1", "a_b", "1.5"),
    ]
)
MARKS = st.sampled_from([".", "-", "'", '"', "\\"])
OPERATORS = st.sampled_from(["AND", "OR", "NOT", "(", ")", "NEAR/3", "find*", '"find user"', "us*"])
TEXTS = st.lists(st.lists(WORDS | MARKS, max_size=8), min_size=2, max_size=2)
QUERIES = st.lists(WORDS | OPERATORS, max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def asked(postgres: Cluster) -> Iterator[psycopg.Connection[tuple[bool]]]:
    """A connection that answers whether words match."""
    conn = psycopg.connect(postgres.url("postgres").replace("+psycopg", ""), autocommit=True)
    yield conn
    conn.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(texts=TEXTS, query=QUERIES)
def test_both_find_the_same(
    asked: psycopg.Connection[tuple[bool]], texts: list[list[str]], query: str
) -> None:
    """Whatever is sought, in whatever text: words, phrases, beginnings, operators, distances."""
    fields = [" ".join(words) for words in texts]
    expression = match_expression(query)
    if not expression:
        return
    with closing(sqlite3.connect(":memory:")) as lite:
        lite.execute(
            "CREATE VIRTUAL TABLE t USING fts5(a, b, tokenize='unicode61 remove_diacritics 2')"
        )
        lite.execute("INSERT INTO t VALUES (?, ?)", fields)
        found = lite.execute("SELECT count(*) FROM t WHERE t MATCH ?", (expression,)).fetchone()
    (same,) = asked.execute(
        "SELECT %s::tsvector @@ %s::tsquery", (text_vector(fields), text_query(expression))
    ).fetchone() or (None,)
    assert same == bool(found[0])


def test_a_passage_shows_what_was_found() -> None:
    """The words around it, with marks, and nothing else of a long text."""
    text = " ".join(f"word{number}" for number in range(200)) + " Größe end"
    found = passages(match_expression("grosse OR größe"), {"output": text, "name": "x"})
    assert f"{MARK}Größe{MARK_END} end" in found["output"]
    assert found["output"].startswith("…")
    assert len(found["output"]) < 300
    assert found["name"] == "x"


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("red AND absent OR green", ["green"]),
        ("NEAR(red green, 1)", []),
        ("NEAR(red green, 2)", ["red", "green"]),
        ("red NOT absent", ["red"]),
        ("(red OR absent) AND blu*", ["red", "blue"]),
        ('"blue and" OR absent', ["blue", "and"]),
    ],
)
def test_only_what_it_was_found_for_is_marked(query: str, marked: list[str]) -> None:
    """Words of an alternative that does not match are not marked."""
    found = passages(match_expression(query), {"output": "red, blue and green"})["output"]
    assert [part.partition(MARK_END)[0] for part in found.split(MARK)[1:]] == marked
