"""Questions about templates: what they say, and what became of the runs that used them."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from clustertrace.patterns.verdict import Side
from clustertrace.prompts.templates import Template, Version
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_value

__all__ = ["Use", "template_uses", "templates"]

MOST: Final = 10_000
"""Newest runs of a version that are counted."""


class Use(NamedTuple):
    """What became of the runs that used one version of a template."""

    version: int
    ended: Side
    """Runs that came to a dead end, and all of them."""
    newest: tuple[str, ...]
    """Ids of the newest runs."""


def templates(conn: Connection, *, deleted: bool = False) -> tuple[Template, ...]:
    """All templates by name, or those that were deleted."""
    which = "IS NOT NULL" if deleted else "IS NULL"
    versions: dict[str, list[Version]] = defaultdict(list)
    for template_id, *version in conn.rows(
        "SELECT template_id, version, body, created_ns FROM template_versions"
        f" JOIN templates USING (template_id) WHERE deleted_ns {which}"
        " ORDER BY template_id, version DESC"
    ):
        versions[template_id].append(Version(*version))
    rows = conn.rows(
        f"SELECT template_id, name, tags FROM templates WHERE deleted_ns {which}"
        " ORDER BY name COLLATE NOCASE, template_id"
    )
    return tuple(
        Template(row[0], row[1], tuple(json_value(row[2])), tuple(versions[row[0]]), deleted)
        for row in rows
    )


def template_uses(conn: Connection, template: Template) -> tuple[Use, ...]:
    """For each version that was used, newest first: how its newest runs ended."""
    found = []
    for version in template.versions:
        rows = conn.rows(
            "SELECT dead_end IS NOT NULL, trace_id FROM prompts"
            " WHERE template_id = ? AND template_version = ? ORDER BY start_ns DESC LIMIT ?",
            (template.id, version.number, MOST),
        )
        if rows:
            dead = sum(row[0] for row in rows)
            ids = tuple(row[1].hex() for row in rows[:3])
            found.append(Use(version.number, Side(dead, len(rows)), ids))
    return tuple(found)
