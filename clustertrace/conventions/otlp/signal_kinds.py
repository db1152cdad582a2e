"""Which signal a protobuf request carries: over HTTP its address says so, in a file nothing does.

Requests of all signals are framed alike (clustertrace.conventions.otlp.walk), so that any of them
decodes as any other. What they hold differs in the types of its times, and where an item has none,
in what it is known by: a span by two ids of fixed length, a metric by a name, a record by neither.
"""

from __future__ import annotations

from typing import Final, Literal

from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]

from clustertrace.conventions.otlp.walk import first_item

__all__ = ["Signal", "signal_of_protobuf"]

Signal = Literal["traces", "logs", "metrics"]

_VARINT, _EIGHT_BYTES, _BYTES = 0, 1, 2
_OF_SPAN: Final = {(7, _EIGHT_BYTES), (8, _EIGHT_BYTES)}
"""Its start and its end."""
_OF_RECORD: Final = {(1, _EIGHT_BYTES), (11, _EIGHT_BYTES), (2, _VARINT)}
"""Its time, when it was observed, and its severity."""
_NAMED: Final = (1, _BYTES)
"""The trace id of a span, or the name of a metric; a log record has nothing like it."""
_SPAN_ID: Final = (2, _BYTES)
"""In a metric this is its description."""


def signal_of_protobuf(body: bytes | bytearray) -> Signal:
    """What the first item of a request is; "traces" if there is none, or it is no message."""
    item = first_item(body)
    try:
        items = UnknownFieldSet(Empty.FromString(item or b""))
    except DecodeError:
        return "traces"
    fields = {(field.field_number, field.wire_type): field.data for field in items}
    if not fields or fields.keys() & _OF_SPAN:
        return "traces"
    if fields.keys() & _OF_RECORD or _NAMED not in fields:
        return "logs"
    has_ids = (len(fields[_NAMED]), len(fields.get(_SPAN_ID, b""))) == (16, 8)
    return "traces" if has_ids else "metrics"
