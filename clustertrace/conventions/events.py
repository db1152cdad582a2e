"""Span events: the exception that ended a span, messages, other content, the first token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clustertrace.conventions.dialect import READERS, Field
from clustertrace.conventions.raw import Event
from clustertrace.conventions.readers import parsed
from clustertrace.conventions.routes import Routes

__all__ = ["EventFacts", "read_events"]


class EventFacts(NamedTuple):
    """What events said beside the fields that they filled."""

    error_type: str | None = None
    error_message: str | None = None
    messages: bool = False
    """The input or output was put together from messages."""


def read_events(
    events: Sequence[Event],
    routes: Routes,
    fields: list[Any],
    rest: dict[str, Any],
    *,
    failed: bool,
) -> EventFacts:
    """Read what events say; those that fill no field become `rest["events"]`.

    `fields` holds the fields read so far, by number; what events carry fills those that are empty.
    """
    fatal = _fatal_exception(events) if failed else None
    messages_by_field: dict[int, list[Any]] = {}
    unread: list[dict[str, Any]] = []
    for event in events:
        field, role = routes.messages.get(event.name, (None, ""))
        if event is fatal:
            if event.attributes.get("exception.stacktrace"):
                rest["exception.stacktrace"] = event.attributes["exception.stacktrace"]
        elif field is not None and fields[field] is None:
            messages_by_field.setdefault(field, []).append(_message(role, event.attributes))
        else:
            if event.name in routes.first_tokens and fields[Field.FIRST_TOKEN_NS] is None:
                fields[Field.FIRST_TOKEN_NS] = event.time_ns
            leftover = _take_values(event, routes, fields)
            if leftover is not None:
                unread.append(leftover)
    for number, conversation in messages_by_field.items():
        fields[number] = conversation
    if unread:
        # An attribute of that name is the program's own.
        rest["span.events" if "events" in rest else "events"] = unread
    if fatal is None:
        return EventFacts(messages=bool(messages_by_field))
    return EventFacts(
        _text_attribute(fatal, "exception.type"),
        _text_attribute(fatal, "exception.message"),
        bool(messages_by_field),
    )


def _take_values(event: Event, routes: Routes, fields: list[Any]) -> dict[str, Any] | None:
    """What is left of an event once content has moved to its fields; None if nothing is."""
    attributes = event.attributes
    moved: set[str] = set()
    for key, field in routes.values.get(event.name, ()):
        value = READERS[field](attributes.get(key))
        if value is not None and fields[field] is None:
            fields[field] = value
            moved.add(key)
    if moved:
        attributes = {key: value for key, value in attributes.items() if key not in moved}
        if not attributes:
            return None
    leftover: dict[str, Any] = {"name": event.name, "time_unix_nano": event.time_ns}
    if attributes:
        leftover["attributes"] = attributes
    return leftover


def _fatal_exception(events: Sequence[Event]) -> Event | None:
    """The last exception: earlier ones were caught on the way."""
    return next((event for event in reversed(events) if event.name == "exception"), None)


def _text_attribute(event: Event, key: str) -> str | None:
    value = event.attributes.get(key)
    return value if isinstance(value, str) and value else None


def _message(role: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A message from its event; content and tool calls may be JSON, or nested in `message`."""
    message = {
        key: parsed(value) for key, value in attributes.items() if key not in _NOT_OF_MESSAGE
    }
    nested = message.pop("message", None)
    if isinstance(nested, dict):
        message = {**nested, **message}
    elif nested is not None:
        message.setdefault("content", nested)
    return {"role": message.pop("role", None) or role, **message}


_NOT_OF_MESSAGE = frozenset({"gen_ai.system", "gen_ai.provider.name", "event.name"})
