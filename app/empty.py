"""What an empty database says: how traces get in."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from clustertrace.app import markup

__all__ = ["ways_in"]


def ways_in(sentence: str) -> markup.Markup:
    """A sentence, and the three ways in."""
    item, code = _item, _code
    return markup.notice(
        sentence,
        markup.tag(
            "ul",
            item("Decorate your own code: ", code("@clustertrace.trace"), " above a function."),
            item(
                "Send OpenTelemetry: ",
                code(f"OTEL_EXPORTER_OTLP_ENDPOINT={_receiver()}"),
            ),
            item("Import what you have: ", code("clustertrace import traces.jsonl.gz")),
            item("Or look at the demo first: ", code("clustertrace demo")),
            cls="ct-ways",
        ),
    )


def _receiver() -> str:
    """Where programs send to: the same port that the browser has this page from."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}" if here.netloc else "http://localhost:7777"


def _item(*parts: object) -> markup.Markup:
    return markup.tag("li", *parts)


def _code(text: str) -> markup.Markup:
    return markup.tag("code", text)
