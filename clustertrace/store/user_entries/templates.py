"""Create, edit, tag, delete and restore templates; secrets are cut as everywhere."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Final

from clustertrace.errors import NotFound, UsageError
from clustertrace.prompts.templates import Template
from clustertrace.store.queries.templates import templates
from clustertrace.store.rows import json_text
from clustertrace.store.settling.prompts import match_again
from clustertrace.store.store import Store
from clustertrace.store.writing.intake import policy

__all__ = ["delete_template", "restore_template", "save_template"]

LONGEST: Final = 100_000
"""Maximum characters of a template."""
_MAX_NAME: Final = 200


def save_template(
    store: Store, name: str, body: str, tags: Sequence[str] = (), template_id: str | None = None
) -> str:
    """Create a template, or change the one with an id; a changed text becomes a new version.

    Returns its id. Raises UsageError for an empty or overlong name or text, NotFound for an unknown
    id.
    """
    name, body = _clean(name.strip(), "name", _MAX_NAME), _clean(body, "text", LONGEST)
    labels = [_clean(tag, "tag", _MAX_NAME) for tag in dict.fromkeys(map(str.strip, tags)) if tag]
    now_ns = time.time_ns()
    with store.writing() as conn:
        key = template_id or secrets.token_hex(8)
        if template_id is None:
            conn.run("INSERT INTO templates VALUES (?, ?, ?, NULL)", (key, name, json_text(labels)))
            newest_version, old_body = 0, None
        else:
            template = _find_template(templates(conn), key)
            newest_version, old_body = template.versions[0].number, template.body
            conn.run(
                "UPDATE templates SET name = ?, tags = ? WHERE template_id = ?",
                (name, json_text(labels), key),
            )
        if body != old_body:
            conn.run(
                "INSERT INTO template_versions VALUES (?, ?, ?, ?)",
                (key, newest_version + 1, body, now_ns),
            )
            all_templates = templates(conn)
            match_again(conn, all_templates, _find_template(all_templates, key))
    return key


def delete_template(store: Store, template_id: str) -> None:
    """Delete a template; `restore_template` restores it with all its versions."""
    with store.writing() as conn:
        conn.run(
            "UPDATE templates SET deleted_ns = ? WHERE template_id = ?",
            (time.time_ns(), template_id),
        )


def restore_template(store: Store, template_id: str) -> None:
    """Restore a deleted template."""
    with store.writing() as conn:
        conn.run("UPDATE templates SET deleted_ns = NULL WHERE template_id = ?", (template_id,))


def _find_template(all_templates: Sequence[Template], template_id: str) -> Template:
    for template in all_templates:
        if template.id == template_id:
            return template
    raise NotFound("There is no such template any more; it may have been deleted.")


def _clean(text: str, label: str, limit: int) -> str:
    """A text, validated and without secrets."""
    if not text.strip():
        raise UsageError(f"A template needs a {label}.")
    if len(text) > limit:
        raise UsageError(f"The {label} is longer than {limit:,} characters; shorten it.")
    text = text.encode("utf-8", "replace").decode("utf-8")
    redact = policy().redact
    return text if redact is None else redact(text)[0]
