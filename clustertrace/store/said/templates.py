"""Writing templates: make, edit, tag, delete, bring back. Secrets are cut as everywhere."""

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
"""Characters of a template."""
_NAME: Final = 200


def save_template(
    store: Store, name: str, body: str, tags: Sequence[str] = (), template_id: str | None = None
) -> str:
    """Make a template, or (with its id) change one; a changed text is a new version. Its id.

    Raises UsageError for an empty or overlong name or text, NotFound for an unknown id.
    """
    name, body = _clean(name.strip(), "name", _NAME), _clean(body, "text", LONGEST)
    labels = [_clean(tag, "tag", _NAME) for tag in dict.fromkeys(map(str.strip, tags)) if tag]
    now = time.time_ns()
    with store.writing() as conn:
        key = template_id or secrets.token_hex(8)
        if template_id is None:
            conn.run("INSERT INTO templates VALUES (?, ?, ?, NULL)", (key, name, json_text(labels)))
            newest, before = 0, None
        else:
            template = _find_template(templates(conn), key)
            newest, before = template.versions[0].number, template.body
            conn.run(
                "UPDATE templates SET name = ?, tags = ? WHERE template_id = ?",
                (name, json_text(labels), key),
            )
        if body != before:
            conn.run(
                "INSERT INTO template_versions VALUES (?, ?, ?, ?)", (key, newest + 1, body, now)
            )
            known = templates(conn)
            match_again(conn, known, _find_template(known, key))
    return key


def delete_template(store: Store, template_id: str) -> None:
    """Put a template away; `restore_template` brings it back with all its versions."""
    with store.writing() as conn:
        conn.run(
            "UPDATE templates SET deleted_ns = ? WHERE template_id = ?",
            (time.time_ns(), template_id),
        )


def restore_template(store: Store, template_id: str) -> None:
    """Bring a deleted template back."""
    with store.writing() as conn:
        conn.run("UPDATE templates SET deleted_ns = NULL WHERE template_id = ?", (template_id,))


def _find_template(known: Sequence[Template], template_id: str) -> Template:
    for template in known:
        if template.id == template_id:
            return template
    raise NotFound("There is no such template any more; it may have been deleted.")


def _clean(text: str, what: str, longest: int) -> str:
    """A text as it may be stored, without secrets."""
    if not text.strip():
        raise UsageError(f"A template needs a {what}.")
    if len(text) > longest:
        raise UsageError(f"The {what} is longer than {longest:,} characters; shorten it.")
    text = text.encode("utf-8", "replace").decode("utf-8")
    redact = policy().redact
    return text if redact is None else redact(text)[0]
