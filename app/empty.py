"""What pages show for an empty database: the ways to get traces in."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from clustertrace.app import markup

__all__ = ["ways_in"]


def ways_in(sentence: str) -> markup.Markup:
    """A sentence, and the ways to get traces in."""
    return markup.notice(
        sentence,
        markup.tag(
            "ul",
            _item("Decorate your own code: ", _code("@clustertrace.trace"), " above a function."),
            _item("Send OpenTelemetry: ", _code(f"OTEL_EXPORTER_OTLP_ENDPOINT={_receiver()}")),
            _item("Import what you have: ", _code("clustertrace import traces.jsonl.gz")),
            _item("Or look at the demo first: ", _code("clustertrace demo")),
            cls="ct-ways",
        ),
    )


def _receiver() -> str:
    """The address that programs send to: the one that this page was loaded from."""
    page_url = urlsplit(st.context.url or "")
    return f"{page_url.scheme}://{page_url.netloc}" if page_url.netloc else "http://localhost:7777"


def _item(*parts: object) -> markup.Markup:
    return markup.tag("li", *parts)


def _code(text: str) -> markup.Markup:
    return markup.tag("code", text)
