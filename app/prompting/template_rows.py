"""Templates: search, use, edit, critique, delete and restore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import trace_url
from clustertrace.app.prompting import critique, deepen
from clustertrace.prompts.deepening import about_templates
from clustertrace.prompts.templates import LEAST_LITERAL, Template, filled, variables
from clustertrace.store.queries.templates import MOST, Use, template_uses, templates
from clustertrace.store.user_entries.templates import (
    delete_template,
    restore_template,
    save_template,
)

__all__ = ["draw"]

_OPEN: Final = "open template"
_EDITED: Final = "edited template"
_DELETED: Final = "deleted template"
_ROWS: Final = 30
_NEW: Final = "new"


def draw(tab: str, critique_tab: str) -> None:
    """Draw the tab; `tab` is the widget key of the tabs, `critique_tab` the tab for critiques."""
    with connection.read() as conn:
        active, deleted = templates(conn), templates(conn, deleted=True)
    _undo(deleted)
    search_text, chosen_tags = _bar(active)
    edited = st.session_state.get(_EDITED)
    if edited == _NEW:
        _editor(None)
    shown = [template for template in active if _matches(template, search_text, chosen_tags)]
    if not shown:
        empty = "No template matches." if active else "There are no templates yet; make one."
        st.html(markup.notice(empty))
    for template in shown[:_ROWS]:
        if edited == template.id:
            _editor(template)
        else:
            _row(template, tab, critique_tab)
    if len(shown) > _ROWS:
        rest = words.counted(len(shown) - _ROWS, "more template")
        st.html(markup.page(markup.muted(f"{rest}; search to see them.")))
    if deleted:
        _bin(deleted)


def _bar(available: Sequence[Template]) -> tuple[str, list[str]]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search_text = st.text_input(
            "Search", key="find", type="search", bind="query-params", placeholder="name or text"
        )
        tags = sorted({tag for template in available for tag in template.tags})
        chosen_tags = st.multiselect("Tags", tags, key="template tags") if tags else []
        st.button("New template", key="new template", on_click=_edit, args=(_NEW,), type="primary")
    return (search_text or "").strip().lower(), chosen_tags


def _matches(template: Template, search_text: str, tags: Sequence[str]) -> bool:
    text = f"{template.name}\n{template.body}\n{' '.join(template.tags)}".lower()
    return search_text in text and set(tags) <= set(template.tags)


def _row(template: Template, tab: str, critique_tab: str) -> None:
    with connection.read() as conn:
        uses = template_uses(conn, template)
    with st.container(border=True):
        tags = [markup.tag("span", tag, cls="ct-tag") for tag in template.tags]
        st.html(
            markup.page(
                markup.tag("b", template.name),
                " ",
                *tags,
                markup.tag("div", _use_words(template, uses), cls="ct-small"),
                markup.tag("div", template.body[:280], cls="ct-muted ct-clamped"),
            )
        )
        opened = st.session_state.get(_OPEN) == template.id
        with st.container(horizontal=True):
            key = template.id
            label = "Close" if opened else "Use"
            st.button(label, key=f"use {key}", on_click=_open, args=("" if opened else key,))
            st.button("Edit", key=f"edit {key}", on_click=_edit, args=(key,))
            st.button(
                "Critique",
                key=f"critique {key}",
                on_click=_critique,
                args=(template.body, tab, critique_tab),
            )
            st.button("Delete", key=f"delete {key}", on_click=_delete, args=(key,))
        if opened:
            _use(template, uses)


def _use_words(template: Template, uses: Sequence[Use]) -> markup.Markup:
    version = f"Version {template.versions[0].number}"
    runs = sum(use.ended.runs for use in uses)
    if not runs:
        literal_characters = sum(map(len, template.body.split())) - sum(
            map(len, variables(template.body))
        )
        reason = "" if literal_characters >= LEAST_LITERAL else "; it is too short to be recognised"
        return markup.muted(f"{version}, not used yet{reason}.")
    dead = sum(use.ended.failed for use in uses)
    return markup.muted(
        f"{version}, used in {words.counted(runs, 'run')}, of which {dead:,} came to a dead end."
    )


def _use(template: Template, uses: Sequence[Use]) -> None:
    """Draw the form for its variables, the text to copy, and its versions with their results."""
    values = {
        name: st.text_input(name.replace("_", " "), key=f"value {template.id} {name}") or ""
        for name in variables(template.body)
    }
    st.code(filled(template.body, values), language=None, wrap_lines=True)
    st.html(markup.page(markup.muted("The button in its corner copies it.")))
    by_number = {use.version: use for use in uses}
    st.html(
        markup.page(
            markup.tag(
                "ul",
                *(
                    _version(version.number, by_number.get(version.number))
                    for version in template.versions
                ),
                cls="ct-ways",
            )
        )
    )
    if len(template.versions) > 1:
        number = st.selectbox(
            "Earlier version",
            [version.number for version in template.versions[1:]],
            key=f"version {template.id}",
        )
        earlier = next(version for version in template.versions if version.number == number)
        st.code(earlier.body, language=None, wrap_lines=True)
        st.button(
            "Make it the newest",
            key=f"revert {template.id}",
            on_click=_make_newest,
            args=(template, earlier.body),
        )
    outcomes = [_outcome(use) for use in uses]
    deepen.draw(about_templates(template.name, template.body, outcomes), template.id)


def _version(number: int, use: Use | None) -> markup.Markup:
    if use is None:
        return markup.tag("li", f"Version {number}: not used yet")
    links = [
        markup.link(f"run {position}", trace_url(run_id))
        for position, run_id in enumerate(use.newest, 1)
    ]
    return markup.tag("li", _outcome(use), " · ", markup.join(links, " · "))


def _outcome(use: Use) -> str:
    rate = words.share(round(use.ended.rate, 2))
    newest = "the newest " if use.ended.runs >= MOST else ""
    return (
        f"Version {use.version}: {use.ended.failed:,} of {newest}"
        f"{words.counted(use.ended.runs, 'run')} came to a dead end ({rate}, 95 % interval "
        f"{words.interval(use.ended.interval)})"
    )


def _editor(template: Template | None) -> None:
    key = template.id if template else _NEW
    with st.form(f"edit {key}"):
        name = st.text_input("Name", value=template.name if template else "", max_chars=200)
        tags = st.text_input("Tags", value=", ".join(template.tags) if template else "")
        body = st.text_area(
            "Text",
            value=template.body if template else "",
            height=220,
            max_chars=critique.LONGEST,
            placeholder="Review {file} for bugs; report the {count} worst.",
            help="Names in braces are variables, which a form fills in.",
        )
        with st.container(horizontal=True):
            saved = st.form_submit_button("Save", type="primary", help="Ctrl+Enter in the text")
            cancelled = st.form_submit_button("Cancel")
    if saved:
        save_template(
            connection.store(), name or "", body or "", (tags or "").split(","),
            template.id if template else None,
        )  # fmt: skip
    if saved or cancelled:
        _edit("")
        st.rerun()


def _undo(deleted: Sequence[Template]) -> None:
    last = st.session_state.get(_DELETED)
    template = next((candidate for candidate in deleted if candidate.id == last), None)
    if template is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(markup.page("Deleted: ", markup.tag("b", template.name)))
            st.button("Undo", key="undo", on_click=_restore, args=(template.id,))


def _bin(deleted: Sequence[Template]) -> None:
    with st.expander(f"Deleted templates ({len(deleted)})"):
        for template in deleted[:_ROWS]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.html(markup.page(template.name))
                st.button(
                    "Bring back", key=f"back {template.id}", on_click=_restore, args=(template.id,)
                )


def _edit(template_id: str) -> None:
    st.session_state[_EDITED] = template_id


def _open(template_id: str) -> None:
    st.session_state[_OPEN] = template_id


@guarded
def _delete(template_id: str) -> None:
    delete_template(connection.store(), template_id)
    st.session_state[_DELETED] = template_id


@guarded
def _restore(template_id: str) -> None:
    restore_template(connection.store(), template_id)
    st.session_state.pop(_DELETED, None)


@guarded
def _make_newest(template: Template, body: str) -> None:
    save_template(connection.store(), template.name, body, template.tags, template.id)


def _critique(body: str, tab: str, critique_tab: str) -> None:
    st.session_state[critique.DRAFT] = st.session_state[critique.SHOWN] = body
    st.session_state[tab] = critique_tab
