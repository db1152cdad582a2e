"""Inputs and outputs on screen: conversations, JSON, diffs or plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.payloads.conversation import conversation, parsed, text
from clustertrace.payloads.edits import Edit, edits
from clustertrace.payloads.message_parts import Part, parts_of, remaining

__all__ = ["show"]

_MAX_CHARACTERS: Final = 20_000
"""How many characters of a text are drawn."""

_LONG: Final = 3_000
_LEFT_OPEN: Final = 1_000
"""Of a longer text within a conversation only so many characters are open at first."""


def show(value: Any, *, arguments: bool = False) -> None:
    """Draw a payload; `arguments` of a tool that edits files are drawn as diffs."""
    value = parsed(value)
    messages, rest = conversation(value)
    changes = edits(value) if arguments else []
    if changes:
        _draw_changes(changes)
        with st.expander("As it was called"):
            st.json(value, expanded=2)
    elif messages:
        is_folding = len(messages) > 1
        st.html(markup.page(*(_message_markup(one, is_folding) for one in messages)))
        if rest:
            st.json(rest, expanded=1)
    elif isinstance(value, Mapping | list) and value:
        st.json(value, expanded=2)
    else:
        plain_text = value if isinstance(value, str) else text(value)
        st.html(markup.page(_text_markup(plain_text) if plain_text else markup.muted("empty")))


def _draw_changes(changes: Sequence[Edit]) -> None:
    """Draw changes to files as diffs."""
    for change in changes:
        st.html(markup.page(markup.tag("div", change.path, cls="ct-path")))
        st.code(change.diff or "(nothing)", language="diff")


def _message_markup(message: Mapping[str, Any], is_folding: bool) -> markup.Markup:
    blocks = [
        _beginning_markup(part.text)
        if is_folding and part.kind == "text" and len(part.text) > _LONG
        else _part_markup(part)
        for part in parts_of(message)
    ]
    rest = remaining(message)
    if rest:
        blocks.append(_code_markup(text(rest)))
    return markup.message(message["role"], *blocks)


def _part_markup(part: Part) -> markup.Markup:
    if part.kind == "text":
        return _text_markup(part.text)
    if part.kind == "thinking":
        return _folded_markup("thinking", part.text)
    if part.kind == "result":
        label = "✕ failed" if part.failed else "result"
        tone = "failed" if part.failed else "plain"
        return markup.tag(
            "div",
            markup.tag("div", label, cls=f"ct-role ct-{tone}"),
            _text_markup(part.text),
            cls="ct-result",
        )
    if part.kind == "media":
        return markup.tag("div", markup.muted(f"{part.text} (not shown)"))
    return _code_markup(part.text)


def _beginning_markup(content: str) -> markup.Markup:
    """The beginning of a text, and the rest folded, lest it hide the messages that follow."""
    end = max(content.rfind(mark, 0, _LEFT_OPEN) for mark in "\n ") + 1 or _LEFT_OPEN
    label = f"{words.count(len(content) - end)} more characters"
    return markup.join([markup.text_block(content[:end]), _folded_markup(label, content[end:])])


def _folded_markup(label: str, content: str) -> markup.Markup:
    return markup.tag("details", markup.tag("summary", label), _text_markup(content))


def _text_markup(content: str) -> markup.Markup:
    """A text, cut to what a browser can handle."""
    if len(content) <= _MAX_CHARACTERS:
        return markup.text_block(content)
    more = markup.muted(
        f"{words.count(len(content) - _MAX_CHARACTERS)} more characters are not drawn."
    )
    return markup.join([markup.text_block(content[:_MAX_CHARACTERS]), more])


def _code_markup(content: str) -> markup.Markup:
    return markup.tag("pre", content, cls="ct-call")
