"""Span events: the exception that ended a span, messages, other content, the first token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clustertrace.conventions.dialect import READERS, Field
from clustertrace.conventions.raw import Event
from clustertrace.conventions.readers import parsed
from clustertrace.conventions.routes import Routes

__all__ = ["Told", "read_events"]


class Told(NamedTuple):
    """What events said beside the fields that they filled."""

    error_type: str | None = None
    error_message: str | None = None
    messages: bool = False
    """The input or output was put together from messages."""


def read_events(
    events: Sequence[Event],
    routes: Routes,
    found: list[Any],
    rest: dict[str, Any],
    *,
    failed: bool,
) -> Told:
    """Read what events say; those that fill no field become `rest["events"]`.

    `found` holds the fields read so far, by number; what events carry fills those that are empty.
    """
    fatal = _fatal(events) if failed else None
    said: dict[int, list[Any]] = {}
    others: list[dict[str, Any]] = []
    for event in events:
        field, role = routes.messages.get(event.name, (None, ""))
        if event is fatal:
            if event.attributes.get("exception.stacktrace"):
                rest["exception.stacktrace"] = event.attributes["exception.stacktrace"]
        elif field is not None and found[field] is None:
            said.setdefault(field, []).append(_message(role, event.attributes))
        else:
            if event.name in routes.first_tokens and found[Field.FIRST_TOKEN_NS] is None:
                found[Field.FIRST_TOKEN_NS] = event.time_ns
            left = _without_values(event, routes, found)
            if left is not None:
                others.append(left)
    for number, conversation in said.items():
        found[number] = conversation
    if others:
        # An attribute of that name is the program's own.
        rest["span.events" if "events" in rest else "events"] = others
    if fatal is None:
        return Told(messages=bool(said))
    return Told(_text(fatal, "exception.type"), _text(fatal, "exception.message"), bool(said))


def _without_values(event: Event, routes: Routes, found: list[Any]) -> dict[str, Any] | None:
    """What is left of an event once content has moved to its fields; None if nothing is."""
    attributes = event.attributes
    moved: set[str] = set()
    for key, field in routes.values.get(event.name, ()):
        value = READERS[field](attributes.get(key))
        if value is not None and found[field] is None:
            found[field] = value
            moved.add(key)
    if moved:
        attributes = {key: value for key, value in attributes.items() if key not in moved}
        if not attributes:
            return None
    told: dict[str, Any] = {"name": event.name, "time_unix_nano": event.time_ns}
    if attributes:
        told["attributes"] = attributes
    return told


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
