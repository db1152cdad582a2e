"""Which signal a protobuf request carries: over HTTP its address says so, in a file nothing does.

Requests of all signals are framed alike (clustertrace.conventions.otlp.walk), so that any of them
decodes as any other. What they hold differs in the types of its times, and every item has a time.
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
_OF_METRIC: Final = {(field, _BYTES) for field in (5, 7, 9, 10, 11)}
"""The kinds of data; a span's name and attributes have such numbers too."""


def signal_of_protobuf(body: bytes | bytearray) -> Signal:
    """What the first item of a request is; "traces" if there is none, or it is no message."""
    item = first_item(body)
    try:
        fields = UnknownFieldSet(Empty.FromString(item or b""))
    except DecodeError:
        return "traces"
    types = {(field.field_number, field.wire_type) for field in fields}
    if types & _OF_RECORD:
        return "logs"
    if types & _OF_METRIC and not types & _OF_SPAN:
        return "metrics"
    return "traces"
