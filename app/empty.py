"""What an empty database says: how traces get in."""

from __future__ import annotations

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
                code("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:7777"),
                ", or the port that this page has.",
            ),
            item("Import what you have: ", code("clustertrace import traces.jsonl.gz")),
            item("Or look at the demo first: ", code("clustertrace demo")),
            cls="ct-ways",
        ),
    )


def _item(*parts: object) -> markup.Markup:
    return markup.tag("li", *parts)


def _code(text: str) -> markup.Markup:
    return markup.tag("code", text)
