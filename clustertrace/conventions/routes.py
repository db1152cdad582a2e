"""The dialects' tables, joined: one look-up for each attribute, however many dialects there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from clustertrace.conventions.dialect import (
    READERS,
    STAYING,
    Composite,
    Dialect,
    Field,
    Refine,
)
from clustertrace.conventions.dialects.claude_code import CLAUDE_CODE
from clustertrace.conventions.dialects.codex import CODEX
from clustertrace.conventions.dialects.genai import GENAI
from clustertrace.conventions.dialects.google_adk import GOOGLE_ADK
from clustertrace.conventions.dialects.langfuse import LANGFUSE
from clustertrace.conventions.dialects.langsmith import LANGSMITH
from clustertrace.conventions.dialects.litellm import LITELLM
from clustertrace.conventions.dialects.logfire import LOGFIRE
from clustertrace.conventions.dialects.logfire_agents import LOGFIRE_AGENTS
from clustertrace.conventions.dialects.mlflow import MLFLOW
from clustertrace.conventions.dialects.openinference import OPENINFERENCE
from clustertrace.conventions.dialects.openllmetry import OPENLLMETRY
from clustertrace.conventions.dialects.strands import STRANDS
from clustertrace.conventions.dialects.vercel import VERCEL
from clustertrace.conventions.readers import Reader

__all__ = ["COMPOSITE", "DIALECTS", "Routes", "routes_of"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    *(CLAUDE_CODE, CODEX, STRANDS, LOGFIRE_AGENTS, LOGFIRE, LITELLM),
    *(GENAI, OPENINFERENCE, OPENLLMETRY, VERCEL, LANGFUSE, MLFLOW, LANGSMITH, GOOGLE_ADK),
)
"""In the order in which their keys are preferred."""

_KIND_ORDER: Final[tuple[Dialect, ...]] = (
    *(CLAUDE_CODE, CODEX, STRANDS, LOGFIRE_AGENTS, LOGFIRE, LITELLM),
    *(OPENINFERENCE, MLFLOW, LANGFUSE, LANGSMITH, VERCEL, GENAI, OPENLLMETRY, GOOGLE_ADK),
)
"""The order in which their word on a span's kind counts."""

COMPOSITE: Final = -1
"""In a route, the field of a key whose value fills several."""

Route = tuple[int, int, Reader, bool]
"""Field, rank (lower is better), how to read the value, whether the attribute stays as well."""


class Routes(NamedTuple):
    """What the dialects of one scope say together."""

    keys: Mapping[str, Route]
    composites: Mapping[str, tuple[int, Composite]]
    """By key, the rank and the reader."""
    families: Mapping[str, int]
    prefix: re.Pattern[str]
    """What keys of the families begin with."""
    messages: Mapping[str, tuple[Field, str]]
    values: Mapping[str, Sequence[tuple[str, Field]]]
    first_tokens: frozenset[str]
    refine: Refine | None


@lru_cache(maxsize=1024)
def routes_of(scope: str) -> Routes:
    """The routes for spans of a scope."""
    return _combined_routes(
        tuple(
            index
            for index, dialect in enumerate(DIALECTS)
            if not dialect.scopes or scope.startswith(tuple(dialect.scopes))
        )
    )


@lru_cache(maxsize=64)
def _combined_routes(indices: tuple[int, ...]) -> Routes:
    dialects = [DIALECTS[index] for index in indices]
    families = {p: int(field) for one in dialects for p, field in one.families.items()}
    return Routes(
        keys=_routes_by_key(dialects),
        composites={
            key: (rank, read)
            for rank, (key, read) in enumerate(
                item for one in dialects for item in one.composites.items()
            )
        },
        families=families,
        prefix=re.compile("|".join(map(re.escape, families))),
        messages={name: what for one in dialects for name, what in one.event_messages.items()},
        values={name: what for one in dialects for name, what in one.event_values.items()},
        first_tokens=frozenset(name for one in dialects for name in one.first_tokens),
        refine=next((one.refine for one in dialects if one.refine), None),
    )


def _routes_by_key(dialects: Sequence[Dialect]) -> dict[str, Route]:
    routes: dict[str, Route] = {}
    rank = 0
    for dialect in dialects:
        for field, keys in dialect.keys.items():
            for key in keys:
                rank += 1
                read = dialect.readers.get(key) or READERS[field]
                stays = field in STAYING or key in dialect.keeps
                routes.setdefault(key, (int(field), rank, read, stays))
        for key in dialect.composites:
            routes.setdefault(key, (COMPOSITE, rank, _read_nothing, True))
    for dialect in _KIND_ORDER:
        if dialect not in dialects:
            continue
        for key, meanings in dialect.kinds:
            rank += 1
            routes[key] = (int(Field.KIND), rank, _kind_reader(meanings), True)
    return routes


def _read_nothing(value: object) -> None:
    return None


def _kind_reader(meanings: Mapping[str, str]) -> Reader:
    def read(value: object) -> str | None:
        if not isinstance(value, str):
            return None
        return meanings.get(value) or meanings.get(value.strip('"').lower())

    return read
