"""Span events: the exception that ended a span, messages of a conversation, and all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clustertrace.conventions.dialect import Field, parsed
from clustertrace.conventions.raw import Event

__all__ = ["read_events"]


def read_events(
    events: Sequence[Event],
    messages: Mapping[str, tuple[Field, str]],
    found: list[Any],
    rest: dict[str, Any],
    *,
    failed: bool,
) -> tuple[str | None, str | None]:
    """Read what events say; those that fill no field become `rest["events"]`.

    `found` holds the fields read so far, by number; messages fill an input or output that has no
    structured content yet. Returns the type and message of the exception that the span ended in.
    """
    fatal = _fatal(events) if failed else None
    said: dict[int, list[Any]] = {}
    others: list[dict[str, Any]] = []
    for event in events:
        field, role = messages.get(event.name, (None, ""))
        if event is fatal:
            if event.attributes.get("exception.stacktrace"):
                rest["exception.stacktrace"] = event.attributes["exception.stacktrace"]
        elif field is not None and found[field] is None:
            said.setdefault(field, []).append(_message(role, event.attributes))
        else:
            others.append(_compact(event))
    for number, conversation in said.items():
        found[number] = conversation
    if others:
        rest["events"] = others
    if fatal is None:
        return None, None
    return _text(fatal, "exception.type"), _text(fatal, "exception.message")


def _fatal(events: Sequence[Event]) -> Event | None:
    """The last exception: earlier ones were caught on the way."""
    return next((event for event in reversed(events) if event.name == "exception"), None)


def _text(event: Event, key: str) -> str | None:
    value = event.attributes.get(key)
    return value if isinstance(value, str) and value else None


def _message(role: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A message from its event; content and tool calls may be JSON, or nested in `message`."""
    told = {key: parsed(value) for key, value in attributes.items() if key not in _NOT_SAID}
    nested = told.pop("message", None)
    if isinstance(nested, dict):
        told = {**nested, **told}
    elif nested is not None:
        told.setdefault("content", nested)
    return {"role": told.pop("role", None) or role, **told}


_NOT_SAID = frozenset({"gen_ai.system", "gen_ai.provider.name", "event.name"})


def _compact(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"name": event.name, "time_unix_nano": event.time_ns}
    if event.attributes:
        told["attributes"] = event.attributes
    return told
