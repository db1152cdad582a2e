"""Templates: texts with variables `{like_this}`, filled in, and found again in what was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["LEAST_LITERAL", "Template", "Used", "Version", "filled", "matches", "used", "variables"]

_VARIABLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,59})\}")

LEAST_LITERAL: Final = 12
"""Characters besides variables and space that a template needs to be told from any other text."""


class Version(NamedTuple):
    """What a template said, from one edit to the next."""

    number: int
    body: str
    created_ns: int


class Template(NamedTuple):
    """A prompt to use again, its newest version first."""

    id: str
    name: str
    tags: tuple[str, ...]
    versions: tuple[Version, ...]
    deleted: bool = False

    @property
    def body(self) -> str:
        """What it says now."""
        return self.versions[0].body


class Used(NamedTuple):
    """The template and version that a prompt was written with."""

    template_id: str
    version: int


def variables(body: str) -> tuple[str, ...]:
    """The names between braces, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(body)))


def filled(body: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in; one without a value stays as it is."""
    return _VARIABLE.sub(lambda match: values.get(match.group(1)) or match.group(), body)


def matches(body: str, text: str, *, cut: bool = False) -> bool:
    """Whether a text is the template with something in place of its variables; space is one.

    `cut` says that the text may go on. A template of hardly more than variables matches nothing.
    """
    pieces = [" ".join(piece.split()) for piece in _VARIABLE.split(body)[::2]]
    if sum(len(piece.replace(" ", "")) for piece in pieces) < LEAST_LITERAL:
        return False
    line = " ".join(text.split())
    first, *rest = pieces
    if not line.startswith(first):
        return cut and first.startswith(line)
    if not rest:
        return line == first
    at = len(first)
    for piece in rest[:-1]:
        found = line.find(piece, at)
        if found < 0:
            return cut
        at = found + len(piece)
    return cut or (len(line) - len(rest[-1]) >= at and line.endswith(rest[-1]))


def used(templates: Sequence[Template], text: str, *, cut: bool = False) -> Used | None:
    """The template version that a text was written with: the one that says most, newest first."""
    found = [
        (len(_VARIABLE.sub("", version.body)), version.number, template.id)
        for template in templates
        for version in template.versions
        if matches(version.body, text, cut=cut)
    ]
    if not found:
        return None
    _, number, template_id = max(found)
    return Used(template_id, number)
