"""“Deepen with Claude”: shows what will be sent and the price, then streams the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.asking.models import Answer, estimate_usd, model_of
from clustertrace.errors import ClustertraceError
from clustertrace.settings import load

if TYPE_CHECKING:
    from clustertrace.prompts.deepening import Question

__all__ = ["draw"]


def draw(question: Question, key: str) -> None:
    """Draw the panel of a question; nothing is sent before its button is pressed."""
    with st.expander("Deepen with Claude"):
        try:
            name = load().deepen_model
            model = model_of(name)
        except ClustertraceError as error:
            st.html(markup.notice(str(error), _hint()))
            return
        cost = estimate_usd(name, question.system + question.prompt, question.max_tokens)
        price = "an unknown price" if cost is None else f"about {words.money(cost)} at most"
        st.html(markup.page(f"This sends the text below to {name}, once, with your key: {price}."))
        st.code(
            f"{question.system}\n\n{question.prompt}", language=None, wrap_lines=True, height=220
        )
        if not st.button("Send it", key=f"send {key}", type="primary"):
            return
        place = st.empty()
        parts: list[str] = []
        try:
            for piece in model.stream(*question):
                if isinstance(piece, Answer):
                    st.html(markup.page(markup.muted(_spent(piece))))
                    continue
                parts.append(piece)
                # As plain text: as Markdown, an image in the answer would be fetched from its host.
                place.html(markup.page(markup.text_block("".join(parts))))
        except ClustertraceError as error:
            st.html(markup.notice(str(error)))


def _spent(answer: Answer) -> str:
    cost = "at an unknown price" if answer.cost_usd is None else words.money(answer.cost_usd)
    return (
        f"{words.count(answer.input_tokens)} tokens read, {words.count(answer.output_tokens)} "
        f"written: {cost}."
    )


def _hint() -> markup.Markup:
    return markup.tag(
        "p",
        "Set it where you start the dashboard, and start it again: ",
        markup.tag("code", "export ANTHROPIC_API_KEY=…"),
        ". Nothing is sent without your click.",
    )
