"""Any other Python value → plain pieces, in bounded time and space.

Objects are recognised by their attributes rather than their class, since importing their libraries
would cost the program more than it gains.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import Any, Final, NamedTuple

from clustertrace.record.conversations import is_conversation, left_out, shortened, whose
from clustertrace.record.plain import MAX_DEPTH, NODE_BYTES, encode
from clustertrace.redaction.marks import SHORTENED

__all__ = ["LONGEST_NOTE", "READ", "Captured", "Rebuilder", "not_recorded", "without_ends"]

_MAX_NODES: Final = 10_000
_SORTED: Final = 1000
"""Sets up to this size are kept in order; sorting a larger one would cost too much."""
_DUMPED: Final = 10_000
"""Models with no more elements than this dump themselves."""
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})
LONGEST_NOTE: Final = 40
"""What stands for something that was cut has at most so many characters."""
READ: Final = 2
"""Times the limit of a payload that is read of it: a secret may reach beyond the limit."""
_END: Final = 256
"""So much of the end of a text that was cut may be the beginning of a secret."""
_PREVIEW: Final = 10
"""Elements of a large array that are kept to look at."""


class Captured(NamedTuple):
    """A value as JSON text (ASCII), and the paths in it that are incomplete."""

    text: str
    cut: tuple[str, ...] = ()
    """Paths, one level deep, of what was too large: "query", or "" for the value itself."""
    opaque: tuple[str, ...] = ()
    """Paths of what is not data and is kept as its `repr`."""
    secrets: int = 0
    """How many were taken out already."""


class Rebuilder:
    """Rebuilds one value from plain pieces, as much of it as the budget allows."""

    _opening_share: float = 1 / 3
    """What the opening of a conversation may take of the space for sure."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        """Bytes that may still be used; negative once too many were."""
        self._nodes = _MAX_NODES
        self._is_conversing = False
        self._open: set[int] = set()
        self._path: list[str] = []
        self._cut: dict[str, None] = {}
        self._opaque: dict[str, None] = {}

    def build(self, value: Any) -> Captured:
        return Captured(encode(self.rebuilt(value)), self.cut, tuple(self._opaque))

    def rebuilt(self, value: Any) -> Any:
        """As much of a value as fits, of JSON's types."""
        return self._value(value, 0)

    @property
    def cut(self) -> tuple[str, ...]:
        """Paths, one level deep, of what was too large."""
        return tuple(self._cut)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more fits, or too many pieces were made."""
        return self.left <= 0 or self._nodes <= 0

    def within(self, room: int, make: Callable[[Any], Any], value: Any) -> Any:
        """`make(value)`, which finds so many bytes left, and as much of the pieces."""
        whole, nodes = self.left, self._nodes
        part = nodes * room // whole if 0 < room < whole else nodes
        self.left, self._nodes = room, part
        made = make(value)
        self.left += whole - room
        self._nodes += nodes - part
        return made

    def cost(self, make: Callable[[Any], Any], value: Any) -> int:
        """The bytes that `make(value)` would use."""
        left, nodes = self.left, self._nodes
        make(value)
        cost = left - self.left
        self.left, self._nodes = left, nodes
        return cost

    def _value(self, value: Any, depth: int) -> Any:
        self._nodes -= 1
        self.left -= NODE_BYTES
        try:
            return self._rebuilt(value, depth)
        except Exception as error:
            # One value that can't be looked at must not take those beside it along.
            self._mark(self._opaque)
            return not_recorded(error)

    def _rebuilt(self, value: Any, depth: int) -> Any:
        if type(value) is str:  # most values are; what stands below asks the same of its subclasses
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self._value(value.value, depth)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**63 else self._text(_big(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(float(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(bytes(value[: self._room()]), len(value))
        if depth >= MAX_DEPTH or self.is_spent:
            self._mark(self._cut)
            return f"[cut: {type(value).__name__}]"
        if id(value) in self._open:
            self._mark(self._opaque)
            return "[cycle]"
        self._open.add(id(value))
        try:
            return self._structure(value, depth)
        finally:
            self._open.discard(id(value))

    def _structure(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple):
            named = getattr(value, "_asdict", None)
            return self._mapping(named(), depth) if named else self._list(value, depth)
        if isinstance(value, Set):
            return self._sequence(_sorted(value), depth)
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__name__}: {value}")
        if not isinstance(value, type):
            return self._object(value, depth)
        self._mark(self._opaque)
        return self._text(repr(value))

    def _object(self, value: Any, depth: int) -> Any:
        """What is recognised by its attributes: importing its library would cost more."""
        kind = type(value)
        if hasattr(kind, "__dataclass_fields__"):
            from dataclasses import fields

            return self._mapping(
                {f.name: getattr(value, f.name, None) for f in fields(value)}, depth
            )
        if callable(getattr(kind, "model_dump", None)):
            return self._model(value, depth)
        if hasattr(kind, "shape") and hasattr(kind, "dtype"):
            return self._array(value, depth)
        if callable(getattr(kind, "isoformat", None)):  # dates and times
            return self._text(str(value.isoformat()))
        if kind.__module__.partition(".")[0] in ("uuid", "pathlib", "decimal", "fractions"):
            return self._text(str(value))
        self._mark(self._opaque)
        return self._text(repr(value))

    def _model(self, value: Any, depth: int) -> Any:
        """A pydantic model: its own dump, unless that would copy more than can be kept."""
        held, most = vars(value), max(_DUMPED, self.left)
        size = sum(len(item) for item in held.values() if hasattr(item, "__len__"))
        if size > most or _elements_left(value, most, MAX_DEPTH) < 0:
            fields = type(value).model_fields
            shown = [name for name in held if name in fields and not fields[name].exclude]
            return self._mapping({name: held[name] for name in shown}, depth)
        return self._value(value.model_dump(), depth + 1)

    def _array(self, value: Any, depth: int) -> Any:
        """NumPy's arrays and scalars, and what looks like them."""
        size = math.prod(value.shape)
        if not value.shape:
            return self._value(value.item(), depth + 1)
        if size <= 1000:
            return self._value(value.tolist(), depth + 1)
        self._mark(self._cut)
        flat = value.reshape(-1) if hasattr(value, "reshape") else value
        first = flat[:_PREVIEW].tolist()
        summary = {"shape": list(value.shape), "dtype": str(value.dtype), "first": first}
        return self._mapping(summary, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in value.items():
            if self.is_spent:
                made |= whose(value)
                if more := len(value) - len(made):
                    self._mark(self._cut)
                    made["[cut]"] = f"{more} more"
                break
            name = self._text(key if isinstance(key, str) else str(key))
            if depth:
                made[name] = self._value(item, depth + 1)
            else:
                made[name] = self._share(name, item, len(value) - len(made))
        return made

    def _share(self, name: str, item: Any, sharers: int) -> Any:
        """One of the outermost values: a large argument must not crowd out those after it."""
        self._path.append(name)
        made = self.within(self.left // sharers, lambda item: self._value(item, 1), item)
        self._path.pop()
        return made

    def _list(self, value: Sequence[Any], depth: int) -> list[Any]:
        if self._is_conversing or not is_conversation(value):
            return self._sequence(value, depth)
        made = self._conversation(value, lambda message: self._value(message, depth + 1))
        gap = len(value) - len(made)
        messages = [made[at] for at in sorted(made)]
        if gap:
            self._mark(self._cut)
            first = next(at for at in range(len(value)) if at not in made)
            messages.insert(first, left_out(value[first : first + gap]))
        return messages

    def _conversation(self, messages: Sequence[Any], make: Callable[[Any], Any]) -> dict[int, Any]:
        """The messages by their place: all that fit, or those that matter most."""
        left, nodes = self.left, self._nodes
        self._is_conversing = True  # within a message, lists are kept from their beginning
        try:
            made = {}
            for at, message in enumerate(messages):
                made[at] = make(message)
                if self.is_spent:
                    self.left, self._nodes = left, nodes
                    return shortened(messages, make, self, self._opening_share)
            return made
        finally:
            self._is_conversing = False

    def _sequence(self, value: Collection[Any], depth: int) -> list[Any]:
        made: list[Any] = []
        for item in value:
            if self.is_spent:
                self._mark(self._cut)
                made.append(f"[cut: {len(value) - len(made)} more]")
                break
            made.append(self._value(item, depth + 1))
        return made

    def _text(self, value: str) -> str:
        kept = self._beginning(value, self._room())
        if len(kept) >= len(value) or kept == value:
            return kept
        # One that was cut before had another length.
        earlier = SHORTENED.search(value, max(0, len(value) - LONGEST_NOTE))
        note = f"… [cut: {earlier[1] if earlier else len(value)} characters in all]"
        if len(value) - len(kept) <= len(note):  # what is missing is no longer than that
            return kept + self._beginning(value[len(kept) :], 4 * len(note))
        self._mark(self._cut)
        return kept + note

    def _beginning(self, value: str, room: int) -> str:
        """So many bytes of a text."""
        kept = str(value[:room])
        if kept.isascii():
            self.left -= len(kept)
            return kept
        encoded = kept.encode("utf-8", "replace")[:room]
        self.left -= len(encoded)
        return encoded.decode("utf-8", "ignore")

    def _bytes(self, kept: bytes, size: int) -> str:
        text = kept.decode("utf-8", "backslashreplace")
        self.left -= len(text)
        self._mark(self._opaque)
        if len(kept) == size:
            return text
        self._mark(self._cut)
        return f"{text}… [cut: {size} bytes in all]"

    def _room(self) -> int:
        return max(0, self.left)

    def _mark(self, what: dict[str, None]) -> None:
        what[self._path[0] if self._path else ""] = None


def without_ends(value: Any, levels: int = MAX_DEPTH) -> Any:
    """A rebuilt value without the ends of texts that were cut, where one may have cut a secret.

    They lie far beyond what is kept, unless other secrets before them took up most of the space.
    """
    if isinstance(value, str):
        note = SHORTENED.search(value, max(0, len(value) - LONGEST_NOTE))
        return value if note is None else value[: max(0, note.start() - _END)] + note[0]
    if not levels or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [without_ends(item, levels - 1) for item in value]
    return {key: without_ends(item, levels - 1) for key, item in value.items()}


def _elements_left(value: Any, left: int, levels: int) -> int:
    """What is left of so many elements after those that a dump would copy; negative: too few.

    Texts are not counted by length, as they are not copied.
    """
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        if not callable(getattr(kind, "model_dump", None)):
            return left
        value = getattr(value, "__dict__", {}).values()
    left -= len(value)
    for item in value if levels else ():
        if left < 0:
            break
        if type(item) not in _LEAVES:
            left = _elements_left(item, left, levels - 1)
    return left


def _sorted(values: Set[Any]) -> Collection[Any]:
    """A set in an order that is the same from run to run, if that is cheap enough."""
    if len(values) > _SORTED:
        return values
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def _big(value: int) -> str:
    """Python refuses to write very large numbers in decimal; hexadecimal has no such limit."""
    return str(value) if value.bit_length() < 4096 else f"{value:#x}"


def not_recorded(error: Exception) -> str:
    return f"[not recorded: {type(error).__name__}]"
