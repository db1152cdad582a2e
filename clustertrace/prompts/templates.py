"""Templates: texts with variables `{like_this}`, filled in, and recognised in prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["LEAST_LITERAL", "Template", "Used", "Version", "filled", "matches", "used", "variables"]

_VARIABLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,59})\}")

LEAST_LITERAL: Final = 12
"""How many characters besides variables and space a template needs to be recognised."""


class Version(NamedTuple):
    """The text of a template from one edit to the next."""

    number: int
    body: str
    created_ns: int


class Template(NamedTuple):
    """A reusable prompt, with its newest version first."""

    id: str
    name: str
    tags: tuple[str, ...]
    versions: tuple[Version, ...]
    deleted: bool = False

    @property
    def body(self) -> str:
        """The text of the newest version."""
        return self.versions[0].body


class Used(NamedTuple):
    """The template and version that a prompt was made from."""

    template_id: str
    version: int


def variables(body: str) -> tuple[str, ...]:
    """The names of the variables, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(body)))


def filled(body: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in; those without a value are left as they are."""
    return _VARIABLE.sub(lambda match: values.get(match.group(1)) or match.group(), body)


def matches(body: str, text: str, *, cut: bool = False) -> bool:
    """Whether a text is the template with its variables filled in, ignoring differences in space.

    `cut` means that the end of the text may be missing. A template that is hardly more than
    variables matches nothing.
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
    position = len(first)
    for piece in rest[:-1]:
        index = line.find(piece, position)
        if index < 0:
            return cut
        position = index + len(piece)
    return cut or (len(line) - len(rest[-1]) >= position and line.endswith(rest[-1]))


def used(templates: Sequence[Template], text: str, *, cut: bool = False) -> Used | None:
    """The template version that a text was made from: the longest match, then the newest."""
    candidates = [
        (len(_VARIABLE.sub("", version.body)), version.number, template.id)
        for template in templates
        for version in template.versions
        if matches(version.body, text, cut=cut)
    ]
    if not candidates:
        return None
    _, number, template_id = max(candidates)
    return Used(template_id, number)
