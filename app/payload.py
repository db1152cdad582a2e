"""Inputs and outputs on screen: conversations as such, JSON folded, text as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.payloads.conversation import conversation, parsed, text
from clustertrace.payloads.edits import Edit, edits
from clustertrace.payloads.message_parts import Part, parts_of, remaining

__all__ = ["show"]

_LONGEST: Final = 20_000
"""Characters of one text."""


def show(value: Any, *, arguments: bool = False) -> None:
    """Draw a payload; the arguments of a tool that changes files as the changes."""
    value = parsed(value)
    messages, rest = conversation(value)
    changes = edits(value) if arguments else []
    if changes:
        _draw_changes(changes)
        with st.expander("As it was called"):
            st.json(value, expanded=2)
    elif messages:
        st.html(markup.page(*map(_message_markup, messages)))
        if rest:
            st.json(rest, expanded=1)
    elif isinstance(value, Mapping | list) and value:
        st.json(value, expanded=2)
    else:
        shown = value if isinstance(value, str) else text(value)
        st.html(markup.page(_text_markup(shown) if shown else markup.muted("empty")))


def _draw_changes(changes: Sequence[Edit]) -> None:
    """Changes to files as diffs."""
    for change in changes:
        st.html(markup.page(markup.tag("div", change.path, cls="ct-path")))
        st.code(change.diff or "(nothing)", language="diff")


def _message_markup(message: Mapping[str, Any]) -> markup.Markup:
    said = [_part_markup(part) for part in parts_of(message)]
    rest = remaining(message)
    if rest:
        said.append(_code_markup(text(rest)))
    return markup.message(message["role"], *said)


def _part_markup(part: Part) -> markup.Markup:
    if part.kind == "text":
        return _text_markup(part.said)
    if part.kind == "thinking":
        return _folded_markup("thinking", part.said)
    if part.kind == "result":
        label = "✕ failed" if part.failed else "result"
        tone = "failed" if part.failed else "plain"
        return markup.tag(
            "div",
            markup.tag("div", label, cls=f"ct-role ct-{tone}"),
            _text_markup(part.said),
            cls="ct-result",
        )
    if part.kind == "media":
        return markup.tag("div", markup.muted(f"{part.said} (not shown)"))
    return _code_markup(part.said)


def _folded_markup(label: str, said: str) -> markup.Markup:
    return markup.tag("details", markup.tag("summary", label), _text_markup(said))


def _text_markup(said: str) -> markup.Markup:
    """A text as it was written, as far as a browser likes to hold it."""
    if len(said) <= _LONGEST:
        return markup.text_block(said)
    more = markup.muted(f"{words.count(len(said) - _LONGEST)} more characters are not drawn.")
    return markup.join([markup.text_block(said[:_LONGEST]), more])


def _code_markup(shown: str) -> markup.Markup:
    return markup.tag("pre", shown, cls="ct-call")
